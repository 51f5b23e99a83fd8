"""The model in every configuration, and the contracts of what users call."""

import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import vdsm.methods.vdsm.model
from montecarlo import assert_mean
from vdsm.errors import InputError
from vdsm.methods import sampling
from vdsm.methods.readout import Readout
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.presets import NAMES, preset
from vdsm.notation import Codes
from vdsm.train.stage import weighted

CLIPS, FRAMES = 3, 4


@pytest.fixture
def model(tiny: ModelConfig) -> VDSM:
    return lively(VDSM(tiny))


def lively(model: VDSM) -> VDSM:
    """Weights large enough that no two codes draw the same frame."""
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape)
    return model


@pytest.fixture
def x() -> Tensor:
    return torch.rand(CLIPS, FRAMES, 1, 32, 32)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# -- every configuration --------------------------------------------------------------------------

GRID = {
    "channels": (1, 3),
    "experts": (0, 1, 5),
    "likelihood": ("bernoulli", "gaussian"),
    "decoder_input": ("s", "s_hat"),
    "flow_steps": (0, 2),
    "decoder_skips": (False, True),
    "encoder": ("blurred", "strided"),
}


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize(
    "values", list(product(*GRID.values())), ids=lambda v: "-".join(map(str, v))
)
def test_every_configuration(tiny: ModelConfig, size: Any, values: tuple[Any, ...]) -> None:
    """Both bounds: finite, with gradients for all parameters; frames within [0, 1]."""
    config = replace(tiny, size=size, **dict(zip(GRID, values, strict=True)))
    model = VDSM(config)
    shape = (config.channels, size, size)
    x = torch.rand(2, 3, *shape)
    loss = torch.zeros(())
    for bound in (elbo.stage1, elbo.stage2):
        terms = bound(model, x)
        assert all(term.shape == (2,) and torch.isfinite(term).all() for term in terms.values())
        loss = loss + weighted(terms, dict.fromkeys(terms, 1.0))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    codes = model.encode(x)
    assert codes.s.shape == (2, config.identity_dim)
    assert codes.d.shape == (2, config.dynamics_dim)
    assert codes.z.shape == (2, 3, config.pose_dim)
    for frames in (model.decode(codes), model.generate(2, 3)):
        assert frames.shape == (2, 3, *shape)
        assert frames.min() >= 0
        assert frames.max() <= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", ["compact", "paper"])
def test_presets_are_models(name: str, size: Any) -> None:
    with torch.device("meta"):
        VDSM(preset(name, size).model)


def test_size_of_the_paper() -> None:
    """What stage 1 trains has 133.6 million parameters, as the authors' code has."""
    with torch.device("meta"):
        model = VDSM(preset("sprites", "paper").model)
    parts = (model.encoder, model.identity, model.frame_pose, model.decoder)
    count = sum(p.numel() for part in parts for p in part.parameters())
    assert round(count / 1e6, 1) == 133.6


# -- encode ---------------------------------------------------------------------------------------


def test_a_sample_beside_the_means(model: VDSM) -> None:
    """The means are those of `encode`; samples lie around them as far as the posteriors say."""
    x = GOOD.expand(2, -1, -1, -1, -1)
    means, sample = model.encode_and_sample(x, torch.Generator().manual_seed(0))
    codes = model.encode(x)
    for name in ("s", "d", "z"):
        torch.testing.assert_close(getattr(means, name), getattr(codes, name))
        assert getattr(sample, name).shape == getattr(codes, name).shape
    with torch.no_grad():
        features, who = model.features(x)
        q = model.infer(features, torch.Generator().manual_seed(0), who)
    torch.testing.assert_close(sample.s, q.codes.s)
    torch.testing.assert_close(sample.d, q.codes.d)
    assert not torch.equal(sample.s[0], sample.s[1])


@pytest.mark.parametrize("frames", [1, 2, 11])
def test_encode_takes_any_number_of_frames(model: VDSM, frames: int) -> None:
    codes = model.encode(torch.rand(2, frames, 1, 32, 32))
    assert codes.z.shape == (2, frames, 3)
    assert not codes.s.requires_grad
    assert all(torch.isfinite(code).all() for code in (codes.s, codes.d, codes.z))


