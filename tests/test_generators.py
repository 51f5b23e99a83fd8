"""The generators of clips: losses, constraints and lengths against plain numpy."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import pendula
from vdsm import InputError
from vdsm.methods.parts.volumes import StridedCritic, first_frames, time_doubles
from vdsm.methods.table import method_of
from vdsm.methods.vgan import recipe as vgan
from vdsm.store.run import Run

FIXED = ["vgan"]  # they draw clips of just so many frames
EACH = pytest.mark.parametrize("name", FIXED)


def small(name: str, **changes: Any) -> Any:
    """The debug preset's model of 32 pixels, in double precision."""
    torch.manual_seed(0)
    method = method_of(name)
    config = replace(method.preset("debug", "compact").model, size=32, **changes)
    return method.build(config).double().train()


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


# -- lengths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("frames", "size"), [(4, 32), (8, 64), (16, 64), (32, 64), (32, 32)])
def test_the_doublings_end_at_the_frames(frames: int, size: int) -> None:
    doubles = time_doubles(frames, size)
    assert first_frames(frames, size) * 2 ** sum(doubles) == frames
    assert 4 * 2 ** len(doubles) == size
    clip = torch.zeros(2, frames, 1, size, size)
    assert StridedCritic(frames, size, 1, 1)(clip).shape == (2, 1)


def test_thirty_two_frames_of_64_pixels_are_the_papers() -> None:
    """Two frames of 4 x 4 before four doublings of space and time alike."""
    assert (first_frames(32, 64), time_doubles(32, 64)) == (2, [True] * 4)
    assert (first_frames(16, 64), time_doubles(16, 64)) == (1, [True] * 4)
    assert (first_frames(8, 64), time_doubles(8, 64)) == (1, [False, True, True, True])


@torch.no_grad()
@EACH
@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize(("frames", "channels"), [(4, 1), (8, 3), (16, 1), (32, 3)])
def test_clips_drawn_have_the_frames_of_the_settings(
    name: str, size: int, frames: int, channels: int
) -> None:
    method = method_of(name)
    debug = method.preset("debug", "compact").model
    config = replace(debug, size=size, frames=frames, channels=channels, width=2)
    model: Any = method.build(config).eval()
    assert model.generate(1, frames).shape == (1, frames, channels, size, size)
    shorter = model.generate(1, frames - 1, torch.Generator().manual_seed(0))
    whole = model.generate(1, frames, torch.Generator().manual_seed(0))
    assert torch.equal(whole[:, :-1], shorter)


@EACH
def test_longer_clips_than_it_draws_are_one_line(name: str) -> None:
    model: Any = small(name)
    with pytest.raises(InputError, match=r"draws clips of 8 frames, not 9: ask for no more, or"):
        model.generate(1, 9)


@EACH
def test_data_of_shorter_clips_are_one_line(name: str, tmp_path: Path) -> None:
    method = method_of(name)
    config = method.preset("debug", "compact")
    config = replace(config, model=replace(config.model, size=32, frames=16))
    data = pendula(tmp_path / "data", frames=12)
    with pytest.raises(InputError, match=r"longest training clip .* has 12: lower --model.frames"):
        Run.create(tmp_path / "run", config, data, "debug", method=name)
    assert not (tmp_path / "run").exists()


@EACH
@pytest.mark.parametrize("size", ["compact", "paper"])
def test_presets_name_sizes_that_can_be_built(name: str, size: Any) -> None:
    method = method_of(name)
    for preset in method.presets:
        if (preset, size) == ("debug", "paper"):
            continue
        config = method.preset(preset, size)
        with torch.device("meta"):
            method.build(config.model)
        assert method.frames(config) == (8 if preset in ("sprites", "debug") else 16)


# -- VGAN ------------------------------------------------------------------------------------------


@torch.no_grad()
def test_vgan_composes_as_equation_2() -> None:
    model = small("vgan")
    f, m, b = (t.numpy() for t in model.streams(torch.randn(2, 100).double()))
    drawn = vgan.composed(*(torch.from_numpy(t) for t in (f, m, b))).numpy()
    for t in range(8):
        for channel in range(3):
            moving = m[:, t, 0] * f[:, t, channel]
            still = (1 - m[:, t, 0]) * b[:, 0, channel]
            assert np.allclose(drawn[:, t, channel], moving + still)


@torch.no_grad()
def test_vgans_losses_are_those_of_numpy() -> None:
    model = small("vgan")
    x = torch.rand(3, 8, 3, 32, 32).double()
    z = model.latent(3, torch.Generator().manual_seed(1))
    made = model.clips_of(z)
    scores = [model.critic(clips)[:, 0].numpy() for clips in (2 * x - 1, made)]
    found = vgan.critic(model, x, torch.Generator().manual_seed(1))
    assert np.allclose(found["real"], softplus(-scores[0]))
    assert np.allclose(found["made"], softplus(scores[1]))
    told = vgan.generator(model, x, torch.Generator().manual_seed(1))
    assert np.allclose(told["clip"], softplus(-scores[1]))
    mask = model.streams(z)[1].numpy()
    assert np.allclose(told["mask"], np.abs(mask).sum((1, 2, 3, 4)) / mask[0].size)
