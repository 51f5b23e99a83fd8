"""Forms, whatever their colours, places and turns: beside pictures drawn here."""

import numpy as np
import pytest
import torch

from vdsm.evaluate.forms import Discriminants, edges, forms, gabor
from vdsm.notation import Video

SIDE = 48


def drawn(corners: int, radius: float, turn: float, x: float, y: float, seed: int) -> torch.Tensor:
    """[3, H, W]: a star of so many points, of one random colour before another."""
    rng = np.random.default_rng(seed)
    colours = rng.random((2, 3))
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1) - (x, y)
    angle = np.arctan2(grid[..., 1], grid[..., 0]) + turn
    reach = radius * (1 + 0.45 * np.cos(corners * angle))
    inside = np.hypot(grid[..., 0], grid[..., 1]) < reach
    return torch.from_numpy(np.where(inside[..., None], *colours[:, None, None])).permute(2, 0, 1)


def clips(count: int, seed: int) -> tuple[Video, np.ndarray]:
    """Each a star of 2 to 5 points in four places and turns."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(count) % 4
    made = [
        torch.stack(
            [
                drawn(kind + 2, 9, rng.uniform(0, 6), *rng.uniform(18, 30, 2), seed + i)
                for _ in range(4)
            ]
        )
        for i, kind in enumerate(kinds)
    ]
    return torch.stack(made).float(), kinds


def test_the_kind_of_a_form_is_found_in_other_colours_places_and_turns() -> None:
    """The discriminants know clips alone; the nearest of other clips is of the same kind."""
    taught, _ = clips(40, 0)
    kinds_of = Discriminants.of(forms(taught), np.arange(40))
    known, kinds = clips(16, 100)
    asked, truth = clips(24, 200)
    distance = np.linalg.norm(kinds_of(forms(asked))[:, None] - kinds_of(forms(known)), axis=2)
    right = kinds[distance.argmin(1)] == truth
    assert right.mean() > 0.85  # chance .25


def test_colours_alone_change_nothing() -> None:
    """Of edges: whatever two colours there are, as long as they are two."""
    one, other = (drawn(3, 9, 0.3, 24, 24, seed)[None].float() for seed in (1, 2))
    assert not torch.allclose(one, other, atol=0.05)
    torch.testing.assert_close(edges(one), edges(other), atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [1.0, 2.0, 4.0])
def test_filters_have_no_mean_and_pass_their_wavelength(scale: float) -> None:
    even, odd = gabor(scale)
    assert even.sum((1, 2, 3)).abs().max() < 1e-5
    assert odd.sum((1, 2, 3)).abs().max() < 1e-5
    x = torch.arange(64.0)
    passed = {}
    for wavelength in (scale, 2 * scale, 6 * scale):
        wave = torch.cos(2 * torch.pi * x / wavelength).expand(1, 1, 64, 64)
        both = [torch.nn.functional.conv2d(wave, f[:1]) for f in (even, odd)]
        passed[wavelength] = float((both[0] ** 2 + both[1] ** 2).sqrt().mean())
    assert passed[2 * scale] == max(passed.values())


def test_a_frame_without_edges_is_no_error() -> None:
    blank = torch.full((2, 3, 1, 32, 32), 0.5)
    assert torch.isfinite(forms(blank)).all()
    assert forms(torch.rand(2, 9, 3, 128, 128)).shape[:2] == (2, 4)
