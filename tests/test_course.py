"""When a stage ends: progress by closed forms, patience and giving up by trainings that must."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics.cluster import pair_confusion_matrix

from small import SMALL, pendula, start
from vdsm.cli import run as command
from vdsm.data import open_clips
from vdsm.store import who
from vdsm.store.run import Run
from vdsm.train import ends, held_out
from vdsm.train.course import KEPT_BACK, Course
from vdsm.train.held_out import ForValidation, average_frame
from vdsm.train.loop import Events, Stopped, train
from vdsm.train.stage import Stage


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course") / "data"
    return pendula(folder, clips_per_cell=8, test_share=0.25, validation_share=0.25)


# -- progress --------------------------------------------------------------------------------------


def stage(steps: int, batch: int = 2, frames: int = 3, small: bool = False) -> Stage:
    config = replace(SMALL.stage1, steps=steps, batch=batch)

    def never(*_: object) -> Any:
        raise AssertionError("only the sizes matter")

    return Stage("s", config, (), never, never, never, frames, small=small)


def test_without_a_budget_progress_is_the_steps_exactly() -> None:
    course = Course()
    course.begin(7)
    assert [course.progress(step, 1e9) for step in range(8)] == [step / 7 for step in range(8)]
    assert [course.over(step, 1e9) for step in (0, 6, 7)] == [False, False, True]


def test_minutes_are_shared_by_the_frames_that_stages_read() -> None:
    plan, course = (stage(30), stage(10)), Course()
    course.begin(30)
    course.budget(1.0, plan, 0, (0, 0.0))
    whole = 60 * (1 - KEPT_BACK)
    assert course.left == pytest.approx(whole * 3 / 4)
    assert course.progress(3, whole / 2) == pytest.approx(2 / 3)  # the clock is ahead of the steps
    assert course.progress(29, 1.0) == pytest.approx(29 / 30)  # and behind them
    assert course.over(4, whole * 3 / 4)
    assert not course.over(0, whole)  # one step at least
    course.complete(4)
    course.begin(10)
    course.budget(1.0, plan, 1, (0, whole / 2))
    assert course.left == pytest.approx(whole / 2)  # all that is left
    assert course.expected(2, whole / 2 + whole / 4) == 4  # half of it in two steps


def test_a_stage_that_ends_soon_goes_through_the_rest_of_its_schedules() -> None:
    course = Course()
    course.begin(100)
    assert course.anneal(40, 0.0)
    assert course.end == 50
    found = [course.progress(step, 0.0) for step in range(40, 51)]
    np.testing.assert_allclose(found, np.linspace(0.4, 1, 11))
    assert not course.anneal(50, 0.0)


# -- ends ------------------------------------------------------------------------------------------


def patient(data: Path, path: Path) -> tuple[Run, Any]:
    """Nothing is learned at this rate, so no bound is better than the first."""
    still = replace(SMALL.stage1, steps=40, lr=1e-12, patience=0.2)
    return start(path, data, replace(SMALL, stage1=still))


def test_patience_ends_a_stage_annealed_and_resuming_is_exact(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run, clips = patient(data, tmp_path / "whole")
    model = train(run, clips, Events(on_message=said.append))
    first = [m for m in run.metrics() if m["stage"] == 0]
    assert first[-1]["step"] == first[-1]["steps"] == 12  # best at 2; 8 in vain; a quarter more
    assert first[-1]["lr"] == 1e-12
    assert first[-1]["weight.kl_s"] == 1.0  # annealed, which takes a third of the stage
    assert "no better since step 2; it anneals and ends at step 12" in said[0]
    for at in (5, 11, 14):
        broken, clips = patient(data, tmp_path / f"at{at}")
        with pytest.raises(Stopped):
            train(broken, clips, stop_after(at))
        again = train(Run.open(broken.path), clips)
        for one, other in zip(
            model.state_dict().values(), again.state_dict().values(), strict=True
        ):
            assert torch.equal(one, other)
        assert timeless(broken) == timeless(run)


def stop_after(steps: int) -> Events:
    calls: list[int] = []
    return Events(should_stop=lambda: calls.append(1) or len(calls) == steps)


def timeless(run: Run) -> list[dict[str, Any]]:
    return [{k: v for k, v in m.items() if "seconds" not in k} for m in run.metrics()]


def test_training_ends_where_nothing_is_learned(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (ends, held_out):
        monkeypatch.setattr(module, "LEAST_STEPS", 10)
    words = ["train", str(data), "--preset", "debug", "--out", str(tmp_path / "run")]
    assert command([*words, "--stage1.lr", "1e-12", "--device", "cpu"]) == 0
    run = Run.open(tmp_path / "run")
    last = run.metrics()[-1]
    assert (last["stage"], last["step"], last["steps"]) == (0, 10, 10)
    said = capsys.readouterr().out
    assert "training ends, as it learns nothing" in said
    assert "next: nothing was learned" in said
    assert command(["info", str(run.path)]) == 0
    assert "next: nothing was learned" in " ".join(capsys.readouterr().out.split())


def test_a_stage_of_few_steps_is_not_given_up(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 500 steps a short budget leaves some ten, after which nothing can be told."""
    words = ["train", str(data), "--preset", "debug", "--out", str(tmp_path / "run")]
    more = ["--stage1.steps", "500", "--stage1.lr", "1e-12", "--minutes", "0.01"]
    assert command([*words, *more, "--device", "cpu"]) == 0
    assert "learns nothing" not in capsys.readouterr().out


