"""Schedules: ends, ranges, monotone where they should be, and the splines solved by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vdsm.methods.vdsm.config import Stage1Config
from vdsm.methods.vdsm.stages import anneal_stage1, anneal_stage2
from vdsm.schedules import (
    half_cosine,
    lambda_z_paper_code,
    lambda_z_stage2,
    log_half_cosine,
    quadratic,
)

progress = st.floats(0, 1)
positive = st.floats(1e-3, 1e3)
share = st.floats(0.01, 1)
GRID = np.linspace(0, 1, 2001)
FIG_9 = ((0.0, 30.0), (0.5, 0.2), (0.8, 0.4), (1.0, 1.0))
FIG_10 = ((0.0, 0.1), (0.5, 0.4), (0.8, 0.4), (1.0, 1.0))


def spline(points: tuple[tuple[float, float], ...], at: np.ndarray) -> np.ndarray:
    """Two parabolas through four points that meet smoothly halfway between the middle two."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    knot = (x1 + x2) / 2

    def row(x: float) -> list[float]:
        return [1, x, x * x]

    none = [0.0, 0.0, 0.0]
    slope = [0, 1, 2 * knot]
    matrix = [
        row(x0) + none,
        row(x1) + none,
        none + row(x2),
        none + row(x3),
        row(knot) + [-v for v in row(knot)],
        slope + [-v for v in slope],
    ]
    a = np.linalg.solve(np.array(matrix, float), [y0, y1, y2, y3, 0, 0])
    left, right = (a[k] + a[k + 1] * at + a[k + 2] * at**2 for k in (0, 3))
    return np.where(at < knot, left, right)


@given(progress, positive, positive, share)
def test_half_cosines_stay_between_their_ends(p: float, a: float, b: float, until: float) -> None:
    for schedule in (half_cosine, log_half_cosine):
        value = schedule(p, a, b, until)
        assert min(a, b) * (1 - 1e-9) <= value <= max(a, b) * (1 + 1e-9)
        assert schedule(0, a, b, until) == pytest.approx(a)
        assert schedule(until, a, b, until) == pytest.approx(b)
        assert schedule(1, a, b, until) == pytest.approx(b)


@given(progress, progress, positive, positive, share)
def test_half_cosines_are_monotone(p: float, q: float, a: float, b: float, until: float) -> None:
    first, second = sorted((p, q))
    for schedule in (half_cosine, log_half_cosine):
        step = schedule(second, a, b, until) - schedule(first, a, b, until)
        assert step * (b - a) >= -1e-9 * max(a, b) ** 2


@given(positive, positive, share)
def test_halfway(a: float, b: float, until: float) -> None:
    """The mean of the ends: arithmetic, and geometric in log space."""
    assert half_cosine(until / 2, a, b, until) == pytest.approx((a + b) / 2)
    assert log_half_cosine(until / 2, a, b, until) == pytest.approx(math.sqrt(a * b))


@pytest.mark.parametrize("points", [FIG_9, FIG_10])
def test_quadratic_is_the_spline(points: tuple[tuple[float, float], ...]) -> None:
    expected = np.maximum(spline(points, GRID), 0.005)
    actual = [quadratic(p, points) for p in GRID]
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)
    for x, y in points:
        assert quadratic(x, points) == pytest.approx(y)


def test_authors_lambda_z_undershoots() -> None:
    """Its weight is as good as nothing, .005, for more than a fifth of the stage."""
    values = np.array([lambda_z_paper_code(p) for p in GRID])
    low = GRID[values == 0.005]
    assert 0.5 < low.min() < low.max() < 0.8
    assert low.max() - low.min() > 0.2
    assert values.max() == pytest.approx(30)
    assert np.all(np.diff(values[GRID <= 0.5]) < 0)
    assert np.all(np.diff(values[GRID >= 0.75]) > 0)


def test_lambda_z_of_stage_2_is_between_its_ends() -> None:
    values = np.array([lambda_z_stage2(p) for p in GRID])
    assert values.min() == pytest.approx(0.1)
    assert values.max() == pytest.approx(1.0)
    assert np.all(np.diff(values[GRID <= 0.4]) > 0)
    assert np.all(np.diff(values[GRID >= 0.7]) > 0)


def test_stage_1_as_the_paper_says() -> None:
    """Sec. 3.2, Fig. 9: λ_z 30 to 1, λ_s .1 to 1, ever sharper; none turns back."""
    steps = [anneal_stage1(Stage1Config(inverse_temperature=10), p) for p in GRID]
    z, s = (np.array([step.weights[name] for step in steps]) for name in ("kl_z", "kl_s"))
    inverse_temperature = np.array([step.values["inverse_temperature"] for step in steps])
    assert (z[0], s[0], inverse_temperature[0]) == pytest.approx((30, 0.1, 1))
    assert (z[-1], s[-1], inverse_temperature[-1]) == pytest.approx((1, 1, 10))
    for rising in (-z, s, inverse_temperature):
        assert np.all(np.diff(rising) >= -1e-12)
    assert all(step.weights["log_likelihood"] == 1 for step in steps)
    authors = anneal_stage1(Stage1Config(lambda_z="authors"), 0.6)
    assert authors.weights["kl_z"] == 0.005


def test_stage_2_as_the_paper_says() -> None:
    """Fig. 10: λ_z .1 to 1, λ_s constant, 1/τ_s stays where stage 1 left it."""
    steps = [anneal_stage2(Stage1Config(inverse_temperature=10), p) for p in GRID]
    assert {(step.weights["kl_s"], step.values["inverse_temperature"]) for step in steps} == {
        (1.0, 10.0)
    }
    for name in ("kl_z", "kl_d"):
        assert (steps[0].weights[name], steps[-1].weights[name]) == pytest.approx((0.1, 1.0))
    assert np.all(np.diff([step.weights["kl_d"] for step in steps]) >= 0)
