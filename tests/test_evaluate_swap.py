"""Pairing and scoring of swaps against their definitions and a slow loop."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate_toy import world
from vdsm.evaluate.inputs import prepare
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.swap import match, score

BOOTSTRAP = Bootstrap(100, 0)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 5), min_size=2, max_size=12), seed=st.integers(0, 10_000))
def test_every_clip_gives_its_identity_and_its_motion(sizes: list[int], seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.arange(len(groups))
    pairs = match(rows, groups, np.random.default_rng(seed))
    n, odd = len(rows), len(rows) % 2
    assert len(pairs) == n + odd
    for side in (0, 1):
        counts = np.bincount(pairs[:, side], minlength=n)
        assert counts.min() == 1
        assert counts.sum() == n + odd
    np.testing.assert_array_equal(np.sort(pairs, 0), np.sort(pairs[:, ::-1], 0))


@pytest.mark.parametrize("seed", range(5))
def test_clips_meet_other_individuals(seed: int) -> None:
    groups = np.repeat(np.arange(6), 9)
    pairs = match(np.arange(54), groups, np.random.default_rng(seed))
    assert (groups[pairs[:, 0]] != groups[pairs[:, 1]]).all()


@pytest.fixture(scope="module")
def inputs() -> Any:
    arguments = world()
    arguments.pop("decode")
    arguments["labels"]["side"] = arguments["labels"]["side"].copy()
    arguments["labels"]["side"][::11] = -1
    return prepare(**arguments)


@pytest.mark.parametrize("seed", range(3))
def test_scores_against_a_slow_loop(inputs: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = match(inputs.test, inputs.groups, rng)
    found = {name: rng.dirichlet(np.ones(k), len(pairs)) for name, k in inputs.classes.items()}
    numbers = score(found, inputs, pairs, BOOTSTRAP)
    joint, on, off = [], {f: [] for f in found}, {f: [] for f in found}
    for i, (who, what) in enumerate(pairs):
        right, known = True, True
        for factor, p in found.items():
            wanted_row, other_row = (what, who) if factor == "direction" else (who, what)
            wanted, other = inputs.labels[factor][wanted_row], inputs.labels[factor][other_row]
            seen = int(p[i].argmax())
            known &= wanted >= 0
            right &= seen == wanted
            if wanted >= 0 and other >= 0 and wanted != other:
                on[factor].append(seen == wanted)
                off[factor].append(seen == other)
        if known:
            joint.append(right)
    assert numbers["joint"].value == pytest.approx(np.mean(joint))
    assert numbers["joint"].n == len(joint)
    for factor in found:
        assert numbers[f"factors.{factor}.on_target"].value == pytest.approx(np.mean(on[factor]))
        assert numbers[f"factors.{factor}.off_target"].value == pytest.approx(np.mean(off[factor]))
        assert numbers[f"factors.{factor}.on_target"].n == len(on[factor])
