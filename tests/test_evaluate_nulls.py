"""Null systems: what they are, that they need no model, and that they are kept."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluate_toy import judges, world
from vdsm.evaluate import Settings, panel
from vdsm.evaluate.cache import figures_for
from vdsm.evaluate.inputs import prepare
from vdsm.evaluate.nulls import mean_clip, whole_clips
from vdsm.evaluate.result import Number, flatten

SETTINGS = Settings(
    judge_width=8, judge_hidden=16, judge_steps=300, shuffles=2, resamples=30, batch=32
)


def generate(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.zeros((n, 4, 3, 16, 16), np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judges(tmp_path_factory)


@pytest.fixture(scope="module")
def nulls(cache: Path) -> dict[str, Any]:
    """Of a model that draws black clips: nulls do not ask it."""
    arguments = world() | {"codes": None, "decode": None, "generate": generate}
    found: dict[str, Any] = panel(**arguments, settings=SETTINGS, cache=cache)["null"]
    return found


def test_the_ends_of_the_scales(nulls: dict[str, Any]) -> None:
    assert nulls["action_clip"]["swap"]["action"] == 1
    assert nulls["action_clip"]["swap"]["factors"]["colour"]["on_target"] == 0
    assert nulls["action_clip"]["swap"]["factors"]["colour"]["off_target"] == 1
    assert nulls["still"]["swap"]["identity"] == 1
    assert nulls["still"]["swap"]["factors"]["direction"]["on_target"] < 0.7
    for side in "sd":
        for factor in ("colour", "side", "direction"):
            assert nulls["whole_clip"]["leakage"][side][factor]["mlp"]["accuracy"] > 0.95
        excess = [
            nulls["random"]["leakage"][side][f]["linear"]["excess"] for f in ("colour", "side")
        ]
        assert np.mean(excess) < 0.3
    assert nulls["random"]["verification"]["s"]["eer"] == pytest.approx(0.5, abs=0.1)


def test_reconstructions_that_copy(nulls: dict[str, Any]) -> None:
    """The first frame, and the average training clip, by a slow loop."""
    arguments = world()
    real = arguments["real"].astype(np.float64) / 255
    test, train = (np.flatnonzero(arguments["split"] == part) for part in (1, 0))
    average = sum(real[i] for i in train) / len(train)
    made = {"still": lambda i: real[i][:1].repeat(4, 0), "mean_clip": lambda i: average}
    for name, make in made.items():
        values = []
        for i in test:
            errors = ((real[i] - make(i)) ** 2).mean(axis=(1, 2, 3))
            values.append(np.mean([-10 * np.log10(max(e, 1 / (12 * 255**2))) for e in errors]))
        assert nulls[name]["reconstruction"]["psnr"] == pytest.approx(np.mean(values), rel=1e-4)
    inputs = prepare(**{k: v for k, v in arguments.items() if k != "decode"})
    clip = mean_clip(inputs, inputs.train)[0].permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(clip, average, atol=1e-6)


def test_whole_clips_keep_the_distances_of_small_clips() -> None:
    """Directions are orthonormal, and these clips have fewer than 64 that matter."""
    inputs = prepare(**{k: v for k, v in world().items() if k != "decode"})
    code = whole_clips(inputs)
    pooled = inputs.real.reshape(216, 4, 8, 2, 8, 2, 3).mean(axis=(3, 5)).reshape(216, -1) / 255
    for i, j in ((0, 5), (3, 200), (17, 90)):
        expected = np.linalg.norm(pooled[i] - pooled[j])
        assert np.linalg.norm(code[i] - code[j]) == pytest.approx(expected, rel=1e-3)


def test_nulls_are_kept_and_need_no_model(
    nulls: dict[str, Any], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr("vdsm.evaluate.nulls._all", fail)
    again = panel(**world(), settings=SETTINGS, cache=cache)
    assert again["null"] == nulls
    assert list(cache.glob("nulls-*.json"))
    none = panel(**world(), settings=replace(SETTINGS, nulls=False), cache=cache)
    assert "null" not in none
    assert none["not_measured"]["null"] == "it was not asked for: --nulls true"


def test_kept_figures_depend_on_what_is_measured(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, Number]:
        made.append(1)
        return {"a": Number(0.5, 3, (0.1, 0.9)), "b": Number(1.0, 2), "c": Number(float("nan"), 0)}

    def found(settings: Settings = SETTINGS, **changes: Any) -> Any:
        arguments = {k: v for k, v in (world() | changes).items() if k != "decode"}
        return figures_for("x", prepare(**arguments), settings, tmp_path, make)

    first = found()
    assert {k: v for k, v in found().items() if k != "c"} == {k: first[k] for k in "ab"}
    assert np.isnan(found()["c"].value)
    assert len(made) == 1
    real = world()["real"].copy()
    real[np.flatnonzero(world()["split"] == 1)[3]] //= 2
    found(real=real)
    found(groups=np.arange(216))
    found(settings=replace(SETTINGS, resamples=31))
    assert len(made) == 4
    for file in tmp_path.glob("x-*.json"):
        file.write_text(json.dumps({"a": 3}))
    found()
    assert len(made) == 5


def test_flat_keys_of_nulls(nulls: dict[str, Any]) -> None:
    keys = flatten({"null": nulls})
    assert "null.action_clip.swap.joint" in keys
    assert "null.whole_clip.leakage.d.colour.mlp.accuracy" in keys
