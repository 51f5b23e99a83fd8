"""Who is who: looks against a slow histogram, neighbours against a tree, pairs against truth."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN
from sklearn.metrics.cluster import pair_confusion_matrix

from benchmark import load
from small import pendula
from vdsm.data import open_clips
from vdsm.data.families.make import FamilyOptions
from vdsm.data.families.make import make as make_family
from vdsm.train.batches import GroupSampler, Individuals
from vdsm.who import find, found_among, looks_of, score, without_commonest
from vdsm.who.looks import look
from vdsm.who.space import Space, neighbours


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


def crowd(people: int, each: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Looks [N, 6] and who they are of."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(people), each)
    centres = rng.normal(size=(people, 6))
    return (centres[truth] + spread * rng.normal(size=(len(truth), 6))).astype(np.float32), truth


def test_groups_are_those_of_all_distances() -> None:
    looks, _ = crowd(20, 6, 0.2)
    space = Space(looks)
    given = {"min_cluster_size": 4, "cluster_selection_method": "leaf", "copy": True}
    whole = HDBSCAN(min_samples=2, **given).fit(looks.astype(np.float64)).labels_  # with itself
    sparse = HDBSCAN(min_samples=1, metric="precomputed", **given).fit(space.graph).labels_
    np.testing.assert_array_equal(whole < 0, sparse < 0)
    assert score(whole[whole >= 0], sparse[whole >= 0]) == (1.0, 1.0)


@pytest.mark.parametrize("each", [5, 40])  # strangers among the neighbours looked at, and not
def test_gaps_are_of_strangers_and_of_the_largest_step(each: int) -> None:
    looks, truth = crowd(4, each, 0.1)
    distance = cdist(looks.astype(np.float64), looks)
    for person, gap in enumerate(Space(looks)._gaps(truth, 4)):
        mine = truth == person
        reached = [int(np.flatnonzero(mine)[0])]  # Prim's tree
        steps = []
        while len(reached) < each:
            left = np.setdiff1d(np.flatnonzero(mine), reached)
            apart = distance[np.ix_(reached, left)]
            steps.append(apart.min())
            reached.append(int(left[apart.min(0).argmin()]))
        assert gap == pytest.approx(distance[np.ix_(mine, ~mine)].min() / max(steps), rel=1e-3)


def test_how_much_of_the_frame_somebody_fills_does_not_count() -> None:
    shirt, far = np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3), np.uint8)
    shirt[:, 2:6, 2:6], far[:, 3:5, 3:5] = (250, 20, 20), (250, 20, 20)
    other = np.zeros_like(shirt)
    other[:, 2:6, 2:6] = (20, 20, 250)
    looks = without_commonest(np.stack([look(shirt), look(far), look(other)]))
    apart = cdist(looks, looks)
    assert apart[0, 1] < 1e-3
    assert apart[0, 2] > 1


def test_individuals_seen_from_several_sides_are_one(tmp_path: Path) -> None:
    """Each view has other shares of the same colours, and is nearest to itself."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(4, 20.0), (30, 3))  # of four parts, of each of three views
    colours = np.stack([rng.permutation(60)[:4] for _ in range(30)])
    looks = np.zeros((270, 60), np.float32)
    for clip in range(270):
        who, view = divmod(clip // 3, 3)
        looks[clip, colours[who]] = np.sqrt(rng.dirichlet(2000 * shares[who, view]))
    precision, recall = score(find(looks).individual, np.repeat(np.arange(30), 9))
    assert precision >= 0.98
    assert recall >= 0.9


def test_unsure_pairs_are_drawn_less_often(tmp_path: Path) -> None:
    clips = open_clips(pendula(tmp_path / "clips", clips_per_cell=20, size=32))
    people = Individuals(clips, np.zeros(len(clips), bool), "found")
    clip = int(people.all[0])
    assert people.sure is not None
    assert people.sure[clip] == 1
    for sure in (1.0, 0.5, 0.0):
        people.sure[:] = sure
        rng = np.random.default_rng(0)
        share = np.mean([people.another(rng, clip) != clip for _ in range(2000)])
        assert share == pytest.approx(sure, abs=0.05)
    drawn = GroupSampler(people, 6).draw(np.random.default_rng(0), 4)  # frames of one clip each
    assert drawn.target.shape[:2] == (4, 6)


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
    assert "of one individual" in str(found)


@pytest.mark.parametrize("count", [8, 30, 120, 500])
def test_few_clips_of_nobody_twice(count: int) -> None:
    found = [
        find(np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)).anybody
        for seed in range(20)
    ]
    assert sum(found) <= 2


def test_two_individuals_are_two() -> None:
    looks, truth = crowd(2, 30, 0.1)
    assert score(find(looks).individual, truth) == (1.0, 1.0)


def test_the_benchmark_counts_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = pendula(tmp_path / "clips", clips_per_cell=20, size=32)
    monkeypatch.setattr("sys.argv", ["who.py", str(data)])
    load("who").main()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    by_name = {" ".join(row[1:-9]): row[-9:] for row in rows[1:]}
    assert by_name["all"][:3] == ["112", "7", "7"]
    assert by_name["all"][4:6] == ["100.0", "100.0"]
    assert by_name["of two"][:3] == ["32", "2", "2"]
