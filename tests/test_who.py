"""Who is who: looks against a slow histogram, neighbours against a tree, pairs against truth."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.metrics.cluster import pair_confusion_matrix

from small import pendula
from vdsm.data import open_clips
from vdsm.data.families.make import FamilyOptions
from vdsm.data.families.make import make as make_family
from vdsm.who import find, found_among, looks_of, score
from vdsm.who.looks import look
from vdsm.who.pairs import neighbours


def slow_look(frames: np.ndarray) -> np.ndarray:
    """One pixel after the other, each to its eight corners."""
    counts = np.zeros((8, 8, 8))
    for pixel in frames.reshape(-1, 3) / 255 * 7:
        for corner in np.ndindex(8, 8, 8):
            counts[corner] += np.prod(np.maximum(0, 1 - np.abs(pixel - corner)))
    return np.sqrt(counts / counts.sum()).ravel()


def test_a_look_is_the_square_root_of_a_histogram() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 3, 2, 3)).astype(np.uint8)
    np.testing.assert_allclose(look(frames), slow_look(frames), atol=1e-3)


def test_a_look_does_not_know_time_or_place() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    scrambled = rng.permutation(frames.reshape(-1, 3)).reshape(frames.shape)
    np.testing.assert_allclose(look(scrambled), look(frames), atol=1e-5)


def test_neighbours_are_the_trees() -> None:
    points = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    near, distance = neighbours(points, 4)
    truth = cKDTree(points).query(points, 5)
    np.testing.assert_allclose(distance, truth[0][:, 1:], rtol=1e-4)
    np.testing.assert_array_equal(near, truth[1][:, 1:])


@pytest.mark.parametrize("each", [2, 5, 40])
def test_individuals_who_appear_several_times_are_found(each: int) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(200 // each), each)
    centres = rng.permutation(np.stack(np.meshgrid(*[range(5)] * 3), -1).reshape(-1, 3))
    centres = centres[: 200 // each].astype(float)
    looks = centres[truth] + 0.02 * rng.normal(size=(len(truth), 3))
    found = find(looks.astype(np.float32))
    precision, recall = score(found.individual, truth)
    assert found.anybody
    assert precision == 1.0
    assert recall >= 0.98


@pytest.mark.parametrize("dimensions", [1, 2, 3, 8])
def test_where_looks_are_spread_without_gaps_nobody_is_found(dimensions: int) -> None:
    looks = np.random.default_rng(0).uniform(size=(800, dimensions)).astype(np.float32)
    found = find(looks)
    assert not found.anybody
    assert len(set(found.individual)) == 800
    assert "nobody found twice" in str(found)


def test_the_score_is_sklearns_count_of_pairs() -> None:
    rng = np.random.default_rng(0)
    found, truth = rng.integers(0, 5, 60), rng.integers(0, 4, 60)
    (_, wrong), (missed, right) = pair_confusion_matrix(truth, found)
    precision, recall = score(found, truth)
    assert precision == pytest.approx(right / (right + wrong))
    assert recall == pytest.approx(right / (right + missed))


def test_pendula_are_found_by_their_colours(tmp_path: Path) -> None:
    clips = open_clips(pendula(tmp_path / "clips", clips_per_cell=20, size=32))
    train = clips.select("train")
    found = found_among(clips, train)
    assert found is found_among(clips, train)  # once
    assert score(found.individual, clips.table.group[train]) == (1.0, 1.0)


def test_nobody_is_found_in_a_flat_family(tmp_path: Path) -> None:
    make_family(tmp_path / "clips", FamilyOptions(family="grey", clips=300, frames=4, size=32))
    clips = open_clips(tmp_path / "clips")
    assert not find(looks_of(clips, np.arange(300))).anybody


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_clips_to_compare(count: int) -> None:
    assert not find(np.ones((count, 4), np.float32)).anybody


def test_clips_all_alike_are_one_individual() -> None:
    found = find(np.ones((30, 4), np.float32))
    assert set(found.individual) == {0}
