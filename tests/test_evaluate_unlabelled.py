"""What needs no label: formulas against slow loops, and clips whose truth is known."""

from collections import Counter

import numpy as np
import pytest
import torch

from evaluate_toy import encoded, generated, render, world
from vdsm.evaluate import Settings, panel
from vdsm.evaluate.colours import histogram, intersection
from vdsm.evaluate.cycle import compared
from vdsm.evaluate.diversity import small, spread
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.motion import change, correlation, displaced

RNG = np.random.default_rng(0)
SETTINGS = Settings(
    judge_width=8, judge_hidden=16, judge_steps=300, shuffles=2, resamples=30, batch=20, nulls=False
)


def clips(n: int, size: int = 32, channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(RNG.random((n, 4, channels, size, size), np.float32))


def test_change_of_cells_by_a_loop() -> None:
    x = clips(2)
    found = change(x)
    assert found.shape == (2, 3 * 16 * 16)
    for b, t, r, c in ((0, 0, 0, 0), (1, 2, 15, 3), (1, 1, 7, 8)):
        cell = [
            abs(float(x[b, t + 1, k, 2 * r + i, 2 * c + j] - x[b, t, k, 2 * r + i, 2 * c + j]))
            for k in range(3)
            for i in range(2)
            for j in range(2)
        ]
        assert found[b, (t * 16 + r) * 16 + c] == pytest.approx(np.mean(cell), rel=1e-4)


def test_correlation_is_pearson_s() -> None:
    one, other = RNG.random((5, 40)), RNG.random((5, 40))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(correlation(one, other), expected)
    np.testing.assert_allclose(correlation(one, 3 * one + 1), 1)
    assert not correlation(one, np.ones((5, 40))).any()  # what is still agrees with nothing


def test_displacements_by_a_loop() -> None:
    """Every displacement of a 3 x 4 grid, one for all frames of a clip."""
    one, other = RNG.random((2, 2 * 12)), RNG.random((2, 2 * 12))
    found = displaced(one, other, (3, 4))
    for b in range(2):
        a, c = one[b].reshape(2, 3, 4), other[b].reshape(2, 3, 4)
        sums = [
            sum(
                a[t, i, j] * c[t, i + y, j + x]
                for t in range(2)
                for i in range(3)
                for j in range(4)
                if 0 <= i + y < 3 and 0 <= j + x < 4
            )
            for y in range(-2, 3)
            for x in range(-3, 4)
        ]
        norm = np.linalg.norm(one[b]) * np.linalg.norm(other[b])
        assert found[b] == pytest.approx(max(sums) / norm)
    moved = np.zeros((1, 2, 3, 4))
    moved[0, :, 1:, 1:] = one[0].reshape(2, 3, 4)[:, :-1, :-1]
    inside = one[:1].reshape(1, 2, 3, 4).copy()
    inside[:, :, -1], inside[:, :, :, -1] = 0, 0
    assert displaced(inside.reshape(1, -1), moved.reshape(1, -1), (3, 4)) == pytest.approx(1)


@pytest.mark.parametrize("channels", [1, 3])
def test_histograms_by_a_loop(channels: int) -> None:
    x = clips(2, 6, channels)
    x[0, 0, :, 0, 0] = 1.0  # the last level, not one beyond
    levels = {1: 64, 3: 8}[channels]
    found = histogram(x)
    for b in range(2):
        pixels = x[b].permute(0, 2, 3, 1).reshape(-1, channels).numpy()
        counts = Counter(
            sum(min(int(v * levels), levels - 1) * levels**k for k, v in enumerate(pixel))
            for pixel in pixels
        )
        expected = [counts[i] / len(pixels) for i in range(levels**channels)]
        np.testing.assert_allclose(found[b], expected)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    both = sum(min(p, q) for p, q in zip(found[0], found[1], strict=True))
    assert intersection(found[:1], found[1:])[0] == pytest.approx(both)


def test_spread_is_over_all_pairs() -> None:
    x = RNG.random((7, 5))
    pairs = [np.mean((x[i] - x[j]) ** 2) for i in range(7) for j in range(7) if i != j]
    assert spread(x, np.ones((1, 7)))[0] == pytest.approx(np.sqrt(np.mean(pairs)))
    assert spread(np.ones((4, 3)), np.ones((2, 4))).tolist() == [0, 0]
    averages = small(clips(2, 16))
    assert averages.shape == (2, 4 * 3 * 8 * 8)


def test_cycles_by_a_loop() -> None:
    similarity = np.round(RNG.standard_normal((6, 9)), 1)
    right, wrong = RNG.permutation(9)[:6], (RNG.permutation(9)[:6] + 1) % 9
    fits = right[:, None] == np.arange(9)
    found = compared(similarity, right, wrong, fits, np.arange(6), Bootstrap(20, 0))
    nearest, rank, between = [], [], []
    for row, r, w in zip(similarity, right, wrong, strict=True):
        nearest.append(int(np.argmax(row)) == r)
        others = [value for j, value in enumerate(row) if j != r]
        rank.append(sum((v < row[r]) + 0.5 * (v == row[r]) for v in others) / 8)
        between.append(row[r] > row[w])
    assert found["nearest"].value == pytest.approx(np.mean(nearest))
    assert found["rank"].value == pytest.approx(np.mean(rank))
    assert found["between"].value == pytest.approx(np.mean(between))
    assert found["chance"].value == pytest.approx(1 / 9)


def test_ranks_leave_out_what_is_as_good() -> None:
    """Two clips of the individual, two others: one above, one below."""
    similarity = np.array([[0.9, 0.8, 0.95, 0.1]])
    fits = np.array([[True, True, False, False]])
    found = compared(similarity, np.array([1]), np.array([3]), fits, np.arange(1), Bootstrap(20, 0))
    assert found["rank"].value == 0.5
    assert found["chance"].value == 0.5
    assert found["nearest"].value == 0


def test_a_perfect_model_a_copying_one_and_one_that_draws_a_single_clip() -> None:
    """Without labels the figures tell them apart."""
    arguments = world() | {"labels": {}, "encode": encoded, "generate": generated}
    good = panel(**arguments, settings=SETTINGS)["unlabelled"]
    decode = lambda codes: render({"s": codes["d"], "d": codes["d"][:, 6:]})  # noqa: E731
    copying = arguments | {"decode": decode}
    both = np.concatenate([arguments["codes"]["s"], arguments["codes"]["d"]], axis=1)
    copying |= {"codes": {"s": arguments["codes"]["s"], "d": both}, "generate": single}
    copying["encode"] = lambda x: {
        "s": encoded(x)["s"],
        "d": np.concatenate([encoded(x)["s"], encoded(x)["d"]], axis=1),
    }
    poor = panel(**copying, settings=SETTINGS)["unlabelled"]
    assert good["colours"]["excess"] == good["cycle"]["s"]["nearest"] == 1
    assert good["cycle"]["s"]["between"] > 0.9
    assert good["motion"]["displaced"]["action"] > good["motion"]["displaced"]["stranger"] + 0.2
    assert poor["colours"]["excess"] < 0.3
    assert poor["cycle"]["s"]["between"] < 0.2
    assert poor["motion"]["action"] == pytest.approx(1)
    assert good["diversity"]["ratio"] == pytest.approx(1, abs=0.1)
    assert poor["diversity"]["ratio"] == 0


def single(n: int, rng: np.random.Generator) -> np.ndarray:
    """The same clip n times."""
    return generated(1, np.random.default_rng(0)).repeat(n, axis=0)


def test_clips_of_one_frame_do_not_move() -> None:
    arguments = world() | {"labels": {}, "encode": None}
    arguments["real"] = arguments["real"][:, :1]
    arguments["decode"] = lambda codes: render(codes)[:, :1]
    result = panel(**arguments, settings=SETTINGS)
    assert result["not_measured"]["unlabelled.motion"] == "clips of one frame do not move"
    assert "colours" in result["unlabelled"]
