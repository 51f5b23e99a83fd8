"""What forms a clip shows, whatever their colours, places and turns; and whose forms a swap has.

A rotation- and translation-invariant scattering transform (Sifre and Mallat 2013): edges of all
channels together, through Gabor filters of several scales and orientations, modulus, once more,
averaged over places and over orientations that keep their difference. Of these numbers those count
that stay in a clip and differ between clips (linear discriminants of the clips themselves): no
label says what a form is.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vdsm.data.clips import Floats, Ints
from vdsm.notation import Video

SCALES = (2.0, 4.0, 8.0)  # wavelengths are these times two, in pixels of a frame of `SIDE`
FINEST = 2.0  # scale of filters on the grid of the frame; larger ones are made of these
TURNS = 6  # orientations in half a turn
SIDE = 64  # pixels that larger frames are brought down to
FRAMES = 4  # of a clip, evenly spaced
AT_ONCE = 32  # frames
FLOOR = 1e-4  # of a coefficient before its logarithm, beside the largest
DISCRIMINANTS = 4  # at most: more of them tell noise
TINY = 1e-9
RIDGE = 0.1  # of the variation in clips, beside its mean


def forms(clips: Video) -> Float[Tensor, "B M K"]:
    """Logarithms of scattering coefficients of M frames of every clip."""
    t = clips.shape[1]
    some = torch.linspace(0, t - 1, min(t, FRAMES)).round().long()
    frames = clips[:, some].flatten(0, 1).float()
    if frames.shape[-1] > SIDE:
        frames = F.interpolate(frames, size=(SIDE, SIDE), mode="area")
    parts = [scattering(edges(part)) for part in torch.split(frames, AT_ONCE)]
    return torch.cat(parts).view(len(clips), len(some), -1)


def edges(frames: Float[Tensor, "N C H W"]) -> Float[Tensor, "N 1 H W"]:
    """How steep colours are, beside the steepest place of the frame."""
    x = F.pad(frames, (1, 1, 1, 1), mode="replicate")
    across = (x[..., 1:-1, 2:] - x[..., 1:-1, :-2]).square().sum(1, keepdim=True)
    down = (x[..., 2:, 1:-1] - x[..., :-2, 1:-1]).square().sum(1, keepdim=True)
    steep = (across + down).sqrt()
    return steep / steep.amax((1, 2, 3), keepdim=True).clamp_min(1e-3)


def scattering(x: Float[Tensor, "N 1 H W"]) -> Float[Tensor, "N K"]:
    """Of first and second order, averaged over places and turns."""
    found = [x.mean((1, 2, 3))[:, None]]
    first = [passed(x, scale) for scale in SCALES]
    for place, one in enumerate(first):
        found.append(one.mean((1, 2, 3))[:, None])
        for scale in SCALES[place + 1 :]:
            found.append(_second(one, scale))
    values = torch.cat(found, 1)
    return (values + FLOOR).log()


def _second(one: Float[Tensor, "N A H W"], scale: float) -> Float[Tensor, "N A"]:
    """By the difference of both orientations."""
    n, turns = one.shape[:2]
    two = passed(one.flatten(0, 1)[:, None], scale).mean((2, 3)).view(n, turns, turns)
    shifts = [torch.diagonal(two.roll(-k, 2), dim1=1, dim2=2).mean(1) for k in range(turns)]
    return torch.stack(shifts, 1)


def passed(x: Float[Tensor, "N 1 H W"], scale: float) -> Float[Tensor, "N A h w"]:
    """Modulus of what passes the Gabor filters of a scale; coarse ones on a coarser grid."""
    coarser = max(1, round(scale / FINEST))
    even, odd = gabor(scale / coarser)
    margin = even.shape[-1] // 2
    coarse = x if coarser == 1 else F.avg_pool2d(x, coarser)
    padded = F.pad(coarse, (margin,) * 4, mode="replicate")
    return (F.conv2d(padded, even).square() + F.conv2d(padded, odd).square()).sqrt()


def gabor(scale: float) -> tuple[Tensor, ...]:
    """[A, 1, S, S] even and odd filters of wavelength 2 x scale and no mean, for A turns."""
    reach = math.ceil(2 * scale)
    y, x = torch.meshgrid(*(torch.arange(-reach, reach + 1.0),) * 2, indexing="ij")
    envelope = torch.exp(-(x**2 + y**2) / (2 * (0.8 * scale) ** 2))
    envelope /= envelope.sum()
    waves = []
    for k in range(TURNS):
        angle = math.pi * k / TURNS
        phase = math.pi / scale * (x * math.cos(angle) + y * math.sin(angle))
        even, odd = envelope * phase.cos(), envelope * phase.sin()
        waves.append((even - envelope * even.sum(), odd))
    return tuple(torch.stack(part)[:, None] for part in zip(*waves, strict=True))


@dataclass(frozen=True)
class Discriminants:
    """What of forms stays in a clip and differs between clips, in units of how it varies there."""

    mean: Floats  # [K]
    directions: Floats  # [K, D]

    @classmethod
    def of(cls, found: Float[Tensor, "B M K"], groups: Ints) -> "Discriminants":
        """From clips, and who is in them [B]."""
        x = found.double().numpy()
        _, who = np.unique(groups, return_inverse=True)
        counts = np.bincount(who) * x.shape[1]
        means = np.zeros((len(counts), x.shape[-1]))
        np.add.at(means, who, x.sum(1))
        means /= counts[:, None]
        within = (x - means[who][:, None]).reshape(-1, x.shape[-1])
        inside = within.T @ within / len(within)
        inside += (RIDGE * np.trace(inside) / len(inside) + TINY) * np.eye(len(inside))
        centred = (means - means.mean(0)) * np.sqrt(counts / counts.sum())[:, None]
        from scipy.linalg import eigh  # slow to import: only where a verdict is asked for

        _, vectors = eigh(centred.T @ centred, inside)
        return cls(means.mean(0), vectors[:, ::-1][:, :DISCRIMINANTS])

    def __call__(self, found: Float[Tensor, "B M K"]) -> Floats:
        """[B, D]."""
        return np.asarray((found.double().numpy().mean(1) - self.mean) @ self.directions)
