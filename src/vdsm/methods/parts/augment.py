"""Clips whose motion or whose content is another: positives of S3VAE and C-DSVAE.

Everything is drawn from the generator given, a clip each, the same for all frames of a clip.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vdsm.device import autocast
from vdsm.notation import Video, draw

SPREAD = 0.4  # of brightness, contrast and saturation about 1
SMALLEST = 0.8  # side of a crop, of the frame's
KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # binomial: a blur by one pixel


def shuffled(x: Video, generator: torch.Generator | None) -> Video:
    """The frames of every clip in a random order: the same content in another motion."""
    order = draw(torch.rand, x.shape[:2], generator, x).argsort(1)
    return x[torch.arange(len(x), device=x.device)[:, None], order]


def restyled(x: Video, generator: torch.Generator | None) -> Video:
    """Other colours, another crop, a blur: the same motion of another content."""
    with torch.no_grad(), autocast(x.device, False):
        return blurred(cropped(recoloured(x, generator), generator), generator)


def recoloured(x: Video, generator: torch.Generator | None) -> Video:
    """Hue turned by any angle (of three channels), saturation, contrast, brightness changed."""
    turn, *rest = draw(torch.rand, (len(x), 4), generator, x).unbind(1)
    saturation, contrast, brightness = (1 + SPREAD * (2 * r - 1) for r in rest)
    if x.shape[2] == 3:
        colours = hues(2 * math.pi * turn, saturation)
        x = torch.einsum("bij,btjhw->btihw", colours, x)
    mean = x.mean((1, 2, 3, 4), keepdim=True)
    gain, light = (f.view(-1, 1, 1, 1, 1) for f in (contrast, brightness))
    return (((x - mean) * gain + mean) * light).clamp(0, 1)


def hues(angle: Float[Tensor, " B"], saturation: Float[Tensor, " B"]) -> Float[Tensor, "B 3 3"]:
    """Matrices that turn colours about the grey axis, and stretch them away from it."""
    one = torch.ones(3, 3, device=angle.device).to(angle) / 3  # onto grey
    unit = torch.eye(3, device=angle.device).to(angle)
    cross = (unit.roll(-1, 1) - unit.roll(1, 1)) / math.sqrt(3)  # with the grey axis
    colour = unit - one
    cos, sin, stretch = (f[:, None, None] for f in (angle.cos(), angle.sin(), saturation))
    return one + stretch * (cos * colour + sin * cross)


def cropped(x: Video, generator: torch.Generator | None) -> Video:
    """A random square of `SMALLEST` of the side at least, at the size of the frame."""
    size, right, down = draw(torch.rand, (len(x), 3), generator, x).unbind(1)
    size = SMALLEST + (1 - SMALLEST) * size
    places = torch.zeros(len(x), 2, 3, device=x.device).to(x)
    places[:, 0, 0] = places[:, 1, 1] = size
    places[:, :, 2] = (1 - size)[:, None] * (2 * torch.stack([right, down], 1) - 1)
    flat = x.flatten(1, 2)
    grid = F.affine_grid(places, list(flat.shape), align_corners=False)
    return F.grid_sample(flat, grid, padding_mode="border", align_corners=False).view(x.shape)


def blurred(x: Video, generator: torch.Generator | None) -> Video:
    """A random share of every clip blurred by one pixel."""
    share = draw(torch.rand, (len(x),), generator, x).view(-1, 1, 1, 1, 1)
    line = torch.stack([x.new_full((), tap) for tap in KERNEL])
    flat = F.pad(x.reshape(-1, 1, *x.shape[3:]), (2, 2, 2, 2), mode="replicate")
    soft = F.conv2d(F.conv2d(flat, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))
    return (x + share * (soft.view(x.shape) - x)).clamp(0, 1)