def test_identity_is_of_the_set_of_frames(model: VDSM, x: Tensor) -> None:
    """The order of frames says nothing of who it is, and all of what they do."""
    codes, reverse = model.encode(x), model.encode(x.flip(1))
    torch.testing.assert_close(codes.s, reverse.s)
    assert not torch.allclose(codes.d, reverse.d, atol=1e-4)
    twice = model.encode(torch.cat([x, x], 1))
    torch.testing.assert_close(codes.s, twice.s)


def test_codes_without_noise(model: VDSM, x: Tensor) -> None:
    """Means: the same each time, whatever the global seed; doubles are welcome."""
    codes = model.encode(x)
    torch.manual_seed(99)
    again = model.train().encode(x.double())
    for name in ("s", "d", "z"):
        torch.testing.assert_close(getattr(codes, name), getattr(again, name))


def test_stage_1_alone(model: VDSM, x: Tensor) -> None:
    """Fig. 8: z_t is of frame t, d says nothing, and that is enough to draw."""
    codes = model.encode_frames(x)
    assert torch.equal(codes.d, torch.zeros(CLIPS, 5))
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(model.encode_frames(x[:, order]).z, codes.z[:, order])
    torch.testing.assert_close(codes.s, model.encode(x).s)
    frames = model.decode(Codes(codes.s.flip(0), codes.d, codes.z))
    for n in range(CLIPS):
        alone = Codes(codes.s[CLIPS - 1 - n][None], codes.d[:1], codes.z[n][None])
        torch.testing.assert_close(model.decode(alone)[0], frames[n])


# -- decode, swap ---------------------------------------------------------------------------------


def test_decode_shorter_and_longer(model: VDSM, x: Tensor) -> None:
    """Fewer frames are a prefix; more continue, and the first are as they were."""
    codes = model.encode(x)
    whole, longer = model.decode(codes), model.decode(codes, 3 * FRAMES)
    assert longer.shape == (CLIPS, 3 * FRAMES, 1, 32, 32)
    torch.testing.assert_close(longer[:, :FRAMES], whole)
    torch.testing.assert_close(model.decode(codes, 2), whole[:, :2])
    step = Codes(codes.s, codes.d, longer_poses(model, codes, FRAMES + 1)[:, -1:])
    torch.testing.assert_close(model.decode(step)[:, 0], longer[:, FRAMES])


@pytest.mark.parametrize("flow_steps", [0, 2])
def test_dynamics_go_on_as_if_encoded(tiny: ModelConfig, flow_steps: int) -> None:
    """z cut off and continued is z unrolled from d to the whole length at once."""
    model = VDSM(replace(tiny, flow_steps=flow_steps)).eval()
    d = torch.randn(CLIPS, tiny.dynamics_dim)
    with torch.no_grad():
        whole = model.infer_poses(d, 9, mean=True).z
        longer = model.continue_poses(whole[:, :4], d, 9, None, mean=True)
        other = model.continue_poses(whole[:, :4], d, 9, None, mean=True, by="transition")
    torch.testing.assert_close(longer, whole)
    assert not torch.allclose(other, whole)


def longer_poses(model: VDSM, codes: Codes, frames: int) -> Tensor:
    return model.continue_poses(codes.z, codes.d, frames, None, mean=True)


def test_swap_with_oneself_is_reconstruction(model: VDSM, x: Tensor) -> None:
    assert torch.equal(model.swap(x, x), model.decode(model.encode(x)))


def test_swap_takes_s_of_one_and_the_rest_of_the_other(model: VDSM, x: Tensor) -> None:
    other = torch.rand(CLIPS, 7, 1, 32, 32)
    who, what = model.encode(x), model.encode(other)
    swapped = model.swap(x, other)
    assert swapped.shape[1] == 7
    assert torch.equal(swapped, model.decode(Codes(who.s, what.d, what.z)))
    assert torch.equal(model.swap(x, other, 9), model.decode(Codes(who.s, what.d, what.z), 9))


def test_a_swap_by_frames_takes_every_pose_from_its_own_frame(model: VDSM, x: Tensor) -> None:
    who, what = x, x.flip(0)
    each = [model.encode_frames(what[:, t : t + 1]).z for t in range(FRAMES)]
    expected = model.decode(Codes(model.encode(who).s, model.encode(what).d, torch.cat(each, 1)))
    torch.testing.assert_close(model.swap(who, what, by="frames"), expected)
    assert not torch.allclose(model.swap(who, what), expected, atol=1e-3)


