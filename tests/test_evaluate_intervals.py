"""Intervals against closed forms and another library, and over individuals rather than clips."""

import numpy as np
import pytest
from scipy.stats import beta

from vdsm.evaluate.intervals import Bootstrap, students, unanimous

RNG = np.random.default_rng(0)


def test_mean_of_independent_clips_has_the_textbook_width() -> None:
    values = RNG.standard_normal(2000)
    number = Bootstrap(2000, 0).mean(values, np.arange(2000))
    assert number.interval is not None
    low, high = number.interval
    assert number.value == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / np.sqrt(2000), rel=0.1)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.01)


def test_copies_of_a_clip_do_not_narrow_the_interval() -> None:
    right = RNG.random(100) < 0.7
    alone = Bootstrap(1000, 1).share(right, np.arange(100))
    copied = Bootstrap(1000, 1).share(np.repeat(right, 9), np.repeat(np.arange(100), 9))
    assert copied.interval == pytest.approx(alone.interval)
    assert copied.n == 900


def test_ninety_five_percent_of_intervals_hold_the_truth() -> None:
    """400 experiments of 40 individuals with 5 like clips; 3 standard deviations of 95 %."""
    held = 0
    for i in range(400):
        rate = RNG.beta(6, 4, 40)
        right = RNG.random((40, 5)) < rate[:, None]
        number = Bootstrap(200, i).share(right.ravel(), np.repeat(np.arange(40), 5))
        assert number.interval is not None
        held += number.interval[0] <= 0.6 <= number.interval[1]
    assert held / 400 > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400) - 0.02  # small-sample bias


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_unanimous_shares_get_the_exact_binomial_bound(n: int) -> None:
    assert unanimous(1.0, n) == (pytest.approx(beta.ppf(0.025, n, 1)), 1.0)
    assert unanimous(0.0, n) == (0.0, pytest.approx(beta.ppf(0.975, 1, n)))
    all_right = Bootstrap(100, 0).share(np.ones(n, np.bool_), np.arange(n))
    assert all_right.interval == unanimous(1.0, n)
    copied = Bootstrap(100, 0).share(np.ones(9 * n, np.bool_), np.repeat(np.arange(n), 9))
    assert copied.interval == unanimous(1.0, n)
    pairs = np.stack([np.arange(9 * n), np.repeat(np.arange(n), 9)], axis=1)
    assert Bootstrap(100, 0).share(np.zeros(9 * n, np.bool_), pairs).interval == unanimous(0.0, n)


def test_pairs_weigh_the_product_of_both_draws() -> None:
    units = np.array([[0, 1], [1, 2], [2, 2]])
    for weights in Bootstrap(50, 3).weights(units):
        draws = next(Bootstrap(50, 3).weights(np.arange(3)))
        np.testing.assert_array_equal(weights, (draws[:, units]).prod(-1))


def test_nothing_to_count_is_not_a_number() -> None:
    number = Bootstrap(50, 0).share(np.zeros(0, np.bool_), np.zeros(0, np.int64))
    assert np.isnan(number.value)
    assert number.interval is None


def test_one_individual_that_differs_in_itself_has_no_interval() -> None:
    number = Bootstrap(50, 0).share(np.array([True, False, True]), np.zeros(3, np.int64))
    assert number.value == pytest.approx(2 / 3)
    assert number.interval is None


@pytest.mark.parametrize("groups", [2, 10])
def test_few_groups_take_students_t(groups: int) -> None:
    """Of 20,000 means of normal numbers 95 % lie within, up to 4 standard deviations."""
    values = RNG.standard_normal((20_000, groups))
    error = values.std(axis=1, ddof=1) / np.sqrt(groups)
    held = np.mean(np.abs(values.mean(axis=1)) <= students(groups) * error)
    assert held == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 20_000))
