"""Models by protocols: each is measured as far as it goes, and the rest is said in one sentence."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evaluate_toy import drawn, encoded, everything, judges, recombined, render, world
from vdsm.errors import InputError
from vdsm.evaluate import Settings, panel, probes
from vdsm.evaluate.asked import ask, encode
from vdsm.evaluate.inputs import JUDGES_ONLY
from vdsm.evaluate.result import flatten
from vdsm.evaluate.stream import quiet
from vdsm.methods.code_readout import CodeReadout
from vdsm.methods.readout import Readout
from vdsm.notation import Codes

SETTINGS = Settings(
    judge_width=8, judge_hidden=16, judge_steps=300, shuffles=2, resamples=30, batch=32, nulls=False
)


class Bare(nn.Module):
    """A module with a device and nothing that it can do."""

    title = "Toy"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


def numbers(generator: torch.Generator | None) -> np.random.Generator:
    """numpy's generator of a torch generator's next number."""
    return np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))


class Encoder(Bare):
    """Reads the factors off the pixels."""

    def encode(self, clips: Tensor) -> Codes:
        found = encoded(clips)
        s, d = (torch.from_numpy(found[name]).float() for name in "sd")
        return Codes(s, d, torch.zeros(*clips.shape[:2], 0))

    def encode_and_sample(
        self, clips: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Codes]:
        codes = self.encode(clips)
        return codes, codes


class Coded(Encoder):
    """Also decodes."""

    def decode(self, codes: Codes, frames: int | None = None) -> Tensor:
        return torch.from_numpy(render({"s": codes.s.numpy(), "d": codes.d.numpy()}))


class Generator(Bare):
    """Draws clips of nobody, and exchanges their contents and motions."""

    def draw(
        self, num: int, frames: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        content, motion = drawn(num, numbers(generator))
        return torch.from_numpy(content), torch.from_numpy(motion)

    def render(self, content: Tensor, motion: Tensor, frames: int) -> Tensor:
        return torch.from_numpy(recombined(content.numpy(), motion.numpy()))

    def generate(self, num: int, frames: int, generator: torch.Generator | None = None) -> Tensor:
        return self.render(*self.draw(num, frames, generator), frames)


class Animator(Encoder):
    """Swaps clips without showing its codes' way of doing so."""

    def swap(self, identity: Tensor, action: Tensor, frames: int | None = None) -> Tensor:
        made = render({"s": encoded(identity)["s"], "d": encoded(action)["d"]})
        return torch.from_numpy(made)


