"""Equal error rates: in closed form, against a slow loop, and of codes that know who it is."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from evaluate_toy import world
from vdsm.evaluate.inputs import prepare
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.verification import equal_error_rate, verification

RNG = np.random.default_rng(0)


def test_two_gaussians() -> None:
    """Scores N(2, 1) and N(0, 1): the rate is Φ(-1)."""
    scores = np.concatenate([RNG.standard_normal(40_000) + 2, RNG.standard_normal(60_000)])
    same = np.arange(100_000) < 40_000
    assert equal_error_rate(scores, same) == pytest.approx(norm.cdf(-1), abs=0.005)


@pytest.mark.parametrize("sign", [1, -1])
def test_separable_scores(sign: int) -> None:
    same = np.arange(20) < 7
    assert equal_error_rate(sign * same.astype(float), same) == pytest.approx(0 if sign > 0 else 1)


def test_against_a_slow_loop() -> None:
    scores, same = np.round(RNG.standard_normal(60), 1), RNG.random(60) < 0.4
    scores = scores + 0.8 * same
    gaps = []
    for threshold in [*np.unique(scores), np.inf]:
        rejected = np.mean(scores[same] < threshold)
        accepted = np.mean(scores[~same] >= threshold)
        gaps.append((abs(rejected - accepted), rejected, accepted))
    _, rejected, accepted = min(gaps)
    found = equal_error_rate(scores, same)
    assert min(rejected, accepted) - 1e-9 <= found <= max(rejected, accepted) + 1e-9


def checked(**changes: Any) -> Any:
    arguments = world() | changes
    arguments.pop("decode")
    return prepare(**arguments)


def test_codes_that_know_and_codes_that_do_not() -> None:
    """s names the individual exactly; d is noise, so its rate is chance."""
    arguments = world()
    groups = arguments["groups"]
    who = np.eye(groups.max() + 1)[groups] + 1e-3 * RNG.standard_normal((len(groups), 72))
    noise = RNG.standard_normal((len(groups), 10))
    inputs = checked(codes={"s": who, "d": noise})
    found = verification(inputs, Bootstrap(200, 0), 0)
    assert found["s.eer"].value == 0.0
    assert found["d.eer"].value == pytest.approx(0.5, abs=0.12)
    for number in found.values():
        assert number.interval is not None
        assert number.interval[0] <= number.value <= number.interval[1]


def test_no_groups_no_verification() -> None:
    assert verification(checked(groups=None), Bootstrap(20, 0), 0) == {}