def test_a_swap_by_frames_needs_an_encoder_of_frames() -> None:
    with pytest.raises(InputError, match="Toy encodes no single frames: swap by dynamics"):
        sampling.of_frames(SimpleNamespace(title="Toy"))
    bare = nn.Module()
    bare.title = "Bare"  # type: ignore[assignment]
    with pytest.raises(InputError, match="Bare encodes no single frames"):
        sampling.of_frames(Readout(bare, {}))


# -- generate -------------------------------------------------------------------------------------


def test_generation_is_decided_by_the_generator(model: VDSM) -> None:
    first = model.generate(2, 5, seeded(1))
    torch.manual_seed(77)
    assert torch.equal(first, model.generate(2, 5, seeded(1)))
    assert not torch.allclose(first, model.generate(2, 5, seeded(2)))
    assert not torch.allclose(first[0], first[1])


@pytest.mark.parametrize("given", [1, 2])
def test_generation_from_clips(model: VDSM, given: int) -> None:
    """s, d and z_1 are the clip's; what follows is sampled."""
    x = torch.rand(given, FRAMES, 1, 32, 32)
    frames = model.generate(2, 6, seeded(1), given=x)
    expected = model.decode(model.encode(x), 1).expand(2, -1, -1, -1, -1)
    torch.testing.assert_close(frames[:, :1], expected)
    other = model.generate(2, 6, seeded(2), given=x)
    torch.testing.assert_close(other[:, :1], expected)
    assert not torch.allclose(other, frames)


@pytest.mark.parametrize("given", [1, 2])
def test_generation_from_a_single_frame(model: VDSM, given: int) -> None:
    """s and z_1 are the frame's, seen alone; what they do is sampled."""
    x = torch.rand(given, 1, 1, 32, 32)
    frames = model.generate(2, 6, seeded(1), given=x)
    expected = model.decode(model.encode_frames(x)).expand(2, -1, -1, -1, -1)
    torch.testing.assert_close(frames[:, :1], expected)
    assert not torch.allclose(frames, model.generate(2, 6, seeded(2), given=x))


def test_priors(model: VDSM) -> None:
    """Eq. 1: scales 1/N_s and 1/κ_d; z_1 standard, then the transition, drawn ancestrally."""
    draws = 20_000
    s, d = model.identity_prior(draws), model.dynamics_prior(draws)
    assert (s.scale == 1 / 4).all()
    assert (d.scale == 1 / 5).all()
    start = torch.randn(3).expand(draws, 1, 3)
    what = torch.randn(5).expand(draws, 5)
    z = model.continue_poses(start, what, 2, seeded(3), mean=False, by="transition")
    p = model.transition(start[:1, 0], what[:1])
    standard = (z[:, 1] - p.loc) / p.scale
    assert_mean(standard, 0.0)
    assert_mean(standard**2, 1.0)
    prior = model.prior(Codes(s.loc, d.loc, z))
    assert (prior.z.loc[:, 0] == 0).all()
    assert (prior.z.scale[:, 0] == 1).all()


