"""Entropies of given tables, by hand and by scipy."""

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from vdsm.evaluate.entropy import entropies, entropy
from vdsm.evaluate.intervals import Bootstrap

BOOTSTRAP = Bootstrap(200, 0)


def numbers(p: np.ndarray) -> dict[str, float]:
    found = entropies([p], np.arange(len(p)), BOOTSTRAP)
    return {name: number.value for name, number in found.items()}


def test_certain_and_balanced_verdicts() -> None:
    """Each of 9 actions named with certainty, equally often: the best there is."""
    found = numbers(np.tile(np.eye(9), (5, 1)))
    expected = {"h_y_given_x": 0.0, "h_y": np.log(9), "inception_score": 9.0}
    assert found == pytest.approx(expected)


def test_one_action_only() -> None:
    found = numbers(np.tile(np.eye(9)[:1], (20, 1)))
    assert found == pytest.approx({"h_y_given_x": 0.0, "h_y": 0.0, "inception_score": 1.0})


def test_undecided_verdicts() -> None:
    found = numbers(np.full((20, 4), 0.25))
    expected = {"h_y_given_x": np.log(4), "h_y": np.log(4), "inception_score": 1.0}
    assert found == pytest.approx(expected)


def test_a_table_by_hand() -> None:
    """Two clips, (3/4, 1/4) and (1/4, 3/4): H(y|x) = 2 ln 2 - 3/4 ln 3, H(y) = ln 2."""
    found = numbers(np.array([[0.75, 0.25], [0.25, 0.75]]))
    within = 2 * np.log(2) - 0.75 * np.log(3)
    assert found["h_y_given_x"] == pytest.approx(within)
    assert found["h_y"] == pytest.approx(np.log(2))
    assert found["inception_score"] == pytest.approx(np.exp(np.log(2) - within))


def test_random_tables_against_scipy() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(6), 50)
    np.testing.assert_allclose(entropy(p), scipy_entropy(p, axis=1))
    assert numbers(p)["h_y"] == pytest.approx(scipy_entropy(p.mean(0)))


def test_intervals_hold_the_value() -> None:
    p = np.random.default_rng(1).dirichlet(np.full(3, 0.3), 400)
    for number in entropies([p], np.arange(400), BOOTSTRAP).values():
        assert number.interval is not None
        assert number.interval[0] <= number.value + 0.01
        assert number.interval[1] >= number.value - 0.01


def test_the_paper_averages_over_factors() -> None:
    rng = np.random.default_rng(2)
    tables = [rng.dirichlet(np.ones(k), 30) for k in (3, 7)]
    both = entropies(tables, np.arange(30), BOOTSTRAP)
    alone = [numbers(p) for p in tables]
    for name in ("h_y", "h_y_given_x"):
        assert both[name].value == pytest.approx(np.mean([one[name] for one in alone]))
