"""Batches: which frames a step sees, and that nothing else decides it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import SMALL, pendula, start
from vdsm import InputError
from vdsm.config import override
from vdsm.data.clips import Clips, Frames, Info, Table
from vdsm.device import as_video
from vdsm.methods.vdsm.additions import bounds
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.elbo import Terms
from vdsm.methods.vdsm.stages import stages
from vdsm.train.batches import (
    GroupSampler,
    Individuals,
    Others,
    SegmentSampler,
    stage_seed,
    step_seed,
)
from vdsm.train.loop import Events, train
from vdsm.train.pictures import Painter

N = 30


class Numbered(Clips):
    """Clips whose frames hold two numbers: which clip, and when."""

    def __init__(self) -> None:
        length = np.arange(N) % 4 + 3
        group = np.arange(N) // 3 % 8  # 8 individuals of 3 clips or 6
        group[:2] = (98, 99)  # and three with a single clip
        split = (np.arange(N) % 5 == 4).astype(np.int64)
        super().__init__(Info("numbered", 1, 3), Table(length, group, split, {}))

    def read(self, clip: int, start: int, frames: int) -> Frames:
        assert 0 <= start <= start + frames <= self.table.length[clip]
        times = np.arange(start, start + frames)
        return np.stack([np.full(frames, clip), times, times * 0], -1)[:, None, None].astype(
            np.uint8
        )


NUMBERED = Numbered()
NONE_OUT = np.zeros(N, bool)
TABLE = NUMBERED.table


def numbers(frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Clip and time of frames [B, T, 1, 1, 3]."""
    return frames[..., 0, 0, 0].astype(int), frames[..., 0, 0, 1].astype(int)


def draws(sampler: Any, batch: int = 5, count: int = 200) -> list[Any]:
    return [sampler.draw(np.random.default_rng(seed), batch) for seed in range(count)]


def test_groups_are_never_mixed() -> None:
    """Training clips of one individual; every one of their frames turns up."""
    sampler = GroupSampler(Individuals(NUMBERED, NONE_OUT), frames=6)
    seen = set()
    for drawn in draws(sampler):
        clip, time = numbers(drawn.target)
        assert drawn.target.shape == (5, 6, 1, 1, 3)
        assert (TABLE.group[clip] == TABLE.group[clip[:, :1]]).all()
        assert (TABLE.split[clip] == 0).all()
        assert len(np.unique(TABLE.group[clip[:, 0]])) == 5  # five individuals, not one twice
        assert drawn.identity_view is None
        seen |= set(zip(clip.ravel(), time.ravel(), strict=True))
    assert seen == {(c, t) for c in NUMBERED.select("train") for t in range(TABLE.length[c])}


def test_without_grouping_a_group_is_a_clip() -> None:
    sampler = GroupSampler(Individuals(NUMBERED, NONE_OUT, "clip"), frames=6)
    for drawn in draws(sampler, count=50):
        clip, _ = numbers(drawn.target)
        assert (clip == clip[:, :1]).all()


def test_more_groups_than_there_are_is_no_error() -> None:
    drawn = GroupSampler(Individuals(NUMBERED, NONE_OUT), 2).draw(np.random.default_rng(0), 64)
    assert len(drawn.target) == 64


@pytest.mark.parametrize("kind", [GroupSampler, SegmentSampler])
def test_references_are_another_clip_of_the_individual(kind: type) -> None:
    """All from one clip, which is not drawn from where the individual has others.

    The second is one more clip of theirs, another than the first where they have several.
    """
    individuals = Individuals(NUMBERED, NONE_OUT)
    size = {int(TABLE.group[members[0]]): len(members) for members in individuals.members}
    for drawn in draws(kind(individuals, 3, Others(4, identity_view=True, positive=True))):
        (clip, _), (shown, _) = numbers(drawn.target), numbers(drawn.identity_view)
        second, _ = numbers(drawn.positive)
        assert (second == second[:, :1]).all()
        assert (TABLE.group[second[:, 0]] == TABLE.group[clip[:, 0]]).all()
        assert shown.shape == (5, 4)
        assert (shown == shown[:, :1]).all()
        assert (TABLE.group[shown[:, 0]] == TABLE.group[clip[:, 0]]).all()
        assert (TABLE.split[shown] == 0).all()
        for row, group in enumerate(TABLE.group[clip[:, 0]]):
            assert (shown[row, 0] in clip[row]) == (size[int(group)] == 1)
            assert (second[row, 0] == shown[row, 0]) == (size[int(group)] == 1)