def test_chunks_change_nothing(model: VDSM, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def everything() -> list[Tensor]:
        codes, frames = model.encode(x), model.encode_frames(x)
        pictures = [
            model.decode(codes, 6),
            model.generate(5, 3, seeded(1)),
            model.swap(x, x.flip(0)),
        ]
        return [codes.s, codes.d, codes.z, frames.s, frames.z, *pictures]

    whole = everything()
    monkeypatch.setattr(vdsm.methods.vdsm.model, "CHUNK", 2)
    for part, expected in zip(everything(), whole, strict=True):
        torch.testing.assert_close(part, expected)


# -- the user's mistakes --------------------------------------------------------------------------

GOOD = torch.zeros(2, 3, 1, 32, 32)
RISING = torch.linspace(0, 1, GOOD.numel()).reshape(GOOD.shape)
CODES = Codes(torch.zeros(2, 4), torch.zeros(2, 5), torch.zeros(2, 3, 3))
MISTAKES: dict[str, tuple[Callable[[VDSM], object], str]] = {
    "another size": (
        lambda m: m.encode(torch.zeros(2, 3, 1, 64, 64)),
        r"takes \[B, T, 1, 32, 32\]",
    ),
    "colour": (lambda m: m.encode(torch.zeros(2, 3, 3, 32, 32)), r"takes \[B, T, 1, 32, 32\]"),
    "no batch": (lambda m: m.encode(GOOD[0]), r"shape \(3, 1, 32, 32\)"),
    "channels last": (lambda m: m.encode(GOOD.movedim(2, -1)), r"permute\(0, 1, 4, 2, 3\)"),
    "no clip": (lambda m: m.encode(GOOD[:0]), "at least 1 clip"),
    "no frame": (lambda m: m.encode_frames(GOOD[:, :0]), "at least 1 clip, 1 frame"),
    "bytes": (lambda m: m.encode(GOOD.byte()), "divide 8-bit frames by 255"),
    "0 to 255": (lambda m: m.encode(255 + GOOD), "divide 8-bit frames by 255"),
    "-1 to 1": (lambda m: m.encode(GOOD - 1), r"by \(clips \+ 1\) / 2$"),
    "-0.5 to 1": (lambda m: m.encode(RISING * 1.5 - 0.5), r"by \(clips \+ 1\) / 2$"),
    "rounding": (lambda m: m.encode(RISING * 1.0001), r"clips\.clamp\(0, 1\)"),
    "rounding below": (lambda m: m.encode(RISING - 1e-5), r"clips\.clamp\(0, 1\)"),
    "0 to 200": (lambda m: m.encode(RISING * 200), "divide 8-bit frames by 255"),
    "standardized": (lambda m: m.encode(RISING * 5 - 2.1), "undo what they were normalized by"),
    "16 bits": (lambda m: m.encode(RISING * 65535), r"in \[0, 6.554e\+04\]: undo"),
    "whole numbers": (lambda m: m.encode(GOOD.long()), r"clips are torch\.int64: give floating"),
    "masks": (lambda m: m.encode(GOOD.bool()), r"clips are torch\.bool: give floating"),
    "complex": (lambda m: m.encode(GOOD.cfloat()), r"clips are torch\.complex64: give floating"),
    "float8": (lambda m: m.encode(GOOD.to(torch.float8_e5m2)), r"float8_e5m2: give floating"),
    "infinite": (lambda m: m.encode(GOOD + torch.inf), "clips hold values that are no numbers"),
    "sparse": (lambda m: m.encode(GOOD.to_sparse()), r"a sparse_coo tensor: .*to_dense"),
    "no values": (lambda m: m.encode(GOOD.to("meta")), "on the device 'meta'"),
    "given sparse": (lambda m: m.generate(2, 2, given=GOOD.to_sparse()), "sparse_coo tensor"),
    "frames first": (lambda m: m.encode(GOOD.transpose(1, 2)), r"clips\.transpose\(1, 2\)"),
    "one clip": (lambda m: m.encode(GOOD[0]), r"a single clip is clips\[None\]"),
    "swap of -1 frames": (lambda m: m.swap(GOOD, GOOD, -1), "frames is -1: ask for"),
    "negative frames": (lambda m: m.generate(2, -3), "asked for 2 clips of -3 frames"),
    "codes without values": (lambda m: m.decode(CODES.to("meta")), "codes s are on the device 'm"),
    "half": (lambda m: deepcopy(m).half().encode(GOOD), r"weights are torch\.float16: they are"),
    "half drawn": (lambda m: deepcopy(m).bfloat16().decode(CODES), r"are torch\.bfloat16"),
    "half new": (lambda m: deepcopy(m).half().generate(2, 2), r"are torch\.float16: they are"),
    "no weights": (lambda m: deepcopy(m).to("meta").encode(GOOD), "its weights have no values"),
    "nan": (lambda m: m.encode(GOOD * float("nan")), "clips hold values that are no numbers"),
    "no codes": (
        lambda m: m.decode(Codes(CODES.s[:0], CODES.d[:0], CODES.z[:0])),
        r"code s is \(0",
    ),
    "given shape": (lambda m: m.generate(1, 2, given=GOOD[0]), r"shape \(3, 1, 32, 32\)"),
    "a file": (lambda m: m.save_pretrained(__file__), "cannot make folder"),
    "swap": (lambda m: m.swap(GOOD, GOOD[:1]), "2 identity clips but 1 action clips"),
    "swap size": (lambda m: m.swap(GOOD, torch.zeros(2, 3, 1, 64, 64)), "this model takes"),
    "codes that are no numbers": (
        lambda m: m.decode(Codes(CODES.s, CODES.d / 0, CODES.z)),
        "code d is not finite: see how it was made",
    ),
    "infinite codes": (
        lambda m: m.decode(Codes(CODES.s, CODES.d, CODES.z + torch.inf)),
        "code z is not finite",
    ),
    "no frames": (
        lambda m: m.decode(CODES, 0),
        "frames is 0: ask for a whole number",
    ),
    "codes": (lambda m: m.decode(Codes(CODES.s[:, 1:], CODES.d, CODES.z)), r"\(3, 5, 3\)"),
    "nothing": (lambda m: m.generate(0, 3), "asked for 0 clips of 3 frames"),
    "none": (lambda m: m.generate(3, 0), "asked for 3 clips of 0 frames"),
    "given": (lambda m: m.generate(3, 2, given=GOOD), "2 given clips for 3 to generate"),
    "given size": (lambda m: m.generate(1, 2, given=GOOD[:1, :, :, 1:]), "this model takes"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(model: VDSM, name: str) -> None:
    mistake, pattern = MISTAKES[name]
    with pytest.raises(InputError, match=pattern) as caught:
        mistake(model)
    assert "\n" not in str(caught.value)


NO_TENSORS = {
    "model.swap(3, 3)": "clips are a int: give a tensor (torch.from_numpy makes one)",
    "model.encode(np.zeros((1, 2, 3, 64, 64)))": "clips are a ndarray: give a tensor",
    "model.encode([torch.zeros(2, 3, 64, 64)])": "clips are a list: give a tensor",
    "model.decode(3)": "codes are a int: give vdsm.Codes",
    "model.decode(model.encode(clips), 1.5)": "frames is 1.5: ask for",
    "model.decode(model.encode(clips).to(torch.int64))": "code s is torch.int64: give floating",
    "model.decode(Codes(np.zeros((1, 2)), 1, 1))": "code s is ndarray: give a tensor",
    "model.generate(2, 3, generator=0)": "generator is a int: give a torch.Generator",
    "model.generate(2, 3, np.random.default_rng(0))": "generator is a Generator: give a torch.Gen",
    "model.encode_and_sample(clips, 3)": "generator is a int: give a torch.Generator",
    "model.generate(2, 3, given=np.zeros(3))": "clips are a ndarray: give a tensor",
    "model.generate('2', 3)": "num is '2': give a whole number",
    "model.generate(2, None)": "frames is None: give a whole number",
    "model.generate(2, 3, density=1)": "density is '1': it is fitted or standard",
    "model.encode(torch.quantize_per_tensor(clips, 1.0, 0, torch.quint8))": "clips are quantized",
    "model.encode(torch.nested.nested_tensor([clips[0]]))": "clips are a nested tensor",
    "model.save_pretrained('m', 'bf16')": "dtype is 'bf16': give a torch type",
    "model.save_pretrained('m', np.float16)": "give a torch type",
    "model.save_pretrained('m', torch.float8_e5m2)": "not stored as torch.float8_e5m2",
    "model.save_pretrained(3)": "folder is 3: give a path",
    "vdsm.VDSM.from_pretrained(None)": "is None: give a path",
    "vdsm.VDSM('pendulum')": "VDSM.from_pretrained",
    "setattr(model, 'precision', 'fp16'); model.decode(model.encode(clips))": "precision is 'fp16'",
}


def test_what_is_no_tensor_at_all(tmp_path: Path) -> None:
    """Where types are not checked, as they are here. Each is one line of an InputError."""
    program = f"""
import warnings
warnings.simplefilter("ignore")
import numpy as np, torch, vdsm
from vdsm import Codes
for call in {list(NO_TENSORS)}:
    model, clips = vdsm.VDSM(), torch.zeros(1, 2, 3, 64, 64)
    try:
        exec(call)
        print("nothing")
    except vdsm.InputError as error:
        print(error)
    except BaseException as error:
        print(type(error), error)
"""
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    for (call, expected), said in zip(NO_TENSORS.items(), done.stdout.splitlines(), strict=True):
        assert expected in said, (call, said)