def test_of_no_time_every_stage_takes_one_step(data: Path, tmp_path: Path) -> None:
    run, clips = start(tmp_path / "run", data, minutes=1e-9)
    train(run, clips)
    assert [(m["stage"], m["step"], m["steps"]) for m in run.metrics()] == [(0, 1, 1), (1, 1, 1)]


def test_clips_for_validation_in_the_place_of_those_for_training(data: Path) -> None:
    clips = open_clips(data)
    held = ForValidation(clips)
    np.testing.assert_array_equal(held.select("train"), clips.select("validation"))
    assert len(held.select("train"))
    np.testing.assert_array_equal(held.read(3, 2, 4), clips.read(3, 2, 4))


def test_the_average_frame(data: Path) -> None:
    clips = open_clips(data)
    frames = np.concatenate([clips.whole(int(clip)) for clip in clips.select("train")])
    mean = frames.mean(0).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(average_frame(clips), mean, atol=1e-5)


# -- who is who ------------------------------------------------------------------------------------


def test_who_is_who_is_stored_and_scored(data: Path, tmp_path: Path) -> None:
    run, clips = start(tmp_path / "run", data, who="found")
    who.write(run, clips)
    found = who.read(run.path)
    assert found is not None
    assert found.by == "found"
    np.testing.assert_array_equal(found.clip, clips.select("train"))
    score, truth = who.score(found, clips), clips.table.group[found.clip]
    (_, wrong), (missed, right) = pair_confusion_matrix(truth, found.individual) // 2
    assert score == who.Score(int(right + wrong), int(right + missed), int(right))
    assert sum(len(clips) for clips in found.twice) <= len(found.clip)


@pytest.mark.parametrize(("old", "now"), [("group", "labels"), ("found", "found")])
def test_runs_of_before_open(data: Path, tmp_path: Path, old: str, now: str) -> None:
    run, _ = start(tmp_path / "run", data)
    record = json.loads((run.path / "run.json").read_text())
    del record["config"]["who"], record["sha256"]
    record["config"]["stage1"]["group_by"] = old
    (run.path / "run.json").write_text(json.dumps(record))
    opened = Run.open(run.path)
    assert opened.config.who == now
    assert asdict(opened.config) == asdict(replace(run.config, who=now))


def test_data_are_known_as_before_clips_for_validation_were_taken(tmp_path: Path) -> None:
    options = {"clips_per_cell": 8, "test_share": 0.25}
    before = open_clips(pendula(tmp_path / "before", validation_share=0.0, **options))
    now = open_clips(pendula(tmp_path / "now", validation_share=0.25, **options))
    other = open_clips(pendula(tmp_path / "other", validation_share=0.25, seed=1, **options))
    assert now.fingerprint != before.fingerprint
    assert now.known_as(before.fingerprint)
    assert not before.known_as(now.fingerprint)
    assert not now.known_as(other.fingerprint)