def test_segments_are_in_order_and_within_a_clip() -> None:
    """Every segment of every training clip that is long enough, and no other."""
    seen = set()
    for drawn in draws(SegmentSampler(Individuals(NUMBERED, NONE_OUT), frames=4)):
        clip, time = numbers(drawn.target)
        assert (clip == clip[:, :1]).all()
        assert (np.diff(time) == 1).all()
        seen |= set(zip(clip[:, 0], time[:, 0], strict=True))
    long = NUMBERED.select("train", min_length=4)
    assert seen == {(c, t) for c in long for t in range(TABLE.length[c] - 3)}


@pytest.mark.parametrize("kind", [GroupSampler, SegmentSampler])
def test_what_is_left_out_is_not_seen(kind: type) -> None:
    out = np.arange(N) % 3 == 0
    for drawn in draws(
        kind(Individuals(NUMBERED, out), 3, Others(2, identity_view=True, positive=True)), count=100
    ):
        for frames in (drawn.target, drawn.identity_view, drawn.positive):
            assert not out[numbers(frames)[0]].any()


def test_too_few_frames_or_clips_are_named() -> None:
    with pytest.raises(InputError, match="no training clip of numbered has 7 frames"):
        SegmentSampler(Individuals(NUMBERED, NONE_OUT), 7)
    with pytest.raises(InputError, match="numbered has no training clips"):
        Individuals(NUMBERED, ~NONE_OUT)


def test_seeds_of_steps_differ() -> None:
    """Nearby numbers, and the same numbers in other places, give other seeds."""
    keys = [(a, b, c, d) for a in range(4) for b in range(2) for c in range(200) for d in range(4)]
    seeds = {step_seed(*key) for key in keys}
    assert len(seeds) == len(keys)
    assert 0 <= min(seeds) <= max(seeds) < 2**63
    assert step_seed(1, 0, 7, 2) == step_seed(1, 0, 7, 2)
    assert not seeds & {stage_seed(seed, stage) for seed in range(4) for stage in range(2)}


def test_a_batch_is_a_function_of_seed_stage_step_and_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the bounds are taken of in training, against the sampler asked out of turn."""
    data = pendula(tmp_path / "data")
    run, clips = start(tmp_path / "run", data, override(SMALL, {"seed": "5"}, "test"))
    given: list[torch.Tensor] = []
    for name in ("stage1", "stage2"):
        monkeypatch.setattr(bounds, name, recorded(getattr(bounds, name), given))
    monkeypatch.setattr(Painter, "paint", lambda *_: None)
    train(run, clips, Events())

    keys = [(0, step, 0) for step in range(2)]  # the second step fails: back to the start
    keys += [(stage, step, 1) for stage in (0, 1) for step in range(6)]
    assert len(given) == len(keys)
    for (stage, step, attempt), x in reversed(list(zip(keys, given, strict=True))):
        plan = stages(run.config)[stage]
        rng = np.random.default_rng(step_seed(5, stage, step, attempt))
        expected = plan.sampler(clips).draw(rng, plan.settings.batch).target
        assert torch.equal(x, as_video(expected))
    assert not torch.equal(given[0], given[2])  # another attempt, another batch


def recorded(bound: Any, given: list[torch.Tensor]) -> Any:
    """The bound, which notes what it is taken of, and is not finite in the second call."""

    def noted(model: Any, views: Views, *more: Any, **named: Any) -> Terms:
        given.append(views.target)
        terms: Terms = bound(model, views, *more, **named)
        return {k: v * (torch.nan if len(given) == 2 else 1) for k, v in terms.items()}

    return noted


def test_video_from_frames() -> None:
    """[B, T, H, W, C] bytes to [B, T, C, H, W] in [0, 1], element by element."""
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3)).astype(np.uint8)
    x = as_video(frames)
    assert x.shape == (2, 3, 3, 4, 5)
    for b, t, h, w, c in np.ndindex(frames.shape):
        assert x[b, t, c, h, w] == np.float32(frames[b, t, h, w, c]) / np.float32(255)
