"""Other colours for q(z) and q(d): what changes, and what must not."""

import itertools

import numpy as np
import pytest
import torch

from vdsm.methods.vdsm.additions.augment import (
    DARKEST,
    KNOTS,
    colour_jitter,
    elsewhere,
    other_colours,
    tone_curves,
)
from vdsm.methods.vdsm.config import AdditionsConfig


def clips() -> torch.Tensor:
    x = torch.rand(2, 3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    x[..., :3, :] = 0.0  # a black background
    return x


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_tone_curves_against_numpy() -> None:
    """np.interp over the same knots, for every channel of every frame."""
    x = clips()
    made = tone_curves(x, 0.7, seeded()).numpy()
    noise = DARKEST + (1 - DARKEST) * torch.rand((2, 3, 3, KNOTS), generator=seeded()).numpy()
    at = np.linspace(0, 1, KNOTS + 1)
    for index in np.ndindex(2, 3, 3):
        knots = np.concatenate([[0], 0.3 * at[1:] + 0.7 * noise[index]])
        np.testing.assert_allclose(made[index], np.interp(x[index], at, knots), atol=1e-5)


@pytest.mark.parametrize("function", [tone_curves, colour_jitter])
def test_strength_0_changes_nothing_and_black_stays_black(function: object) -> None:
    x = clips()
    torch.testing.assert_close(function(x, 0.0, seeded()), x)  # type: ignore[operator]
    made = function(x, 1.0, seeded())  # type: ignore[operator]
    assert (made[..., :3, :] == 0).all()
    assert ((made >= 0) & (made <= 1)).all()
    assert (made - x).abs().mean() > 0.05


def test_order_of_brightness_is_lost() -> None:
    """Of two greys, the brighter one is the darker one after a random curve about as often."""
    x = torch.full((500, 1, 1, 1, 2), 0.45)
    x[..., 1] = 0.8
    made = tone_curves(x, 1.0, seeded())
    assert 0.3 < (made[..., 0] > made[..., 1]).float().mean() < 0.7


def test_only_what_is_asked_for() -> None:
    x = clips()
    assert other_colours(x, AdditionsConfig(), seeded()) is None
    jitter = other_colours(x, AdditionsConfig(jitter=0.5), seeded())
    torch.testing.assert_close(jitter, colour_jitter(x, 0.5, seeded()))
    tones = other_colours(x, AdditionsConfig(tones=0.5), seeded())
    torch.testing.assert_close(tones, tone_curves(x, 0.5, seeded()))


def test_elsewhere_moves_lights_and_mirrors_whole_clips() -> None:
    """Each clip is one of the 2 x 9 x 9 views by plain indexing, times one gain."""
    g = torch.Generator().manual_seed(5)
    x = torch.rand(40, 2, 3, 32, 32, generator=g) * 0.7
    y = elsewhere(x, 1.0, g)
    margin, mirrored, shifts, gains = 3, 0, set(), []
    for clip, seen in zip(x, y, strict=True):
        wide = clip[:, :, [0] * margin + list(range(32)) + [31] * margin]
        wide = wide[..., [0] * margin + list(range(32)) + [31] * margin]
        places = itertools.product(range(2 * margin + 1), range(2 * margin + 1), (False, True))
        found = []
        for i, j, flip in places:
            view = wide[..., i : i + 32, j : j + 32]
            view = view.flip(-1) if flip else view
            gain = seen.sum() / view.sum()
            if torch.allclose(seen, view * gain, atol=1e-5):
                found.append((flip, i, j, gain))
        assert len(found) == 1
        flip, i, j, gain = found[0]
        mirrored += flip
        shifts.add((i, j))
        gains.append(gain)
    assert 5 < mirrored < 35  # false alarm rate below 1e-6
    assert len(shifts) > 15
    assert 0.7 <= min(gains) < 0.8 < 1.2 < max(gains) <= 1.3 + 1e-5
    assert elsewhere(x, 0.0, g) is x
