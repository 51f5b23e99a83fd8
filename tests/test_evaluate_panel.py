"""The whole panel on a world whose truth is known: a perfect decoder, scrambled ones, every key."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluate_toy import everything, judges, render, world
from vdsm.errors import InputError
from vdsm.evaluate import Settings, panel
from vdsm.evaluate.result import MEASURES, flatten

SETTINGS = Settings(
    judge_width=8, judge_hidden=16, judge_steps=300, shuffles=2, resamples=60, batch=32
)
FACTORS = ("colour", "side", "direction")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judges(tmp_path_factory)


@pytest.fixture(scope="module")
def perfect(cache: Path) -> dict[str, Any]:
    return panel(**everything(), settings=SETTINGS, cache=cache)


def quick(cache: Path, **changes: Any) -> dict[str, Any]:
    return panel(**(world() | changes), settings=SETTINGS, cache=cache)


def test_every_stable_key_is_there(perfect: dict[str, Any]) -> None:
    expected = {f"judge.{f}.accuracy" for f in FACTORS}
    expected |= {"reconstruction.psnr", "reconstruction.ssim", "unseen.joint"}
    expected |= {"swap.joint", "swap.identity", "swap.action"}
    expected |= {
        f"swap.factors.{f}.{k}" for f in FACTORS for k in ("on_target", "off_target", "chance")
    }
    expected |= {
        f"leakage.{c}.{f}.{p}.{k}"
        for c in ("s", "d")
        for f in FACTORS
        for p in ("linear", "mlp")
        for k in ("accuracy", "chance", "excess", "shuffled")
    }
    row = ("accuracy", "h_y_given_x", "h_y", "inception_score")
    expected |= {f"{drawn}.{k}" for drawn in ("prior", "fitted") for k in row}
    expected |= {f"consistency.{f}" for f in FACTORS}
    expected |= {"frechet.judge", "frechet.pixels"}
    found = flatten(perfect)
    assert expected <= set(found)
    assert perfect["n"] == 54
    assert perfect["individuals"] == 18
    assert perfect["seed"] == 0
    assert set(perfect) - set(MEASURES) == {
        *("intervals", "counts", "n", "individuals", "seed", "settings", "not_measured", "notes")
    }
    assert all(isinstance(value, float) for value in found.values())
    assert set(perfect["counts"]) == set(found)
    assert json.loads(json.dumps(perfect, allow_nan=False)) == perfect


def test_every_figure_has_an_interval_that_holds_it(perfect: dict[str, Any]) -> None:
    without = {key for key in flatten(perfect) if key not in perfect["intervals"]}
    bare = {"sizes.s", "sizes.d", "unlabelled.diversity.ratio"}
    assert bare < without
    assert {key.split(".")[-2] for key in without - bare} == {"scan"}  # whose level is one
    for key, (low, high) in perfect["intervals"].items():
        value = flatten(perfect)[key]
        assert value is not None
        assert low - 0.02 * abs(value) - 1e-9 <= value <= high + 0.02 * abs(value) + 1e-9, key


def test_a_perfect_model_has_perfect_numbers(perfect: dict[str, Any]) -> None:
    found = flatten(perfect)
    ones = ["swap.joint", "swap.identity", "swap.action", "unseen.joint", "prior.accuracy"]
    ones += ["fitted.accuracy"]  # any identity does: nobody is asked who it is
    ones += [f"judge.{f}.accuracy" for f in FACTORS] + [f"consistency.{f}" for f in FACTORS]
    ones += [f"swap.factors.{f}.on_target" for f in FACTORS] + ["paper.accuracy_consistency"]
    ones += [f"leakage.s.{f}.mlp.excess" for f in ("colour", "side")]
    ones += ["leakage.d.direction.linear.excess"]
    assert {key: found[key] for key in ones} == dict.fromkeys(ones, 1.0)
    assert all(found[f"swap.factors.{f}.off_target"] == 0 for f in FACTORS)
    assert found["reconstruction.psnr"] == pytest.approx(58.92, abs=0.01)
    assert found["reconstruction.ssim"] == pytest.approx(1.0)
    assert found["frechet.judge"] == pytest.approx(0.0, abs=1e-4)
    assert found["frechet.pixels"] == pytest.approx(0.0, abs=1e-9)
    assert found["frechet.pixels_generated"] > found["frechet.pixels"]
    assert found["frechet.pixels_fitted"] == found["frechet.pixels_generated"]  # the same function
    assert found["prior.h_y"] == pytest.approx(np.log(3), abs=0.02)
    for code, factor in (("s", "direction"), ("d", "colour"), ("d", "side")):
        for kind in ("linear", "mlp"):
            low, high = perfect["intervals"][f"leakage.{code}.{factor}.{kind}.excess"]
            assert low <= 0.01, f"{code}.{factor} by {kind}"
            assert high >= -0.01 or found[f"leakage.{code}.{factor}.{kind}.excess"] < 0


def test_a_decoder_that_ignores_who(cache: Path) -> None:
    """Identity follows the motion's clip: reconstructions are perfect, swaps are not."""
    arguments = world()
    own = arguments["codes"]
    both = {"s": own["s"], "d": np.concatenate([own["d"], own["s"]], axis=1)}

    def decode(codes: Any) -> Any:
        return render({"s": codes["d"][:, 3:], "d": codes["d"][:, :3]})

    found = flatten(quick(cache, codes=both, decode=decode))
    assert found["paper.accuracy_consistency"] == 1.0
    assert found["reconstruction.psnr"] == pytest.approx(58.92, abs=0.01)
    assert found["swap.action"] == 1.0
    assert found["swap.factors.colour.on_target"] == 0.0
    assert found["swap.factors.colour.off_target"] == 1.0
    assert found["swap.factors.direction.on_target"] == 1.0
    assert found["leakage.d.colour.mlp.excess"] > 0.95


