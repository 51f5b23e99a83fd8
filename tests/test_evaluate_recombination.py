"""Recombination of draws against a slow loop, and where a generator draws one thing only."""

from typing import Any

import numpy as np
import pytest

from evaluate_toy import ROLES, recombined
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.recombination import SURE, agreement

N = 40


def verdicts(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = {"colour": 3, "side": 2, "direction": 3}
    return {name: rng.dirichlet(np.full(k, 0.15), N) for name, k in sizes.items()}


def test_against_a_slow_loop() -> None:
    base, mixed = verdicts(0), verdicts(1)
    partner = np.roll(np.arange(N), 3)
    found = agreement(base, mixed, partner, dict(ROLES), Bootstrap(20, 0))
    whole = []
    for factor, role in ROLES.items():
        right, said = [], []
        for i in range(N):
            source = i if role == "identity" else partner[i]
            if max(base[factor][source]) >= SURE:
                value = int(np.argmax(base[factor][source]))
                right.append(value == int(np.argmax(mixed[factor][i])))
                said.append(value)
        key = f"factors.{factor}"
        assert found[f"{key}.agreement"].value == pytest.approx(np.mean(right))
        assert found[f"{key}.sure"].value == pytest.approx(len(right) / N)
        pairs = [a == b for a in said for b in said]
        assert found[f"{key}.chance"].value == pytest.approx(np.mean(pairs))
        mean = base[factor].mean(axis=0)
        h = -sum(p * np.log(p) for p in mean)
        assert found[f"{key}.h_y"].value == pytest.approx(h)
    for i in range(N):
        sources = {f: i if role == "identity" else partner[i] for f, role in ROLES.items()}
        if all(base[f][j].max() >= SURE for f, j in sources.items()):
            whole.append(
                all(base[f][j].argmax() == mixed[f][i].argmax() for f, j in sources.items())
            )
    assert len(whole) >= 5
    assert found["joint"].value == pytest.approx(np.mean(whole))
    assert found["joint"].n == len(whole)


def test_a_generator_of_one_clip_scores_all_and_its_entropy_says_so() -> None:
    one = {name: np.tile(np.eye(k)[:1], (N, 1)) for name, k in (("colour", 3), ("direction", 3))}
    partner = np.roll(np.arange(N), 1)
    found = agreement(one, one, partner, dict(ROLES), Bootstrap(20, 0))
    assert found["joint"].value == 1
    assert found["h_y"].value == pytest.approx(0, abs=1e-12)
    assert found["factors.direction.chance"].value == 1


def test_no_draw_that_judges_are_sure_of() -> None:
    vague: dict[str, Any] = {"colour": np.full((N, 3), 1 / 3), "direction": np.full((N, 3), 1 / 3)}
    found = agreement(vague, vague, np.roll(np.arange(N), 1), dict(ROLES), Bootstrap(20, 0))
    assert np.isnan(found["joint"].value)
    assert found["sure"].value == 0


def test_the_toy_recombines() -> None:
    """The renderer itself, on which the panel's test leans."""
    content, motion = np.eye(6)[[0]], np.eye(3)[[2]]
    assert recombined(content, motion).shape == (1, 4, 3, 16, 16)
