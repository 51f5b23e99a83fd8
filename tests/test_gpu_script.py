"""`benchmarks/gpu.sh`: its commands are commands, and a part that fails is told of at its end."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from vdsm.cli import options_of
from vdsm.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "benchmarks" / "gpu.sh"


def script(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script's end."""
    return subprocess.run(
        ["bash", SCRIPT, *map(str, words)],
        env=os.environ | {"PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
    )


def commands(*words: object, **environment: str) -> list[list[str]]:
    """What the script would do, each within how many seconds."""
    done = script(*words, "--dry", **environment)
    assert done.returncode == 0
    assert not done.stderr
    return [shlex.split(line) for line in done.stdout.splitlines()]


def test_its_commands_are_commands(tmp_path: Path) -> None:
    """All options exist, with values that are taken; the data may have a blank in their name."""
    out = tmp_path / "out"
    told = commands(tmp_path / "my data", out)
    assert not out.exists()
    assert [line[:3] for line in told] == [["timeout", "-k", "15"]] * 5
    tests, *others = (line[4:] for line in told)
    assert tests[:5] == ["env", "VDSM_TEST_GPU=1", sys.executable, "-m", "pytest"]
    assert (ROOT / tests[6]).is_file()
    options = []
    for line in others:
        assert line[:3] == [sys.executable, "-m", "vdsm"]
        options.append(options_of(line[3:])[1])
    plain, graphs, train, evaluate = options
    assert (plain.capture, graphs.capture, graphs.compare) == ("never", "always", plain.out)
    assert (train.data, train.size) == (tmp_path / "my data", "paper")
    steps = {"stage1.steps": "5000", "stage2.steps": "4000"}
    assert train.fields == {"device": "cuda", "capture": "auto"} | steps
    assert evaluate.device == "cuda"
    with pytest.raises(InputError):
        options_of([*others[0][3:], "--repeat", "3"])


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    (line,) = (line for line in commands("data", tmp_path) if "train" in line)
    assert line[7:9] == ["train", "--resume"]
    assert "data" not in line


def test_parts_share_the_seconds(tmp_path: Path) -> None:
    """Nobody gets more than is left of all, less what is kept for later parts."""
    seconds = [int(line[3]) for line in commands("data", tmp_path, LIMIT="200")]
    assert seconds[3] == 200 - 130
    assert seconds[4] == 200
    assert seconds[:3] == [0, 0, 0]  # no time for more than training and its evaluation


def test_a_part_that_fails_stops_nothing(tmp_path: Path) -> None:
    """Every command is one that says which it is and fails, but for the evaluation."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "told $3"\n[ "$3" = evaluate ]\n')
    python.chmod(0o755)
    out = tmp_path / "out"
    done = script(tmp_path, out, PYTHON=str(python))
    assert done.returncode == 1
    log = (out / "gpu.log").read_text()
    assert log.count("exit code 1 ") == 4
    assert "evaluate: exit code 0 " in log
    assert [log.count(f"told {name}\n") for name in ("bench", "train", "evaluate")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "bash benchmarks/gpu.sh DATA OUT [--dry]"),
        (["nowhere", "out"], "nowhere is not there: 'vdsm data sprites"),
        (["data", "out", "--dryly"], "'--dryly' is unknown: --dry, or nothing"),
    ],
)
def test_mistakes_are_told(words: list[str], said: str) -> None:
    done = script(*words)
    assert done.returncode == 2
    assert said in done.stderr
