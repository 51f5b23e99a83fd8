"""`vdsm bench --to-quality`: what is kept, what it cost, who is first; nothing is timed."""

import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from small import pendula
from vdsm import InputError
from vdsm.bench.curve import Curve, Point, as_json, read_curves
from vdsm.bench.kept import KeptRun
from vdsm.bench.picture import drawn
from vdsm.bench.quality import NEVER, Wanted, trained
from vdsm.bench.tables import cost
from vdsm.cli import run as command
from vdsm.commands import bench
from vdsm.config import override
from vdsm.data import open_clips
from vdsm.evaluate import Settings, probes
from vdsm.evaluate.run import evaluate_run
from vdsm.evaluate.stream import quiet
from vdsm.methods.table import method_of
from vdsm.store.open import open_model
from vdsm.store.run import Run
from vdsm.train.loop import Events, train

JOINT = (0.0, 0.5, 0.96, 0.94, 1.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    held = {"clips_per_cell": 4, "test_share": 0.25, "validation_share": 0.34}
    return pendula(tmp_path_factory.mktemp("curves") / "data", **held)


def curve(**changes: Any) -> Curve:
    points = [Point(10 * i, 2.0 * i, 3.0 * i, joint, joint, 1.0) for i, joint in enumerate(JOINT)]
    made = Curve(
        *("dsvae", "DSVAE", "pendulum", "compact", 0, "pendulum", "f00d", 56),
        judges={"colour": 1.0},
        judging_seconds=9.0,
        threads=1,
        torch="2",
        points=points,
    )
    return replace(made, **changes)


def test_first_is_the_earliest_point_that_is_good_enough() -> None:
    made = curve()
    assert made.first(95) == made.points[2]
    assert made.first(96) == made.points[2]
    assert made.first(96.5) == made.points[4]
    assert replace(made, points=made.points[:2]).first(95) is None
    assert (cost(made.first(99)), cost(None)) == ("8 CPU s, 40 clips", "never")


def test_a_file_holds_curves_and_who_is_first(tmp_path: Path) -> None:
    file = tmp_path / "curves.json"
    curves = [curve(), curve(method="dbse", title="DBSE", points=curve().points[:2])]
    file.write_bytes(as_json(curves))
    assert read_curves(file) == curves
    written = json.loads(file.read_text())["curves"]
    assert written[0]["first"]["95"] == asdict(curves[0].points[2])
    assert written[1]["first"] == {"95": None, "99": None}


@pytest.mark.parametrize("content", ['{"curves": []}', "{}", '{"curves": [3]}', '{"curves": [{}]}'])
def test_a_file_of_something_else_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "curves.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"curves\.json"):
        read_curves(file)


def size_of(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


def test_picture_has_a_line_for_every_curve(tmp_path: Path) -> None:
    pictures = [drawn([curve()]), drawn([curve(), curve(seed=1, points=curve().points[:3])])]
    for number, content in enumerate(pictures):
        file = tmp_path / f"{number}.png"
        file.write_bytes(content)
        assert size_of(file) == (990, 418)
    assert pictures[0] != pictures[1]


def wanted(name: str, points: int) -> Wanted:
    method = method_of(name)
    config = override(method.preset("debug", "compact"), {"model.size": "32"}, "test")
    return Wanted(method, replace(config, precision="fp32"), "debug", "compact", points)


@pytest.mark.parametrize("name", ["dsvae", "vdsm"])
def test_what_is_kept_is_the_training_as_it_was(name: str, data: Path, tmp_path: Path) -> None:
    """From the first weights to the finished model, a point for each number of clips seen."""
    clips, asked = open_clips(data), wanted(name, 4)
    kept = trained(asked, clips, tmp_path / "kept", lambda _: None)
    stages = asked.method.stages(asked.config)
    total = sum(stage.settings.steps for stage in stages)
    seen = [one.clips_seen for one in kept]
    assert seen == sorted(set(seen))
    assert seen[0] == 0
    assert seen[-1] == sum(s.settings.steps * s.settings.batch for s in stages)
    ends = len([s for s in stages if s.settings.steps % (total // 4)])
    assert len(seen) - 1 == sum(s.settings.steps // (total // 4) for s in stages) + ends
    for name_of in ("cpu_seconds", "seconds"):
        values = [getattr(one, name_of) for one in kept]
        assert values == sorted(values)
    plain = Run.create(tmp_path / "plain", asked.config, data, "debug", method=name)
    expected = train(plain, clips).state_dict()
    found = open_model(kept[-1].folder).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


def test_weights_of_the_same_moment_replace_the_earlier(data: Path, tmp_path: Path) -> None:
    asked = wanted("dsvae", 1)
    config = replace(asked.config, log_every=20, checkpoint_every=NEVER)
    run = KeptRun.create(tmp_path / "run", config, data, "debug", method="dsvae")
    assert isinstance(run, KeptRun)
    saved: list[tuple[int, float]] = []

    def told(record: dict[str, Any]) -> None:
        run.told.take(record)
        saved.append((record["clips_seen"], record["cpu_seconds"]))

    train(run, open_clips(data), Events(on_metrics=told))
    assert [one.clips_seen for one in run.kept] == [0, 80]
    assert run.kept[-1].cpu_seconds > saved[-1][1]  # what was fitted after the last step


JUDGED: dict[str, Any] = {
    "judge_steps": 2,
    "judge_width": 2,
    "judge_hidden": 4,
    "judge_batch": 8,
    "resamples": 20,
}
QUICK = "--floor 0 --points 2 --preset debug --method"


def test_command(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its last point is what `vdsm evaluate --split validation` finds of such a training."""
    monkeypatch.setattr(bench, "Settings", partial(Settings, **JUDGED))
    monkeypatch.setattr(probes, "MLP_EPOCHS", 1)
    out, picture = tmp_path / "curves.json", tmp_path / "curves.png"
    words = f"bench --to-quality {data} {QUICK} dbse --out {out} --picture {picture}"
    assert command(words.split()) == 0
    (made,) = read_curves(out)
    assert (made.method, made.preset, made.dataset) == ("dbse", "debug", "pendulum")
    assert [p.clips_seen for p in made.points] == [0, 40, 80]
    assert size_of(picture) == (990, 418)
    assert "DBSE" in capsys.readouterr().out
    judges = list((tmp_path / "judges").glob("*.safetensors"))
    assert len(judges) == 1
    again = tmp_path / "again.json"
    words = f"bench --to-quality {data} {QUICK} dbse --seed 1 --out {again} --compare {out}"
    assert command([*words.split(), "--cache", str(tmp_path / "judges")]) == 0
    assert [c.label for c in read_curves(again)] == ["DBSE", "DBSE, seed 1"]
    assert list((tmp_path / "judges").glob("*.safetensors")) == judges

    run = tmp_path / "run"
    train_words = f"train {data} --method dbse --preset debug --out {run}"
    assert command(train_words.split()) == 0
    settings = Settings(judges=1, floor=0, split="validation", nulls=False, shuffles=2, **JUDGED)
    found = evaluate_run(run, None, settings, 0, tmp_path / "judges", quiet)
    last = made.points[-1]
    assert found["swap"]["joint"] == pytest.approx(last.joint)
    assert found["counts"]["swap.joint"] == made.n


def refused(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert command(["bench", *words.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_bad_input_is_one_line_before_anything_trains(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = f"--to-quality {data} {QUICK}"
    assert "MoCoGAN has no encoder" in refused(f"{to} mocogan", capsys)
    assert "--to-quality" in refused("--picture a.png", capsys)
    assert "--to-quality" in refused("--cache judges", capsys)
    assert ".png" in refused(f"{to} dsvae --picture {tmp_path}/a.gif", capsys)
    assert "one of --sizes" in refused(f"{to} dsvae --sizes compact,paper", capsys)
    other = tmp_path / "other.json"
    other.write_bytes(as_json([curve()]))
    assert "on other data" in refused(f"{to} dsvae --compare {other}", capsys)
    assert "other.json" in refused(f"--to-quality {other} {QUICK} dsvae", capsys)
    bare = pendula(tmp_path / "bare", validation_share=0)
    line = refused(f"--to-quality {bare} {QUICK} dsvae", capsys)
    assert "validation" in line
