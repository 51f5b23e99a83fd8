"""Segments of a dataset as the panel takes them, and combinations that training left out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small import SMALL, pendula
from vdsm import VDSM
from vdsm.data import open_clips
from vdsm.data.cells import left_out
from vdsm.data.clips import Clips, Factor, Frames, Info, Table
from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.evaluate import draw_sample, panel, unseen_pairs
from vdsm.evaluate.asked import encode
from vdsm.evaluate.inputs import JUDGES_ONLY, prepare
from vdsm.evaluate.run import unseen
from vdsm.evaluate.sample import segments_each
from vdsm.evaluate.settings import Settings
from vdsm.store.trained import Trained

N, FRAMES = 60, 6


class Counting(Clips):
    """Clips whose frame t of clip i is filled with i + t."""

    def read(self, clip: int, start: int, frames: int) -> Frames:
        assert 0 <= start <= start + frames <= self.table.length[clip]
        values = (clip + np.arange(start, start + frames)).astype(np.uint8)
        return np.broadcast_to(values[:, None, None, None], (frames, 12, 12, 1)).copy()


def dataset(**changes: Any) -> Counting:
    index = np.arange(N)
    person, action = index // 6, index % 3
    labels = {"person": person % 2, "action": action, "shoes": np.zeros(N, np.int64)}
    labels |= {"name": person}
    columns: dict[str, Any] = {
        "length": FRAMES + index % 4,
        "group": person,
        "split": (person >= 8).astype(np.int64),
        "labels": labels,
    }
    factors = tuple(
        Factor(name, "action" if name == "action" else "identity", ("a", "b")) for name in labels
    )
    return Counting(Info("counting", 12, 1, factors), Table(**(columns | changes)))


def blank(n: int) -> dict[str, Any]:
    return {"s": np.zeros((n, 2)), "d": np.zeros((n, 2))}


def test_segments_are_the_clips_frames() -> None:
    clips = dataset()
    sample = draw_sample(clips, FRAMES, train=20, test=100, seed=0)
    assert sample.real.shape == (32, FRAMES, 12, 12, 1)
    assert (sample.split == 0).sum() == 20
    assert set(sample.real.rows[sample.split == 1]) == set(range(48, 60))
    rows = np.array([0, 5, 31])
    read = sample.real[rows]
    for i, row in enumerate(rows):
        expected = clips.read(int(sample.real.rows[row]), int(sample.real.starts[row]), FRAMES)
        np.testing.assert_array_equal(read[i], expected)
    assert len(set(sample.real.starts.tolist())) > 1


def test_training_clips_are_of_as_many_individuals_as_can_be() -> None:
    group = np.where(np.arange(N) < 40, 0, np.arange(N) // 2)
    clips = dataset(group=group, split=(np.arange(N) >= 52).astype(np.int64))
    for count, each in ((7, [1] * 7), (14, [2] * 7), (20, [2] * 6 + [8])):
        rows = draw_sample(clips, FRAMES, count, 100, 0).real.rows
        _, counts = np.unique(group[rows[rows < 52]], return_counts=True)
        assert sorted(counts.tolist()) == each


def test_few_long_training_clips_give_several_segments() -> None:
    """As many as fit one after another; test clips give one each."""
    assert segments_each(np.array([7, 20, 41, 146]), 20).tolist() == [1, 1, 2, 7]
    assert segments_each(np.full(100, 146), 20).tolist() == [4] * 100
    assert segments_each(np.full(401, 146), 20).tolist() == [1] * 401
    clips = dataset(length=np.where(np.arange(N) % 2, 3 * FRAMES, FRAMES))
    sample = draw_sample(clips, FRAMES, 100, 100, 0)
    rows, counts = np.unique(sample.real.rows, return_counts=True)
    assert set(sample.split) == {0, 1}, "judges have nothing to see beyond what probes learn from"
    assert counts.tolist() == [3 if row % 2 and row < 48 else 1 for row in rows]
    assert len(sample.split) == len(sample.groups) == counts.sum()
    np.testing.assert_array_equal(sample.arguments()["recordings"], sample.real.rows)
    for name, column in sample.labels.items():
        np.testing.assert_array_equal(column, clips.table.labels[name][sample.real.rows])
    assert len(set(sample.real.starts[sample.real.rows == 1].tolist())) > 1


def test_judges_learn_from_more_segments_of_long_clips() -> None:
    """450 training clips are enough for probes; judges take the other segments too."""
    length = np.full(500, 3 * FRAMES)
    split = (np.arange(500) >= 450).astype(np.int64)
    zeros = np.zeros(500, np.int64)
    columns: dict[str, Any] = {"length": length, "group": np.arange(500), "split": split}
    columns["labels"] = {"action": np.arange(500) % 3, "person": np.arange(500) % 2, "name": zeros}
    columns["labels"]["shoes"] = zeros
    sample = draw_sample(dataset(**columns), FRAMES, 1000, 1000, 0)
    assert [(sample.split == part).sum() for part in range(3)] == [450, 50, 900]
    alone = sample.split == JUDGES_ONLY
    assert (split[sample.real.rows[alone]] == 0).all()
    assert alone[-900:].all()
    inputs = prepare(**sample.arguments(), codes=blank(1400))
    assert len(inputs.judged) == 1350
    plain = draw_sample(dataset(**columns), FRAMES, 1000, 1000, 0)
    np.testing.assert_array_equal(plain.real.starts, sample.real.starts)


def test_judges_may_see_the_beginning_of_test_clips_and_the_rest_is_measured() -> None:
    clips = dataset(length=np.full(N, 5 * FRAMES))
    sample = draw_sample(clips, FRAMES, 100, 100, 0, early=True)
    inputs = prepare(**sample.arguments(), codes=blank(len(sample.split)))
    extra = np.setdiff1d(inputs.judged, inputs.train)
    extra = extra[clips.table.split[sample.real.rows[extra]] == 1]
    assert len(extra)
    assert set(sample.real.rows[extra]) == set(sample.real.rows[inputs.test])
    assert sample.real.starts[extra].max() + FRAMES <= 3 * FRAMES
    assert sample.real.starts[inputs.test].min() >= 3 * FRAMES
    assert not np.intersect1d(inputs.judged, inputs.test).size
    plain = draw_sample(clips, FRAMES, 100, 100, 0)
    assert not (clips.table.split[plain.real.rows] == 1)[plain.split == JUDGES_ONLY].any()
    measured = sample.split != JUDGES_ONLY
    np.testing.assert_array_equal(
        plain.real.rows[plain.split != JUDGES_ONLY], sample.real.rows[measured]
    )
    with pytest.raises(InputError, match="a clip of 6 frames is too short"):
        draw_sample(dataset(), FRAMES, 100, 100, 0, early=True)


def test_factors_that_cannot_be_judged_are_left_out_and_named() -> None:
    sample = draw_sample(dataset(), FRAMES, 100, 100, 0)
    assert set(sample.labels) == {"person", "action"}
    assert sample.roles == {"person": "identity", "action": "action"}
    assert "1 known value " in sample.left_out["shoes"]
    assert "no training clip has" in sample.left_out["name"]
    inputs = prepare(**sample.arguments(), codes=blank(60))
    assert len(inputs.test) == 12


def test_test_clips_that_are_too_short_are_counted() -> None:
    """Of 12 test clips, three each are of 6, 7, 8 and 9 frames; of training nothing is said."""
    assert "test clips" not in draw_sample(dataset(), FRAMES, 100, 100, 0).left_out
    sample = draw_sample(dataset(), FRAMES + 2, 100, 100, 0)
    assert (sample.split == 1).sum() == 6
    assert sample.left_out["test clips"] == "6 of 12 are shorter than 8 frames"


def test_the_choice_is_a_function_of_the_seed() -> None:
    one, two, other = (draw_sample(dataset(), FRAMES, 20, 5, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.real.rows, two.real.rows)
    np.testing.assert_array_equal(one.real.starts, two.real.starts)
    assert not np.array_equal(one.real.rows, other.real.rows)


def test_datasets_without_test_clips_are_refused() -> None:
    with pytest.raises(InputError, match="counting has 0 test clips of 6 frames"):
        draw_sample(dataset(split=np.zeros(N, np.int64)), FRAMES, 10, 10, 0)
    with pytest.raises(InputError, match="0 train clips of 99 frames"):
        draw_sample(dataset(), 99, 10, 10, 0)


def test_unseen_combinations_are_those_that_training_lacks() -> None:
    """4 individuals x 3 actions x 2 takes; cells (0, 1) and (3, 2) are held out."""
    group, action, _ = (a.ravel() for a in np.meshgrid(range(4), range(3), range(2), indexing="ij"))
    split = np.isin(group * 10 + action, [1, 32]).astype(np.int64)
    split[0] = 1  # a held-out clip of a cell that training has
    pairs = unseen_pairs(group, action, split, seed=0)
    cells = [(int(group[who]), int(action[what])) for who, what in pairs]
    assert sorted(cells) == [(0, 1), (0, 1), (3, 2), (3, 2)]
    for who, what in pairs:
        assert split[who] == 0
        assert group[who] != group[what]
        assert action[who] != action[what]


def test_held_out_individuals_are_not_unseen_combinations() -> None:
    group, action = np.repeat(np.arange(6), 3), np.tile(np.arange(3), 6)
    assert unseen_pairs(group, action, (group > 3).astype(np.int64), 0).shape == (0, 2)
    assert draw_sample(dataset(), FRAMES, 100, 100, 0).unseen is None


def test_pairs_of_a_sample_point_into_the_sample() -> None:
    person, action = np.arange(N) // 6, np.arange(N) % 3
    split = ((person * 3 + action) % 5 == 0).astype(np.int64)
    clips = dataset(split=split)
    sample = draw_sample(clips, FRAMES, train=30, test=8, seed=0)
    assert sample.unseen is not None
    rows = sample.real.rows[sample.unseen]
    seen = set(zip(person[split == 0], action[split == 0], strict=True))
    for who, what in rows:
        assert (person[who], action[what]) not in seen
        assert split[who] == 0


@pytest.mark.parametrize("seed", range(5))
def test_who_is_swapped_into_a_cell_left_out_is_not_seen_in_it(seed: int) -> None:
    """A quarter of every cell's clips are test clips: those of a cell left out show it as well."""
    index = np.arange(240)
    person, action = index // 40, index % 10 // 2  # 6 persons, 5 actions, 8 clips of each
    columns: dict[str, Any] = {"length": np.full(240, FRAMES), "group": person}
    columns |= {"split": (index % 8 < 2).astype(np.int64)}
    columns["labels"] = {"action": action, "person": person % 2, "shoes": person, "name": person}
    clips = dataset(**columns)
    sample = draw_sample(clips, FRAMES, 1000, 1000, seed)
    found = unseen(Trained(FRAMES, "", holdout_cells=0.2, seed=seed), clips, sample, seed)
    assert found is not None
    out = left_out(clips, 0.2, seed)
    cells = set(zip(person[out], action[out], strict=True))
    rows = sample.real.rows[found]
    assert {(person[who], action[what]) for who, what in rows} == cells
    assert len(rows) >= out.sum()
    for who, what in rows:
        assert action[who] != action[what], "a clip of the individual shows the cell itself"
        assert person[who] != person[what]
        assert clips.table.split[who] == 0
        assert not out[who]