def test_a_scrambled_decoder(cache: Path) -> None:
    """Every clip decodes to another clip's codes: judges agree with the truth by luck only."""
    arguments = world()
    codes = arguments["codes"]
    n = len(codes["s"])
    order = np.random.default_rng(0).permutation(n)
    scrambled = {name: code[order] for name, code in codes.items()}
    found = flatten(quick(cache, codes=scrambled))
    for factor, k in (("colour", 3), ("side", 2), ("direction", 3)):
        spread = 4 * np.sqrt((1 / k) * (1 - 1 / k) / 54)
        assert found[f"consistency.{factor}"] == pytest.approx(1 / k, abs=spread)
        assert found[f"swap.factors.{factor}.on_target"] == pytest.approx(1 / k, abs=2 * spread)
    assert found["swap.joint"] == pytest.approx(1 / 18, abs=0.15)
    assert found["reconstruction.psnr"] < 25
    assert found["leakage.s.colour.mlp.excess"] < 0.3


def test_the_same_numbers_however_batches_are_cut(cache: Path, perfect: dict[str, Any]) -> None:
    for batch in (1, 54, 1000):
        again = panel(**everything(), settings=replace(SETTINGS, batch=batch), cache=cache)
        assert flatten(again) == pytest.approx(flatten(perfect), rel=1e-4, abs=1e-4)


