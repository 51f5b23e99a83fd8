"""C-DSVAE's positives against other libraries, and its bound against plain ones."""

import colorsys
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from small import pendula
from vdsm.data import open_clips
from vdsm.methods.cdsvae.model import CDSVAE, ModelConfig
from vdsm.methods.cdsvae.recipe import METHOD, bound
from vdsm.methods.parts import augment
from vdsm.methods.parts.losses import info_nce
from vdsm.methods.parts.recipe import read_out
from vdsm.store.open import open_model
from vdsm.store.run import Run
from vdsm.train.loop import train


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_shuffled_clips_have_the_same_frames() -> None:
    x = torch.rand(5, 7, 1, 4, 4)
    y = augment.shuffled(x, seeded())
    orders = set()
    for one, other in zip(x, y, strict=True):
        order = [next(t for t in range(7) if torch.equal(one[t], frame)) for frame in other]
        assert sorted(order) == list(range(7))
        orders.add(tuple(order))
    assert len(orders) == 5


def test_a_turned_hue_is_that_of_colorsys() -> None:
    """A third of a turn moves red to green to blue; none leaves everything; grey is never moved."""
    third = torch.tensor([2 * math.pi / 3])
    moved = augment.hues(third, torch.ones(1))[0]
    for hue in (0.0, 1 / 3, 2 / 3):
        colour = torch.tensor(colorsys.hsv_to_rgb(hue, 1, 1))
        expected = torch.tensor(colorsys.hsv_to_rgb(hue + 1 / 3, 1, 1))
        torch.testing.assert_close(moved @ colour, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(augment.hues(torch.zeros(1), torch.ones(1))[0], torch.eye(3))
    grey = torch.full((3,), 0.3)
    torch.testing.assert_close(augment.hues(third, torch.tensor([1.7]))[0] @ grey, grey)


def test_a_blur_is_that_of_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "draw", lambda f, shape, g, like: torch.ones(shape))
    x = torch.rand(2, 3, 1, 9, 9)
    found = augment.blurred(x, None)
    kernel = np.array(augment.KERNEL)
    for i in range(2):
        for t in range(3):
            soft = x[i, t, 0].numpy()
            for axis in (0, 1):
                soft = ndimage.correlate1d(soft, kernel, axis, mode="nearest")
            torch.testing.assert_close(found[i, t, 0], torch.from_numpy(soft))


@pytest.mark.parametrize("corner", [0.0, 1.0])
def test_a_crop_is_a_corner_of_the_frame(monkeypatch: pytest.MonkeyPatch, corner: float) -> None:
    """Smallest, from either corner: a ramp then runs over the share of itself that is shown."""
    drawn = torch.tensor([[0.0, corner, corner]])
    monkeypatch.setattr(augment, "draw", lambda f, shape, g, like: drawn)
    ramp = (torch.arange(50) + 0.5) / 50
    x = ramp.expand(1, 2, 1, 50, 50)
    found = augment.cropped(x, None)
    start = corner * (1 - augment.SMALLEST)
    expected = (start + augment.SMALLEST * ramp).clamp(0.01, 0.99)  # half a pixel from the border
    torch.testing.assert_close(found[0, 1, 0, 3], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_another_style_keeps_to_its_clip_and_generator(channels: int) -> None:
    x = torch.rand(4, 3, channels, 32, 32)
    x[:, 1:] = x[:, :1]
    y = augment.restyled(x, seeded())
    assert torch.equal(y, augment.restyled(x, seeded()))
    assert not torch.equal(y, augment.restyled(x, seeded(2)))
    assert torch.equal(y[:, 1:], y[:, :1].expand(-1, 2, -1, -1, -1))  # of all frames alike
    assert 0 <= y.min() < y.max() <= 1
    assert (y - x).abs().mean() > 0.05


@torch.no_grad()
def test_the_bound_holds_codes_against_those_of_positives() -> None:
    torch.manual_seed(0)
    c = ModelConfig(32, 3, 3, 2, 2, 5, 4)
    model = CDSVAE(c).eval()
    x = torch.rand(3, 4, 3, 32, 32)
    terms = bound(model, x, seeded())
    noise = seeded()
    q = model.infer(x, noise)
    content = model.encode(augment.shuffled(x, noise))
    motion = model.encode(augment.restyled(x, noise))
    torch.testing.assert_close(terms["content"], info_nce(q.s.loc, content.s, 0.5))
    torch.testing.assert_close(
        terms["motion"], info_nce(q.z.loc.flatten(1), motion.z.flatten(1), 0.5)
    )
    error = (x - model.render(q.codes.s, q.codes.z)).square().sum((1, 2, 3, 4))
    constant = x[0].numel() * 0.5 * math.log(math.pi)
    torch.testing.assert_close(terms["log_likelihood"], -error - constant)


def test_the_readout_is_of_the_model_as_it_is_used(tmp_path: Path) -> None:
    """Fitted anew to the stored model, whose batch norm goes by its averages, it is the same."""
    data = pendula(tmp_path / "data")
    config = METHOD.preset("debug", "compact")
    config = replace(config, model=replace(config.model, size=32), precision="fp32")
    run = Run.create(tmp_path / "run", config, data, "debug", method="cdsvae")
    clips = open_clips(data)
    train(run, clips)
    stored: Any = open_model(run.path)
    again = read_out(stored.model, clips, config)
    for name, tensor in stored.fitted().items():
        torch.testing.assert_close(again[name], tensor)