def test_every_clip_left_out_of_whole_individuals_gives_a_pair() -> None:
    """As of Sprites: individuals are held out whole, and do each action once."""
    person, action = np.arange(180) // 9, np.arange(180) % 9
    columns: dict[str, Any] = {"length": np.full(180, FRAMES), "group": person}
    columns |= {"split": (person >= 18).astype(np.int64)}
    columns["labels"] = {"action": action, "person": person % 2, "shoes": person, "name": person}
    clips = dataset(**columns)
    sample = draw_sample(clips, FRAMES, 1000, 1000, 0)
    found = unseen(Trained(FRAMES, "", holdout_cells=0.1, seed=0), clips, sample, 0)
    assert found is not None
    assert len(found) == left_out(clips, 0.1, 0).sum() == 17


def test_the_panel_takes_a_sample() -> None:
    """Frames of one brightness are all the judges see, so the floor is taken away."""
    sample = draw_sample(dataset(), FRAMES, 48, 12, 0)
    n = len(sample.real)
    codes = {"s": np.zeros((n, 2), np.float32), "d": np.zeros((n, 2), np.float32)}

    def decode(batch: Any) -> Any:
        return np.zeros((len(batch["s"]), FRAMES, 1, 12, 12), np.float32)

    settings = Settings(
        floor=0, judge_steps=2, judge_width=2, judge_hidden=2, shuffles=2, resamples=20
    )
    result = panel(**sample.arguments(), codes=codes, decode=decode, settings=settings)
    assert result["n"] == 12
    assert result["leakage"]["s"]["person"]["mlp"]["excess"] <= 0


def test_codes_of_clips_for_judges_alone_stay_zero(tmp_path: Path) -> None:
    clips = open_clips(pendula(tmp_path / "data"))
    sample = draw_sample(clips, 2, 100, 100, 0)
    assert not (sample.split == JUDGES_ONLY).any()
    count = len(sample.split) - 3
    last = replace(sample, split=np.append(sample.split[:count], np.full(3, JUDGES_ONLY)))
    model = VDSM(SMALL.model).eval()
    told: list[tuple[int, int]] = []
    codes, raw, sampled = encode(
        model, last.real, last.split, 0, lambda _, done, of: told.append((done, of))
    )
    assert raw == {}, "no readout, so nothing but the codes"
    assert told[-1] == (count, count)
    expected = model.encode(as_video(sample.real[np.arange(count)]))
    for name in "sdz":
        assert len(codes[name]) == count + 3
        assert not codes[name][count:].any()
        np.testing.assert_allclose(codes[name][:count], getattr(expected, name), atol=1e-5)
    assert all(not code[-3:].any() and code[:-3].any(1).all() for code in sampled.values())
