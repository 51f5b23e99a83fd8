"""Figures that were there before the panel went by protocols: same keys, same values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluate_toy import everything, judges
from vdsm.evaluate import Settings, panel
from vdsm.evaluate.result import flatten

BEFORE = json.loads((Path(__file__).parent / "evaluate_before.json").read_text())


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(
        judge_width=8, judge_hidden=16, judge_steps=300, shuffles=2, resamples=60, batch=32
    )
    return panel(**everything(), settings=settings, cache=judges(tmp_path_factory))


def test_figures_of_version_0_1_0(now: dict[str, Any]) -> None:
    """Written by the panel of commit 43a6f29 on the toy; judges differ a little by machine."""
    found = flatten(now)
    assert set(BEFORE["figures"]) <= set(found)
    ours = {key: found[key] for key in BEFORE["figures"]}
    assert ours == pytest.approx(BEFORE["figures"], rel=2e-2, abs=2e-3)
    assert {key: now["counts"][key] for key in BEFORE["counts"]} == BEFORE["counts"]


def test_intervals_of_version_0_1_0(now: dict[str, Any]) -> None:
    assert set(BEFORE["intervals"]) <= set(now["intervals"])
    for key, bounds in BEFORE["intervals"].items():
        np.testing.assert_allclose(now["intervals"][key], bounds, rtol=5e-2, atol=5e-3)
