"""Training: exact resume, what each stage moves, failures undone, files that are damaged."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from small import HELPED, SMALL, pendula, start
from vdsm import VDSM, InputError
from vdsm.cli import run as command
from vdsm.config import override
from vdsm.data import open_clips
from vdsm.data.clips import Clips, ClipWriter, Info
from vdsm.data.pendulum import COLOURS, draw, simulate
from vdsm.files import atomic_write
from vdsm.methods.readout import Readout
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.additions import bounds
from vdsm.methods.vdsm.config import AdditionsConfig, PosesConfig
from vdsm.store.run import Run
from vdsm.train import loop
from vdsm.train.loop import Diverged, Events, Stopped, train
from vdsm.train.pictures import Painter


@pytest.fixture(scope="module", autouse=True)
def _no_pictures() -> Iterator[None]:
    """Tested elsewhere. The process that is killed below draws them, and ends in the same bits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("train") / "data")


@pytest.fixture(scope="module")
def unbroken(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run, clips = start(tmp_path_factory.mktemp("unbroken") / "run", data)
    train(run, clips)
    return run


def comparable(run: Run) -> dict[str, Any]:
    """All that a run leaves, but for the time it took."""
    state = run.restore()
    assert state is not None
    none = {"seconds": 0, "cpu_seconds": 0}
    state |= none
    metrics = [m | none for m in run.metrics()]
    return {"state": state, "metrics": metrics, "weights": weights(run)}


def weights(run: Run) -> dict[str, Tensor]:
    return safetensors.torch.load_file(run.path / "model.safetensors")


def equal(a: Any, b: Any) -> bool:
    """Bit-exact equality of nested containers of tensors and plain values."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return torch.equal(a, b) if isinstance(a, Tensor) else a == b


def stop_after(steps: int) -> Events:
    """Asks to stop when so many steps are done, over both stages."""
    calls = iter(range(1, 10**6))
    return Events(should_stop=lambda: next(calls) == steps)


# -- resume ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 4, 6, 7, 11, 12])
def test_stopped_and_resumed_equals_unbroken(
    step: int, data: Path, tmp_path: Path, unbroken: Run
) -> None:
    """Within both stages, at a checkpoint, at the boundary (6) and after the last step (12)."""
    run, clips = start(tmp_path / "run", data)
    with pytest.raises(Stopped):
        train(run, clips, stop_after(step))
    train(Run.open(run.path), clips)
    assert equal(comparable(run), comparable(unbroken))


@HELPED
def test_drawn_ahead_by_other_processes_it_is_the_same(
    data: Path, tmp_path: Path, unbroken: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped and resumed as well."""
    monkeypatch.setattr("vdsm.train.loop.helpers_for", lambda _: 2)
    run, clips = start(tmp_path / "run", data)
    with pytest.raises(Stopped):
        train(run, clips, stop_after(5))
    train(Run.open(run.path), clips)
    assert multiprocessing.active_children() == []
    assert equal(comparable(run), comparable(unbroken))


def test_with_every_addition_too(data: Path, tmp_path: Path) -> None:
    """Muon's momentum, frames of others, redrawn frames: stopped in both stages, and unbroken."""
    config = replace(
        SMALL,
        stage1=replace(SMALL.stage1, optimizer="muon", clip=50.0),
        stage2=replace(SMALL.stage2, optimizer="muon", clip=50.0),
        additions=AdditionsConfig(
            identity_from="other",
            jitter=0.5,
            tones=0.5,
            swap_augment=0.7,
            consistency_s=1.0,
            consistency_d=1.0,
        ),
    )
    whole, clips = start(tmp_path / "whole", data, config)
    train(whole, clips)
    parts, _ = start(tmp_path / "parts", data, config)
    for steps in (4, 5):
        with pytest.raises(Stopped):
            train(Run.open(parts.path), clips, stop_after(steps))
    train(Run.open(parts.path), clips)
    assert equal(comparable(parts), comparable(whole))


def test_where_nothing_is_changed_no_views_agree(data: Path, tmp_path: Path) -> None:
    """q(d) would be compared with itself: without it, each step and each line is the same."""
    config = replace(SMALL, poses=PosesConfig(steps=3, batch=5, segments=20))
    runs = []
    for name, weight in (("without", 0.0), ("with", 1.0)):
        apart = AdditionsConfig(consistency_d=weight)
        run, clips = start(tmp_path / name, data, config, additions=apart)
        train(run, clips)
        runs.append(comparable(run))
    assert equal(*runs)
    assert not any("consistency_d" in line for line in runs[1]["metrics"])
    for change in ("jitter", "tones", "swap_augment"):
        assert AdditionsConfig(consistency_d=1.0, **{change: 0.5}).views_agree


@pytest.mark.parametrize("line", [2, 3, 5])
def test_crashed_and_resumed_equals_unbroken(
    line: int, data: Path, tmp_path: Path, unbroken: Run
) -> None:
    """Nothing is saved on the way out, and the last line of metrics is torn."""
    run, clips = start(tmp_path / "run", data)
    lines: list[dict[str, Any]] = []

    def crash(record: dict[str, Any]) -> None:
        lines.append(record)
        if len(lines) == line:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(run, clips, Events(on_metrics=crash))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": 0, "st')
    half_written = ".checkpoint-stage1-4.pt .run.json .model.safetensors pictures/.x.png"
    for name in half_written.split():
        (run.path / f"{name}.0badcafe").write_bytes(b"part")
    others = ".evaluation.json.0badcafe"
    (run.path / others).write_bytes(b"of a command that may be running")
    train(Run.open(run.path), clips)
    assert equal(comparable(run), comparable(unbroken))
    assert [file.name for file in run.path.rglob(".*")] == [others]


def test_retrying_is_part_of_what_is_resumed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure leaves a lower rate for its stage, and other noise; both survive a stop."""
    runs = []
    for name in ("unbroken", "resumed"):
        poison(monkeypatch, [3])
        run, clips = start(tmp_path / name, data)
        if name == "resumed":
            with pytest.raises(Stopped):
                train(run, clips, stop_after(5))
            assert (run.restore() or {})["slower"] == 0.5
        train(run, clips)
        runs.append(comparable(run))
        monkeypatch.undo()
    assert runs[0]["state"]["slower"] == 1.0
    assert runs[0]["state"]["attempt"] == 1
    assert equal(*runs)


def test_every_signal_and_resume_of_a_process_equals_unbroken(data: Path, tmp_path: Path) -> None:
    """SIGTERM in stage 1, SIGINT in stage 2, SIGKILL after that; then to the end."""
    fields = {"stage1.steps": "12", "stage2.steps": "40", "picture_every": "1"}
    config = override(SMALL, fields, "test")
    steady, clips = start(tmp_path / "unbroken", data, config)
    train(steady, clips)
    run, _ = start(tmp_path / "run", data, config)
    for number, line, code in (
        (signal.SIGTERM, "stage1 2/12", 143),
        (signal.SIGINT, "stage2 2/40", 130),
        (signal.SIGKILL, "stage2 6/40", -9),
    ):
        said = kill_at(run.path, number, line)
        assert said.pop("code") == code
        assert not said["errors"]
        if number != signal.SIGKILL:
            assert f"continue with: vdsm train --resume --out {run.path}" in said["output"]
    assert command(["train", "--resume", "--out", str(run.path)]) == 0
    assert equal(comparable(run), comparable(steady))


def kill_at(run: Path, number: signal.Signals, line: str) -> dict[str, Any]:
    """Resume in a process of its own and send it a signal when it prints the line."""
    with subprocess.Popen(
        [sys.executable, "-m", "vdsm", "train", "--resume", "--out", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "500"},
    ) as process:
        assert process.stdout is not None
        said = ""
        for printed in process.stdout:
            said += printed
            if printed.startswith(line):
                process.send_signal(number)
                break
        rest, errors = process.communicate()
        return {"code": process.returncode, "output": said + rest, "errors": errors}


def test_a_finished_run_resumes_to_nothing(data: Path, unbroken: Run) -> None:
    before = comparable(unbroken)
    model = train(unbroken, unbroken.clips())
    assert equal(comparable(unbroken), before)
    assert not model.training


def test_metrics_hold_what_the_schedules_say(unbroken: Run) -> None:
    """One line per `log_every` steps and the last; weights as annealed at the step's start."""
    from vdsm.methods.vdsm.stages import anneal_stage1, anneal_stage2

    lines = unbroken.metrics()
    assert [(m["stage"], m["step"]) for m in lines] == [(s, n) for s in (0, 1) for n in (2, 4, 6)]
    for m in lines:
        progress = (m["step"] - 1) / 6
        one = unbroken.config.stage1
        expected = anneal_stage2(one, progress) if m["stage"] else anneal_stage1(one, progress)
        found = {k.removeprefix("weight."): v for k, v in m.items() if k.startswith("weight.")}
        assert found == expected.weights
        assert {k: m[k] for k in expected.values} == expected.values
        bound = sum(found[k] * m[k] for k in found if k != "log_likelihood")
        assert m["loss"] == pytest.approx(bound - m["log_likelihood"], rel=1e-5)
    for name in ("seconds", "cpu_seconds", "clips_seen"):
        assert [m[name] for m in lines] == sorted(m[name] for m in lines)


# -- what a stage moves ----------------------------------------------------------------------------

SEQUENCE_PARTS = ("dynamics.", "dynamics_decoder.", "combiner.", "transition.", "z_start", "flow.")
LAST_LAYERS = ("identity.head.", "frame_pose.head.")  # "preceding the parameterizations of s, z"
FRAME_PARTS = ("encoder.", "identity.", "frame_pose.", "decoder.")


def test_each_stage_moves_what_the_paper_trains(data: Path, tmp_path: Path) -> None:
    """Sec. 3.2: stage 2 leaves frozen tensors bit-equal, and moves all the others."""
    run, clips = start(tmp_path / "run", data, override(SMALL, {"model.flow_steps": "1"}, "test"))
    torch.manual_seed(run.config.seed)
    initial = VDSM(run.config.model).state_dict()
    with pytest.raises(Stopped):
        train(run, clips, stop_after(SMALL.stage1.steps))
    between = weights(run)
    train(run, clips)
    after = weights(run)
    assert moved(initial, between) == {n for n in between if n.startswith(FRAME_PARTS)}
    there = SEQUENCE_PARTS + LAST_LAYERS
    changed = {n for n in moved(between, after) if not n.startswith("readout.")}
    assert changed == {n for n in after if n.startswith(there)}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    names = before.keys() - {"inverse_temperature"}
    return {n for n in names if not torch.equal(before[n], after[n])}


def test_a_few_clips_are_overfitted(tmp_path: Path) -> None:
    """Both stages: what is drawn is what was seen, frame by frame and by sequences."""
    clips = few(tmp_path / "data")
    run, _ = start(tmp_path / "run", tmp_path / "data", override(SMALL, OVERFIT, "test"))
    frames = clips.batch(np.arange(2), np.zeros(2, np.int64), 6)
    x = torch.from_numpy(frames).permute(0, 1, 4, 2, 3).float() / 255
    variance = (x - x.mean((0, 1))).square().mean()
    with pytest.raises(Stopped):
        train(run, clips, stop_after(run.config.stage1.steps))
    model = VDSM.from_pretrained(run.path)
    by_frames = (model.decode(model.encode_frames(x)) - x).square().mean() / variance
    model = train(run, clips)
    by_sequences = (model.decode(model.encode(x)) - x).square().mean() / variance
    assert by_frames < 0.1
    assert by_sequences < 0.1


OVERFIT = {
    "model.decoder_width": "0.125",
    "model.encoder_width": "0.25",
    "model.pose_dim": "6",
    "model.lstm_width": "32",
    "model.combiner_hidden": "32",
    "stage1.steps": "320",
    "stage1.batch": "2",
    "stage1.frames": "6",
    "stage1.lr": "8e-3",
    "stage1.decay": "0.3",
    "stage1.lambda_z_until": "0.2",
    "stage2.steps": "150",
    "stage2.batch": "2",
    "stage2.frames": "6",
    "stage2.lr": "1e-2",
    "stage2.decay": "0.3",
    "checkpoint_every": "1000",
}


def few(folder: Path) -> Clips:
    """Two clips of six frames: two colours at two speeds."""
    with ClipWriter(folder, Info("few", 32, 3)) as out:
        for group, (colour, period) in enumerate((("red", 6.0), ("blue", 12.0))):
            angle = simulate(0.9, 0.1 + 0.3 * group, period, 6).angle[0]
            out.add(draw(angle, COLOURS[colour], 32), group=group, split="train")
    return open_clips(folder)


# -- steps that are not finite ---------------------------------------------------------------------


def poison(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    """Make the bound of stage 1 nan at these calls, counted from 1."""
    count = iter(range(1, 10**6))
    bound: Callable[..., elbo.Terms] = bounds.stage1

    def poisoned(*args: Any, **views: Any) -> elbo.Terms:
        terms = bound(*args, **views)
        bad = next(count) in calls
        return terms | {"kl_z": terms["kl_z"] * torch.nan} if bad else terms

    monkeypatch.setattr(bounds, "stage1", poisoned)


def test_a_step_that_is_not_finite_is_undone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back to the last good state, at half the rate, said aloud; undone metrics are gone."""
    config = override(SMALL, {"stage1.steps": "12", "log_every": "1"}, "test")
    steady, clips = start(tmp_path / "steady", data, config)
    train(steady, clips)
    poison(monkeypatch, [7])
    run, _ = start(tmp_path / "run", data, config)
    said: list[str] = []
    train(run, clips, Events(on_message=said.append))
    assert len(said) == 1
    assert "stage1 step 7" in said[0]
    assert "going back to step 4 with learning rate 5.0e-04" in said[0]
    found, expected = run.metrics(), steady.metrics()
    assert [(m["stage"], m["step"]) for m in found] == [(m["stage"], m["step"]) for m in expected]
    first = [m["loss"] for m in found if m["stage"] == 0]
    assert first[:4] == [m["loss"] for m in expected[:4]]
    assert first[4] != expected[4]["loss"]  # other noise on the second try
    slower, as_asked = [5e-4] * 8, [1e-3] * SMALL.stage2.steps
    assert [m["lr"] for m in found] == [1e-3] * 4 + slower + as_asked
    assert all(t.isfinite().all() for t in weights(run).values())


def test_too_many_failures_in_a_row_stop_clearly(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five retries of one place; what was good is kept."""
    poison(monkeypatch, list(range(6, 1000)))
    run, clips = start(tmp_path / "run", data)
    said: list[str] = []
    with pytest.raises(Diverged, match=r"6 times in a row.*3\.1e-05.*lower --stage1\.lr") as error:
        train(run, clips, Events(on_message=said.append))
    assert len(said) == 5
    assert "\n" not in str(error.value)
    state = run.restore()
    assert state is not None
    assert (state["stage"], state["step"]) == (0, 4)
    assert all(t.isfinite().all() for t in state["model"].values())


def test_failures_far_apart_are_not_in_a_row(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven single failures, each at a later step, do not stop a run."""
    fields = {"stage1.steps": "28", "stage2.steps": "1", "log_every": "1"}
    config = override(SMALL, fields, "test")
    poison(monkeypatch, [1, 6, 11, 16, 21, 26, 31])
    run, clips = start(tmp_path / "run", data, config)
    said: list[str] = []
    train(run, clips, Events(on_message=said.append))
    assert len(said) == 7


def test_failures_before_the_farthest_are_in_a_row_with_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At steps 8, 6, 8, 6, ...: nothing is gained by going on."""
    poison(monkeypatch, [8 + 6 * (i // 2) + 2 * (i % 2) for i in range(100)])
    config = override(SMALL, {"stage1.steps": "12", "checkpoint_every": "4"}, "test")
    run, clips = start(tmp_path / "run", data, config)
    with pytest.raises(Diverged, match="6 times in a row"):
        train(run, clips)


def test_divergence_on_the_command_line_is_one_line(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    poison(monkeypatch, list(range(1, 1000)))
    words = f"train {data} --preset debug --out {tmp_path / 'run'}".split()
    assert command(words) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("vdsm: stage1 was not finite 6 times")
    assert errors.count("\n") == 1


# -- damage ----------------------------------------------------------------------------------------


@pytest.fixture
def stopped(data: Path, tmp_path: Path) -> Run:
    """A run that waits in stage 1, after step 5."""
    run, clips = start(tmp_path / "run", data)
    with pytest.raises(Stopped):
        train(run, clips, stop_after(5))
    return run


def damage_truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def damage_alter(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def damage_digit(file: Path) -> None:
    """Still JSON, and settings or metrics as they might be."""
    text = file.read_text()
    assert '"steps": 6' in text
    file.write_text(text.replace('"steps": 6', '"steps": 7', 1))


@pytest.mark.parametrize(
    ("name", "damage", "line"),
    [
        (
            "checkpoint-stage1-5.pt",
            damage_truncate,
            "checkpoint-stage1-5.pt is truncated or altered",
        ),
        ("checkpoint-stage1-5.pt", damage_alter, "checkpoint-stage1-5.pt is truncated or altered"),
        ("checkpoint-stage1-5.pt", Path.unlink, "checkpoint-stage1-5.pt, which is missing"),
        ("checkpoint.json", damage_truncate, "checkpoint.json is not valid JSON"),
        ("metrics.jsonl", lambda file: file.write_text("{oops}\n"), "metrics.jsonl is damaged"),
        ("metrics.jsonl", lambda file: file.write_bytes(b"\xff\n"), "metrics.jsonl is damaged"),
        (
            "metrics.jsonl",
            lambda file: file.write_text('{"step": 3}\n'),
            "metrics.jsonl is damaged (a line has no 'name')",
        ),
        ("metrics.jsonl", lambda file: file.write_text("3\n"), "is damaged (a line is '3')"),
        ("metrics.jsonl", damage_digit, "is damaged (its first lines are not what training wrote"),
        ("run.json", damage_digit, "run.json was altered (its checksum differs)"),
        ("run.json", damage_truncate, "run.json is not valid JSON"),
        ("run.json", lambda file: file.write_text('{"config": {}}'), "has no entry 'data'"),
        ("run.json", Path.unlink, "is not a run: it has no run.json"),
    ],
)
def test_damage_is_one_line(
    name: str,
    damage: Callable[[Path], Any],
    line: str,
    stopped: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(stopped.path / name)
    assert command(["train", "--resume", "--out", str(stopped.path)]) == 2
    errors = capsys.readouterr().err
    assert line in errors
    assert errors.count("\n") == 1


def test_metrics_that_were_removed_are_begun_anew(stopped: Run, unbroken: Run) -> None:
    """What the error says to do works, and a kill before the next checkpoint needs no second."""
    (stopped.path / "metrics.jsonl").unlink()
    clips = stopped.clips()
    for steps in (1, 10**6):
        lines = []
        with suppress(RuntimeError):
            train(stopped, clips, Events(on_metrics=lambda line: crash_at(lines, line, steps)))  # noqa: B023
    assert equal(weights(stopped), weights(unbroken))


def crash_at(lines: list[dict[str, Any]], line: dict[str, Any], number: int) -> None:
    lines.append(line)
    if len(lines) == number:
        raise RuntimeError("power cut")


def test_a_kill_leaves_nothing_that_is_not_cleared_up(data: Path, tmp_path: Path) -> None:
    """Every file that the command writes is known, so that its half is removed."""
    words = ["train", str(data), "--preset", "debug", "--out", str(tmp_path / "run")]
    assert command([*words, "--stage1.steps", "2", "--stage2.steps", "2"]) == 0
    files = [file.name for file in (tmp_path / "run").iterdir() if file.is_file()]
    parts = [tmp_path / "run" / f".{name}.0badcafe" for name in files]
    for part in parts:
        part.touch()
    (tmp_path / "run" / "checkpoint-stage2-end.pt").touch()  # before the last one was the only one
    Run.open(tmp_path / "run").clear_up()
    assert [part.name for part in parts if part.exists()] == []
    left = [file.name for file in (tmp_path / "run").glob("checkpoint-*")]
    assert left == ["checkpoint-finished.pt"]


@pytest.mark.parametrize("name", ["checkpoint-stage1-5.pt", "checkpoint.json"])
def test_after_a_damaged_checkpoint_training_begins_anew(
    name: str, stopped: Run, unbroken: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the error says to do works, and leaves what an unbroken run does."""
    damage_truncate(stopped.path / name)
    words = ["train", "--resume", "--out", str(stopped.path)]
    assert command(words) == 2
    pointer = stopped.path / "checkpoint.json"
    said = capsys.readouterr().err
    assert f"copy it back, or delete {pointer} to train from the first step anew" in said
    pointer.unlink()
    assert command(words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "has no checkpoint: training begins with the first step anew" in said
    assert equal(comparable(stopped), comparable(unbroken))


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_disk_keeps_the_last_good_checkpoint(
    call: str,
    stopped: Run,
    unbroken: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line and exit 2; once there is room, the run ends as if nothing had been."""
    before = stopped.restore()
    fill_disk(monkeypatch, call)
    words = ["train", "--resume", "--out", str(stopped.path)]
    assert command(words) == 2
    errors = capsys.readouterr().err
    assert "no space left" in errors
    assert errors.count("\n") == 1
    monkeypatch.undo()
    assert equal(stopped.restore(), before)
    assert command(words) == 0
    assert equal(comparable(stopped), comparable(unbroken))


def fill_disk(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """No space for checkpoints, or for any file: at writing, at flushing or at renaming."""

    def full(*args: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    elif call == "replace":
        monkeypatch.setattr(Path, "replace", full)
    else:
        monkeypatch.setattr(Run, "log", full)


def test_another_dataset_is_refused(stopped: Run, tmp_path: Path) -> None:
    other = pendula(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="is not the dataset that"):
        stopped.clips(other)


@pytest.mark.parametrize(
    "words", ["--stage1.lr 0.01", "--seed 1", "--preset sprites", "--size paper"]
)
def test_other_settings_are_refused(
    words: str, stopped: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["train", "--resume", "--out", str(stopped.path), *words.split()]) == 2
    assert f"was not started with {words}:" in capsys.readouterr().err


def test_settings_it_was_started_with_are_accepted(stopped: Run, unbroken: Run) -> None:
    words = f"train --stage1.lr 0.001 --resume --seed 0 --preset debug --out {stopped.path}"
    assert command(words.split()) == 0
    assert equal(comparable(stopped), comparable(unbroken))


def test_a_resumed_run_may_be_carried_out_otherwise(stopped: Run, unbroken: Run) -> None:
    """Where and how often; run.json says so from then on, and what is learned is the same."""
    words = f"train --resume --device cpu --checkpoint_every 1 --log_every 2 --out {stopped.path}"
    assert command(words.split()) == 0
    assert Run.open(stopped.path).config == replace(
        stopped.config, device="cpu", checkpoint_every=1
    )
    assert equal(comparable(stopped), comparable(unbroken))


@pytest.mark.parametrize("words", ["--device cuda:9", "no-data --log_every 3"])
def test_a_refused_resume_leaves_the_settings(words: str, stopped: Run) -> None:
    assert command(["train", *words.split(), "--resume", "--out", str(stopped.path)]) == 2
    assert Run.open(stopped.path) == stopped


def test_settings_are_not_written_while_another_process_trains(
    stopped: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with stopped.locked():
        words = ["train", "--resume", "--log_every", "3", "--out", str(stopped.path)]
        assert command(words) == 2
    assert "is being trained by another process" in capsys.readouterr().err
    assert Run.open(stopped.path) == stopped


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_does_without(
    number: int, stopped: Run, unbroken: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", unable(number))
    assert command(["train", "--resume", "--out", str(stopped.path)]) == 0
    assert equal(comparable(stopped), comparable(unbroken))


def test_other_failures_of_a_lock_are_not_another_process(
    stopped: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", unable(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)), stopped.locked():
        pass


def unable(number: int) -> Callable[..., None]:
    """A function that fails so."""

    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_pictures_may_be_deleted(stopped: Run, unbroken: Run) -> None:
    """A resume makes their folder again."""
    (stopped.path / "pictures").rmdir()
    assert command(["train", "--resume", "--out", str(stopped.path)]) == 0
    assert (stopped.path / "pictures").is_dir()
    assert equal(comparable(stopped), comparable(unbroken))


def forget_slower(state: dict[str, Any]) -> None:
    del state["slower"]


def forget_a_weight(state: dict[str, Any]) -> None:
    del state["model"]["z_start"]


def forget_the_version_too(state: dict[str, Any]) -> None:
    del state["slower"], state["version"]


@pytest.mark.parametrize("change", [forget_slower, forget_a_weight, forget_the_version_too])
def test_a_checkpoint_of_another_version_is_one_line(
    change: Callable[[dict[str, Any]], None],
    stopped: Run,
    unbroken: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the error says to do works."""
    state = stopped.restore()
    assert state is not None
    state["version"] = "9.9"
    change(state)
    stopped.save(state, "stage1-5")
    words = ["train", "--resume", "--out", str(stopped.path)]
    assert command(words) == 2
    errors = capsys.readouterr().err
    version = state.get("version", "an earlier version")
    assert f"the checkpoint in {stopped.path}, written by vdsm {version}, does not fit" in errors
    assert errors.count("\n") == 1
    (stopped.path / "checkpoint.json").unlink()
    assert command(words) == 0
    assert equal(comparable(stopped), comparable(unbroken))


def test_a_checkpoint_that_does_not_say_its_version_is_taken_up(
    stopped: Run, unbroken: Run
) -> None:
    state = stopped.restore()
    assert state is not None
    del state["version"]
    stopped.save(state, "stage1-5")
    assert command(["train", "--resume", "--out", str(stopped.path)]) == 0
    assert equal(comparable(stopped), comparable(unbroken))


def test_a_kill_at_the_very_end_loses_nothing(
    data: Path, tmp_path: Path, unbroken: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last checkpoint's file and the one that names it."""
    run, clips = start(tmp_path / "run", data)
    write = atomic_write

    def killed(path: Path, content: bytes) -> None:
        if path.name == "checkpoint.json" and (run.path / "checkpoint-finished.pt").exists():
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr("vdsm.store.run.atomic_write", killed)
    with pytest.raises(KeyboardInterrupt):
        train(run, clips)
    monkeypatch.undo()
    train(Run.open(run.path), clips)
    assert equal(comparable(run), comparable(unbroken))


def test_weights_that_could_not_be_written_are_written_by_a_resume(
    data: Path, tmp_path: Path, unbroken: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the disk is full at the very end: what is fitted last is not lost."""
    run, clips = start(tmp_path / "run", data)

    def full(*_: object) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr(loop, "complete", full)
    with pytest.raises(InputError):
        train(run, clips)
    monkeypatch.undo()
    train(Run.open(run.path), clips)
    assert isinstance(VDSM.from_pretrained(run.path), Readout)
    assert equal(comparable(run), comparable(unbroken))


def test_checkpoints_keep_a_distance_in_time(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where steps are fast: at the beginnings and ends of stages alone, and when stopped."""
    saved: list[str] = []
    save = Run.save

    def noted(run: Run, state: dict[str, Any], name: str) -> None:
        saved.append(name)
        save(run, state, name)

    monkeypatch.setattr(Run, "save", noted)
    for seconds, expected in (
        (0.0, "stage1-0 stage1-4 stage1-end stage2-0 stage2-4 stage2-end finished"),
        (1e6, "stage1-0 stage1-end stage2-0 stage2-end finished"),
    ):
        run, clips = start(tmp_path / str(seconds), data, checkpoint_seconds=seconds)
        train(run, clips)
        assert saved == expected.split()
        saved.clear()


def test_what_the_message_says_to_type_names_the_data(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody is known to be in two clips, resumed without naming the data."""
    run, clips = start(tmp_path / "run", data, override(SMALL, {"who": "clip"}, "test"))
    with pytest.raises(Stopped):
        train(run, clips, stop_after(2))
    assert command(["train", "--resume", "--out", str(run.path)]) == 0
    assert f"{data}: every clip counts as an individual" in capsys.readouterr().out


def test_moved_data_is_named_on_resume(stopped: Run, data: Path, tmp_path: Path) -> None:
    """The dataset may lie elsewhere later: DATA says where."""
    record = json.loads((stopped.path / "run.json").read_text())
    del record["sha256"]
    lost = record | {"data": str(tmp_path / "gone")}
    (stopped.path / "run.json").write_text(json.dumps(lost))
    run = Run.open(stopped.path)
    with pytest.raises(InputError, match="gone"):
        run.clips()
    assert len(run.clips(data)) == len(stopped.clips())
