"""Retrieval by a code, one code alone, and sizes: against slow loops."""

from typing import Any

import numpy as np
import pytest

from evaluate_toy import world
from vdsm.evaluate.alone import averaged
from vdsm.evaluate.inputs import prepare
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.retrieval import directions, nearest_shows, retrieval, sides


def checked(**changes: Any) -> Any:
    arguments = world() | changes
    arguments.pop("decode")
    return prepare(**arguments)


def test_retrieval_against_a_slow_loop() -> None:
    rng = np.random.default_rng(0)
    codes = {"s": rng.standard_normal((216, 4)), "z": rng.standard_normal((216, 3, 2))}
    inputs = checked(codes=codes)
    found = retrieval(inputs, codes, inputs.test, Bootstrap(20, 0))
    groups, actions = inputs.groups, inputs.labels["direction"]
    for name, code in codes.items():
        flat = code.reshape(216, -1)
        mean, sd = flat[inputs.train].mean(0), flat[inputs.train].std(0)
        x = (flat - mean) / sd
        right: dict[str, list[bool]] = {"action": [], "individual": []}
        chance: dict[str, list[float]] = {"action": [], "individual": []}
        for i in inputs.test:
            for what in right:
                if what == "action":
                    others = [j for j in inputs.test if groups[j] != groups[i]]
                    same = {j for j in others if actions[j] == actions[i]}
                else:
                    others = [j for j in inputs.test if actions[j] != actions[i]]
                    same = {j for j in others if groups[j] == groups[i]}
                cosine = [x[i] @ x[j] / np.sqrt(x[i] @ x[i] * (x[j] @ x[j])) for j in others]
                right[what].append(others[int(np.argmax(cosine))] in same)
                chance[what].append(len(same) / len(others))
        for what in right:
            assert found[f"{name}.{what}.accuracy"].value == pytest.approx(np.mean(right[what]))
            assert found[f"{name}.{what}.chance"].value == pytest.approx(np.mean(chance[what]))


def test_codes_that_hold_the_factors_are_retrieved() -> None:
    """s names the individual, d the direction: right in each, and by luck in the other."""
    arguments = world()
    groups = arguments["groups"]
    codes = {"s": np.eye(72)[groups], "d": arguments["codes"]["d"].astype(np.float64)}
    inputs = checked(codes=codes)
    found = retrieval(inputs, codes, inputs.test, Bootstrap(20, 0))
    assert found["s.individual.accuracy"].value == found["d.action.accuracy"].value == 1
    assert found["s.individual.chance"].value == pytest.approx(2 / 36)
    assert found["d.action.chance"].value == pytest.approx(17 / 51)


def test_a_clip_without_its_like_tells_nothing() -> None:
    similarity = np.eye(3)
    same = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)
    right, chance, tells = nearest_shows(similarity, ~np.eye(3, dtype=bool), same)
    assert tells.tolist() == [True, True, False]
    assert right[:2].tolist() == [1, 1]  # of equals the first
    assert chance[:2].tolist() == [0.5, 0.5]


def test_motion_is_d_or_z() -> None:
    one = np.zeros((2, 3))
    assert set(sides({"s": one, "d": one, "z": one})) == {"s", "d"}
    assert set(sides({"s": one, "z": one})) == {"s", "z"}


def test_a_constant_code_points_nowhere() -> None:
    assert not directions(np.ones((5, 3)), np.arange(3), np.arange(5)).any()


@pytest.mark.parametrize("kept", ["s", "motion"])
def test_averages_of_the_other_side(kept: str) -> None:
    rng = np.random.default_rng(1)
    codes = {
        "s": rng.standard_normal((216, 4)).astype(np.float32),
        "d": rng.standard_normal((216, 2)).astype(np.float32),
        "z": rng.standard_normal((216, 4, 3)).astype(np.float32),
    }
    inputs = checked(codes=codes)
    found = averaged(inputs, inputs.test[:5], kept)
    for name, code in codes.items():
        for i, row in enumerate(inputs.test[:5]):
            own = (name == "s") == (kept == "s")
            mean = sum(code[j].astype(float) for j in inputs.train) / len(inputs.train)
            np.testing.assert_allclose(found[name][i], code[row] if own else mean, rtol=1e-5)
        assert found[name].dtype == code.dtype
