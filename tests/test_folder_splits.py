"""Three splits: for learning, for choices, for the last measurement."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folders import made, rows_of, tree
from media import ramp
from vdsm.data import open_clips
from vdsm.data.clips import SPLITS, hold_out, hold_out_validation, three_splits
from vdsm.errors import InputError
from vdsm.video import write_clips

TRAIN, TEST, VALIDATION = map(SPLITS.index, ("train", "test", "validation"))


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=80),
    st.sampled_from([0, 0.05, 0.1, 0.2, 0.5, 0.9]),
    st.sampled_from([0, 0.1, 0.25, 0.5, 0.99]),
    st.integers(0, 9),
)
def test_shares_of_whole_values(values: list[int], test: float, choice: float, seed: int) -> None:
    split = three_splits(values, test, choice, seed)
    assert split.dtype == np.int64
    of = {value: {s for v, s in zip(values, split, strict=True) if v == value} for value in values}
    assert all(len(found) == 1 for found in of.values())
    counts = [sum(found == {i} for found in of.values()) for i in range(3)]
    assert counts[TRAIN] >= 1
    left = len(of) - counts[TEST]
    assert counts[VALIDATION] == min(round(choice * len(of)), left - 1)
    assert np.array_equal(split == TEST, hold_out(values, test, seed) == TEST)
    assert np.array_equal(split, three_splits(values, test, choice, seed))


def test_seeds_choose_others_evenly() -> None:
    """Each of 10 values is held out about as often: binomial, within 5 standard deviations."""
    tries = 400
    counts = np.zeros(10)
    for seed in range(tries):
        counts += (
            hold_out_validation(np.zeros(10, np.int64), np.arange(10), 0.2, seed) == VALIDATION
        )
    assert counts.sum() == 2 * tries
    assert np.abs(counts - tries * 0.2).max() < 5 * np.sqrt(tries * 0.2 * 0.8)


def test_values_with_a_clip_elsewhere_stay() -> None:
    values = np.array([0, 0, 1, 2, 3, 4])
    split = np.array([TRAIN, TEST, TRAIN, TRAIN, TRAIN, TEST])
    for seed in range(20):
        found = hold_out_validation(split, values, 0.4, seed)
        assert found[[0, 1, 5]].tolist() == [TRAIN, TEST, TEST]
        assert (found == VALIDATION).sum() == 2


def test_individuals_for_choices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path / "in", tuple("abcdefghij"))
    clips = made(tmp_path / "out", root)
    groups = [set(clips.table.group[clips.select(split)].tolist()) for split in SPLITS]
    assert [len(found) for found in groups] == [7, 2, 1]
    assert set.union(*groups) == set(range(10))
    assert clips.info.made["options"]["validation_share"] == 0.1
    listed = rows_of(tmp_path / "out" / "files.csv")
    assert [row["split"] for row in listed] == [SPLITS[i] for i in clips.table.split]
    assert "validation" not in capsys.readouterr().err
    none = made(tmp_path / "none", root, validation_share=0)
    assert np.array_equal(none.table.split == TEST, clips.table.split == TEST)
    assert not (none.table.split == VALIDATION).any()


def test_videos_for_choices(tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    clips = made(tmp_path / "out", root, segment=3, holdout="clip", validation_share=0.25)
    listed = rows_of(tmp_path / "out" / "files.csv")
    files = [{row["file"] for row in listed if row["split"] == split} for split in SPLITS]
    assert [len(found) for found in files] == [7, 2, 3]
    assert sum(map(len, files)) == len(set.union(*files)) == 12
    assert len(clips) > 12


def test_too_few_for_choices_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path / "in")
    clips = made(tmp_path / "out", root)
    assert clips.table.split.max() == TEST
    said = " ".join(capsys.readouterr().err.split())
    assert "none is held out for validation, since there are too few individuals" in said
    made(tmp_path / "none", root, validation_share=0)
    assert "validation" not in capsys.readouterr().err


def test_given_splits_keep_their_test_clips(tmp_path: Path) -> None:
    """Choices come from training clips; where everybody is in both, single ones."""
    (tmp_path / "in").mkdir()
    lines = ["path,group,split"]
    for i in range(20):
        write_clips(tmp_path / "in" / f"{i}.gif", ramp(2))
        lines.append(f"{i}.gif,{i % 4},{'test' if i < 4 else 'train'}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    clips = made(tmp_path / "out", tmp_path / "in", table=tmp_path / "t.csv")
    assert clips.select("test").tolist() == [0, 1, 2, 3]
    assert len(clips.select("validation")) == 2
    told = [line.replace("19.gif,3,train", "19.gif,3,dev") for line in lines]
    (tmp_path / "u.csv").write_text("\n".join(told))
    clips = made(tmp_path / "told", tmp_path / "in", table=tmp_path / "u.csv")
    assert clips.select("validation").tolist() == [19]
    assert len(clips.select("train")) == 15


def test_datasets_without_it_open(tmp_path: Path) -> None:
    """Those of earlier versions have two splits, and the fingerprint that they had."""
    clips = made(tmp_path / "out", tree(tmp_path / "in"), validation_share=0)
    print_before = clips.fingerprint
    about = json.loads((tmp_path / "out" / "dataset.json").read_text())
    del about["made"]["options"]["validation_share"]
    (tmp_path / "out" / "dataset.json").write_text(json.dumps(about))
    again = open_clips(tmp_path / "out")
    assert again.fingerprint == print_before
    assert len(again.select("validation")) == 0
    with pytest.raises(InputError, match="no split 'valid': it is train or test or validation"):
        again.select("valid")
    columns = dict(np.load(tmp_path / "out" / "clips.npz"))
    columns["split"][0] = 3
    np.savez(tmp_path / "out" / "clips.npz", **columns)
    with pytest.raises(InputError, match="impossible lengths or splits"):
        open_clips(tmp_path / "out")
