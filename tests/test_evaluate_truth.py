"""The truth of drawn data: read-outs against closed forms, and true swaps in a world of squares."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

from evaluate_toy import FRAMES, frames, world
from small import pendula
from vdsm.data import open_clips
from vdsm.errors import InputError
from vdsm.evaluate.context import Context
from vdsm.evaluate.drawn import truth_of
from vdsm.evaluate.inputs import Truth, prepare
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.sample import Segments
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import quiet
from vdsm.evaluate.system import System
from vdsm.evaluate.true_poses import METRIC as POSES
from vdsm.evaluate.true_poses import individuals_mean, over_time, read_out, varying
from vdsm.evaluate.true_swaps import METRIC as SWAPS
from vdsm.evaluate.true_swaps import rank, spread

RNG = np.random.default_rng(0)


def toy(**changes: Any) -> dict[str, Any]:
    """The world of squares, with its truth: where a square is in each frame."""
    given = world()
    colour, side, direction = given["labels"].values()
    place = given["codes"]["s"][:, 5].astype(np.int64)
    steps = 2 * np.arange(FRAMES)
    top = place[:, None] + steps * (direction == 2)[:, None]
    left = place[:, None] + steps * (direction == 1)[:, None]
    poses = np.stack([top, left, np.ones_like(top)], 2).astype(np.float32)

    def draw(person: int, row: int, asked: np.ndarray) -> np.ndarray:
        c, w, k = person // 6, person // 3 % 2, person % 3
        return frames(c, w, int(direction[row]), k)[asked]

    person = colour * 6 + side * 3 + place
    truth = Truth(("at.top", "at.left", "at.still"), poses, 18, person, draw)
    return given | {"truth": truth} | changes


def run(metric: Metric, given: dict[str, Any]) -> Context:
    """One metric alone, without judges."""
    given = dict(given)
    system = System(decode=given.pop("decode", None))
    context = Context(
        inputs=prepare(**given),
        system=system,
        judges=None,
        settings=Settings(batch=50),
        features={},
        progress=quiet,
        bootstrap=Bootstrap(50, 0),
        cached=lambda name, make: make(),
    )
    metric.run(context)
    return context


# Poses


def test_a_readout_is_its_closed_form_and_r2_that_of_another_library() -> None:
    n, t, k = 120, 5, 4
    code, mixing = RNG.standard_normal((n, t, k)), RNG.standard_normal((k, 3))
    poses = code @ mixing + 0.5 * RNG.standard_normal((n, t, 3))
    train, test = np.arange(90), np.arange(90, n)
    said = read_out(code, poses, train, test)
    x, y, new = (
        part.reshape(-1, part.shape[-1]) for part in (code[train], poses[train], code[test])
    )
    new, x = ((part - x.mean(0)) / x.std(0) for part in (new, x))
    ridge = np.linalg.solve(x.T @ x + np.eye(k), x.T @ (y - y.mean(0)))
    np.testing.assert_allclose(said.reshape(-1, 3), new @ ridge + y.mean(0))
    given = toy()
    inputs = prepare(**{k: v for k, v in given.items() if k != "decode"})
    found = run(POSES, given).numbers
    z, y = over_time(given["codes"]["d"], given["truth"].poses[:, :, :2].astype(np.float64))
    said = read_out(z, y, inputs.train, inputs.test)[:, 0]
    for column, name in enumerate(("top", "left")):
        expected = r2_score(y[inputs.test][:, 0, column], said[:, column])
        assert found[f"truth.pose.d.{name}"].value == pytest.approx(expected)


def test_codes_hold_what_they_hold() -> None:
    """s says where a square begins, d where it goes; together they say all."""
    given = toy()
    codes = given["codes"]
    both = np.concatenate([codes["s"], codes["d"]], 1)
    z = np.broadcast_to(both[:, None], (len(both), FRAMES, both.shape[1])).astype(np.float32)
    steps = np.arange(FRAMES, dtype=np.float32)[None, :, None]
    whole = np.concatenate([z, steps * codes["d"][:, None]], 2)
    found = run(POSES, given | {"codes": {"s": codes["s"], "z": whole}}).numbers
    assert found["truth.pose.z.mean"].value > 0.999
    assert 0.02 < found["truth.pose.s.mean"].value < 0.5
    # Every individual does all three: knowing who it is says as much as its place.
    individual, s = (found[f"truth.pose.{of}.mean"].value for of in ("individual", "s"))
    assert individual < s + 0.05
    assert found["truth.pose.shuffled.mean"].value < 0.1
    assert found["truth.pose.z.mean"].n == int(given["split"].sum())
    low, high = found["truth.pose.s.top"].interval or (0, 0)
    assert low < found["truth.pose.s.top"].value < high
    assert not any("still" in key for key in found)


def test_the_mean_of_columns_is_their_mean() -> None:
    found = run(POSES, toy()).numbers
    both = [found[f"truth.pose.d.{name}"].value for name in ("top", "left")]
    assert found["truth.pose.d.mean"].value == pytest.approx(np.mean(both))


def test_raw_codes_have_rows_of_their_own() -> None:
    given = toy()
    raw = {"s": given["codes"]["s"], "d": RNG.standard_normal((216, 3)).astype(np.float32)}
    found = run(POSES, given | {"raw": raw}).numbers
    assert found["truth.pose.s_raw.mean"].value == found["truth.pose.s.mean"].value
    assert found["truth.pose.d_raw.mean"].value < 0.1 < found["truth.pose.d.mean"].value


def test_an_individual_s_mean_by_a_loop() -> None:
    poses, groups = RNG.standard_normal((9, 1, 2)), np.array([0, 0, 1, 1, 1, 0, 0, 1, 7])
    train, test = np.arange(5), np.arange(5, 9)
    found = individuals_mean(poses, groups, train, test)
    for i, row in enumerate(test):
        own = [poses[j] for j in train if groups[j] == groups[row]] or list(poses[train])
        np.testing.assert_allclose(found[i], np.mean(own, 0))


def test_what_does_not_vary_is_left_out() -> None:
    poses = np.zeros((6, 2, 3), np.float32)
    poses[:, :, 1] = np.arange(6)[:, None]
    names, kept = varying(Truth(("a.x", "a.y", "b"), poses), np.arange(3), np.arange(3, 6))
    assert names == ["y"]
    assert kept.shape == (6, 2, 1)
    still = replace(toy()["truth"], poses=np.zeros((216, FRAMES, 3)))
    assert "varies" in run(POSES, toy(truth=still)).not_measured["truth.pose"]


# Swaps


def test_perfect_swaps_are_the_true_ones() -> None:
    found = run(SWAPS, toy()).numbers
    assert found["truth.swap.psnr"].value == pytest.approx(58.9, abs=0.1)
    assert found["truth.swap.ssim"].value == pytest.approx(1)
    for name in ("person", "action"):
        assert found[f"truth.swap.nearest.{name}"].value == 1
        assert found["truth.swap.chance.person"].value == pytest.approx(1 / 18)
    assert found["truth.swap.rank.person"].value == 1
    # Takes of a direction are the same here, so that their order is luck, and half a rank each.
    assert 0.8 < found["truth.swap.rank.take"].value < 1
    assert found["truth.swap.action_clip.psnr"].value < 30


@pytest.mark.parametrize("side", ["who", "what"])
def test_swaps_of_the_wrong_clip_are_found_out(side: str) -> None:
    given = toy()
    perfect = given["decode"]

    def wrong(codes: Any) -> Any:
        turned = dict(codes)
        if side == "who":
            turned["s"] = np.roll(codes["s"][:, :3], 1, 1)
            turned["s"] = np.concatenate([turned["s"], codes["s"][:, 3:]], 1)
        else:
            turned["d"] = np.roll(codes["d"], 1, 1)
        return perfect(turned)

    found = run(SWAPS, given | {"decode": wrong}).numbers
    right, hurt = ("action", "person") if side == "who" else ("person", "action")
    assert found[f"truth.swap.nearest.{hurt}"].value == 0
    assert found["truth.swap.nearest.both"].value == 0
    if side == "what":
        assert found[f"truth.swap.nearest.{right}"].value > 0.3  # a still square is like its start


def test_ranks_by_counting() -> None:
    assert rank(np.array([1.0, 2.0, 3.0])) == 1
    assert rank(np.array([3.0, 1.0, 2.0])) == 0
    assert rank(np.array([1.0, 1.0, 2.0, 0.0])) == pytest.approx(0.5)


@pytest.mark.parametrize("length", [1, 3, 4, 16, 17])
def test_frames_are_spread(length: int) -> None:
    found = spread(length)
    assert len(found) == min(4, length)
    assert (np.diff(found) > 0).all()
    assert found[0] >= 0
    assert found[-1] < length
    assert abs(found[0] - (length - 1 - found[-1])) <= 1


# Without a truth


def test_other_data_say_why_not() -> None:
    for metric in (POSES, SWAPS):
        said = run(metric, toy(truth=None)).not_measured
        assert set(said) == {metric.name}
    only_poses = replace(toy()["truth"], draw=None)
    assert "drawn" in run(SWAPS, toy(truth=only_poses)).not_measured["truth.swap"]
    assert run(POSES, toy(truth=only_poses)).numbers


def test_a_truth_that_does_not_fit() -> None:
    good = toy()["truth"]
    for wrong, said in (
        (replace(good, poses=good.poses[:, :2]), "truth: poses"),
        (replace(good, person=None), "give `person`"),
        (replace(good, person=good.person[:3]), "truth: person"),
    ):
        with pytest.raises(InputError, match=said):
            run(POSES, toy(truth=wrong))


def test_photographed_data_have_no_truth(tmp_path: Any) -> None:
    clips = open_clips(pendula(tmp_path / "data"))
    rows = np.arange(2)
    assert truth_of(clips, Segments(clips, rows, rows, 3)) is None