def test_every_test_clip_is_decoded_and_swapped(cache: Path) -> None:
    arguments = world()
    tag = np.arange(216, dtype=np.float32)[:, None]
    codes = {
        "s": np.concatenate([arguments["codes"]["s"], tag], axis=1),
        "d": np.concatenate([arguments["codes"]["d"], tag], axis=1),
    }
    seen: list[tuple[int, int]] = []

    def decode(batch: Any) -> Any:
        seen.extend(zip(batch["s"][:, 6].astype(int), batch["d"][:, 3].astype(int), strict=True))
        return render({"s": batch["s"][:, :6], "d": batch["d"][:, :3]})

    quick(cache, codes=codes, decode=decode)
    test = np.flatnonzero(arguments["split"]).tolist()
    assert seen[:2] == [(row, row) for row in test[:2]], "a trial, before the judges learn"
    assert seen[2:56] == [(row, row) for row in test]
    swaps = seen[56:110]
    assert sorted(who for who, _ in swaps) == test
    assert sorted(what for _, what in swaps) == test
    assert all(who // 3 != what // 3 for who, what in swaps), "an individual met itself"


def test_an_individual_is_not_swapped_with_itself(cache: Path) -> None:
    """40 of 54 test clips are of one: 28 swaps with the 14 others count, 26 with itself do not."""
    arguments = world()
    test = np.flatnonzero(arguments["split"])
    groups = arguments["groups"].copy()
    groups[test[:40]] = -1
    result = quick(cache, groups=groups)
    assert result["counts"]["swap.joint"] == 28
    assert result["not_measured"]["swap.pairs"] == "26 of 54 are of one individual with itself"
    groups[test] = -1
    alone = quick(cache, groups=groups)
    assert "swap" not in alone
    assert alone["not_measured"]["swap"] == "every test clip is of one individual"


def test_codes_over_time_travel_with_the_motion(cache: Path) -> None:
    """z [N, T, k] alone carries the action; probes read its average over time."""
    arguments = world()
    z = np.repeat(arguments["codes"]["d"][:, None], 4, axis=1)
    codes = {"s": arguments["codes"]["s"], "z": z}

    def decode(batch: Any) -> Any:
        return render({"s": batch["s"], "d": batch["z"].mean(axis=1)})

    result = quick(cache, codes=codes, decode=decode, probed={"z_sample": z})
    assert result["swap"]["joint"] == 1.0
    assert result["leakage"]["z"]["direction"]["linear"]["accuracy"] == 1.0
    assert set(result["leakage"]) == {"s", "z", "z_sample"}
    assert set(result["not_measured"]) == {
        *("unseen", "prior", "fitted", "recombination", "paper.h_y", "frechet.generated"),
        *("frechet.fitted", "unlabelled.cycle", "unlabelled.diversity"),
        *("truth.pose", "truth.swap"),
    }
    assert result["sizes"] == {"s": 6, "z": 12}
    assert set(result["retrieval"]) == {"s", "z"}


def test_another_seed_draws_other_swaps(cache: Path, perfect: dict[str, Any]) -> None:
    result = panel(**world(), settings=replace(SETTINGS, seed=3), cache=cache)
    assert result["seed"] == 3
    ours, theirs = flatten(result), flatten(perfect)
    assert ours["frechet.judge_real"] != theirs["frechet.judge_real"]


def test_a_judge_below_its_floor_stops_the_panel() -> None:
    decoded = []

    def decode(codes: Any) -> Any:
        decoded.append(len(codes["s"]))
        return render(codes)

    with pytest.raises(InputError, match="judge below its floor of 98"):
        panel(**(world() | {"decode": decode}), settings=replace(SETTINGS, judge_steps=1))
    assert decoded == [2], "something was measured before the judges passed"


def test_callers_that_break_their_word(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found out before judges learn, which takes longest."""

    def learn(*_: Any) -> None:
        raise AssertionError("judges learned first")

    monkeypatch.setattr(sys.modules["vdsm.evaluate.panel"], "judges_for", learn)
    with pytest.raises(InputError, match=r"decode gave .* \(2, 3, 3, 16, 16\), expected"):
        quick(cache, decode=lambda codes: render(codes)[:, :3])
    with pytest.raises(InputError, match=r"shape \(216, 0\)"):
        quick(cache, codes=world()["codes"] | {"s": np.zeros((216, 0))})
    with pytest.raises(InputError, match=r"sample_identity gave \(2, 2\), expected .* \(2, 6\)"):
        quick(cache, sample_identity=lambda n, rng: np.zeros((n, 2)))
    with pytest.raises(InputError, match="generate gave"):
        quick(cache, generate=lambda n, rng: np.zeros((n, 2)))
    with pytest.raises(InputError, match="'video' need clips of at least 16 frames, these have 4"):
        quick(cache, features={"video": Video16()})


@pytest.mark.parametrize("name", ["judge", "pixels_real", "x_generated", "x_fitted", "a.b"])
def test_features_with_a_name_of_the_panel_s_own(cache: Path, name: str) -> None:
    """They would take the place of other figures."""
    with pytest.raises(InputError, match=f"features '{name}': .* rename them"):
        quick(cache, features={name: lambda clips: clips.mean(dim=(3, 4)).flatten(1)})


class Video16:
    """Features of a network that takes 16 frames."""

    min_frames = 16

    def __call__(self, clips: Any) -> Any:
        raise AssertionError("clips that are too short reached the network")