@pytest.fixture(scope="module", autouse=True)
def _short_probes() -> Iterator[None]:
    """What they find is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "MLP_EPOCHS", 3)
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judges(tmp_path_factory)


@pytest.fixture(scope="module")
def measure(cache: Path) -> Callable[..., dict[str, Any]]:
    arguments = {k: v for k, v in world().items() if k not in ("codes", "decode")}

    def measured(model: Any, **changes: Any) -> dict[str, Any]:
        return panel(**arguments | changes, model=model, settings=SETTINGS, cache=cache)

    return measured


def test_a_model_has_the_figures_of_its_arrays(cache: Path, measure: Any) -> None:
    by_arrays = flatten(panel(**world(), settings=SETTINGS, cache=cache))
    result = measure(Coded())
    by_model = flatten(result)
    assert set(by_arrays) <= set(by_model)
    assert {key: by_model[key] for key in by_arrays} == pytest.approx(by_arrays, rel=1e-5, abs=1e-6)
    assert {"s", "d", "s_sample", "d_sample"} == set(result["leakage"])
    assert result["unlabelled"]["cycle"]["s"]["nearest"] == 1
    assert result["not_measured"]["prior"] == (
        "Toy has no prior of the identity: identities of nobody cannot be asked"
    )
    assert result["not_measured"]["fitted"].startswith("no density was fitted to training codes")


def test_a_generator_alone(measure: Any) -> None:
    result = measure(Generator())
    assert set(result) & {"judge", "frechet", "paper", "recombination", "unlabelled"} == {
        *("judge", "frechet", "paper", "recombination", "unlabelled")
    }
    assert set(result["frechet"]) == {"judge_real", "judge_generated"}
    assert set(result["paper"]) == {"h_y", "h_y_given_x"}
    assert result["recombination"]["joint"] == 1
    assert not set(result) & {"swap", "leakage", "leakage_raw", "reconstruction", "alone", "sizes"}
    said = result["not_measured"]
    assert said["leakage"] == "Toy has no encoder: codes of clips cannot be asked"
    assert said["swap"] == said["leakage"]
    assert all("\n" not in why and len(why) < 120 for why in said.values())


def test_an_encoder_alone(measure: Any) -> None:
    result = measure(Encoder())
    assert result["leakage"]["s"]["colour"]["linear"]["accuracy"] == 1
    assert result["retrieval"]["d"]["action"]["accuracy"] == 1
    assert result["sizes"] == {"s": 6, "d": 3}
    said = result["not_measured"]["reconstruction"]
    assert said == "Toy has no decoder of codes: clips cannot be drawn from codes"
    assert "swap" not in result
    assert result["not_measured"]["swap"].startswith("Toy has no way to swap clips: who of one")
    assert result["not_measured"]["frechet.generated"].startswith("Toy has no generator")


def test_swaps_by_other_means_than_codes(measure: Any) -> None:
    result = measure(Animator())
    assert result["swap"]["joint"] == 1
    assert result["unlabelled"]["colours"]["excess"] == 1
    assert result["reconstruction"]["accuracy"] == {"colour": 1, "side": 1, "direction": 1}
    assert "swapped with itself" in result["notes"]["reconstruction"]
    assert "decoder of codes" in result["not_measured"]["alone.s"]


@pytest.mark.parametrize("kept", ["s", "d"])
def test_one_code_alone_is_measured_as_far_as_it_goes(cache: Path, kept: str) -> None:
    arguments = world()
    codes = {kept: arguments["codes"][kept]}
    result = panel(**arguments | {"codes": codes, "decode": None}, settings=SETTINGS, cache=cache)
    assert set(result["leakage"]) == set(result["retrieval"]) == {kept}
    missing = {"s": "motion", "d": "individual"}[kept]
    assert missing in result["not_measured"]["alone.s"]


def test_what_cannot_be_measured_at_all_is_refused(measure: Any) -> None:
    with pytest.raises(InputError, match="Bare can neither encode nor generate"):
        measure(Bare())
    with pytest.raises(InputError, match="nothing to measure: give codes and decode"):
        panel(**world() | {"codes": None, "decode": None})
    with pytest.raises(InputError, match="model and decode are given"):
        measure(Coded(), decode=render)
    with pytest.raises(InputError, match="draw gave 1 contents and 2 motions, expected 2 of both"):
        panel(
            **world(), draw=lambda n, rng: (np.zeros((1, 6)), np.zeros((n, 3))), render=recombined
        )
    with pytest.raises(InputError, match=r"encode gave nothing for code d, expected \(2, 3\)"):
        panel(**world(), encode=lambda clips: {"s": np.zeros((2, 6))})


def test_without_labels_the_rest_is_measured(tmp_path: Path) -> None:
    """Nobody judges, so no judge learns."""
    arguments = everything() | {"labels": {}, "encode": encoded, "groups": None}
    result = panel(**arguments, settings=replace(SETTINGS, nulls=True), cache=tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    assert set(result["reconstruction"]) == {"psnr", "ssim"}
    assert set(result["frechet"]) == {"pixels", "pixels_real", "pixels_generated", "pixels_fitted"}
    assert result["unlabelled"]["cycle"]["d"]["between"] > 0.5
    assert set(result["null"]) == {"still", "mean_clip"}
    said = result["not_measured"]
    for part in ("judge", "swap", "leakage", "retrieval", "alone.s.factors", "recombination"):
        assert part in said or part == "alone.s.factors"
    assert "neither who nor what" in said["swap"]


# -- raw codes and readouts ------------------------------------------------------------------------


def read_out(model: nn.Module) -> Readout:
    """A readout that shows the colour alone of s, and nothing of d."""
    codes = {"s": CodeReadout(6), "d": CodeReadout(3)}
    readout = Readout(model, codes)
    keep = {"s": torch.diag(torch.tensor([1.0, 1, 1, 0, 0, 0])), "d": torch.zeros(3, 3)}
    for name, code in codes.items():
        code.project = lambda x, name=name: x @ keep[name]  # type: ignore[method-assign]
    return readout


def test_raw_codes_stand_beside_those_read_out(measure: Any) -> None:
    result = measure(read_out(Coded()))
    read, raw = result["leakage"], result["leakage_raw"]
    assert (
        read["s"]["colour"]["linear"]["accuracy"] == raw["s"]["colour"]["linear"]["accuracy"] == 1
    )
    assert read["s"]["side"]["linear"]["accuracy"] < 0.7 < raw["s"]["side"]["linear"]["accuracy"]
    assert raw["d"]["direction"]["mlp"] == {
        "accuracy": 1,
        "chance": pytest.approx(1 / 3),
        "excess": 1,
    }
    assert "leakage_raw" not in result["notes"]


def test_without_a_readout_raw_codes_are_the_same_and_it_is_said(measure: Any) -> None:
    result = measure(Coded())
    assert "no readout stands before them" in result["notes"]["leakage_raw"]
    for code in "sd":
        for factor, kinds in result["leakage_raw"][code].items():
            for kind, found in kinds.items():
                same = result["leakage"][code][factor][kind]
                assert found == {key: same[key] for key in ("accuracy", "chance", "excess")}


def test_raw_means_are_those_of_the_contract() -> None:
    """`encode(clips, raw=True)` of a readout, for every clip but those for judges alone."""
    arguments = world()
    split = arguments["split"].copy()
    split[5:9] = JUDGES_ONLY
    model = read_out(Coded())
    means, raw, _ = encode(model, arguments["real"], split, 0, quiet)
    clips = torch.from_numpy(arguments["real"]).permute(0, 1, 4, 2, 3) / 255
    expected, read = model.encode(clips, raw=True), model.encode(clips)
    rows = split != JUDGES_ONLY
    for name in "sd":
        np.testing.assert_allclose(raw[name][rows], getattr(expected, name)[rows])
        np.testing.assert_allclose(means[name][rows], getattr(read, name)[rows])
        assert not raw[name][~rows].any()


def test_codes_of_no_dimensions_are_not_measured_and_still_decoded() -> None:
    asked = ask(Coded(), world()["real"], world()["split"], 0, quiet)
    assert set(asked.codes) == {"s", "d"}
    assert asked.system.decode is not None
    made = asked.system.decode({name: code[:3] for name, code in asked.codes.items()})
    np.testing.assert_allclose(made, render({k: v[:3] for k, v in asked.codes.items()}))
