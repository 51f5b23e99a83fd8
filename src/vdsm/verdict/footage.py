"""What clips are like that may be why a model draws them badly: facts of the data, not of it."""

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F

from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.reconstruction import psnr
from vdsm.evaluate.result import Number
from vdsm.notation import Video
from vdsm.verdict.seen import Chosen

BOOTSTRAP = Bootstrap(400, 0)
CELLS = 8  # in a row, for how a frame follows the one before
EDGE = 0.025  # share of what changes that may lie beyond each side of the box


@dataclass(frozen=True)
class Footage:
    """Of the clips that a verdict looks at."""

    box: float  # share of the frame in which a clip changes, the median clip's
    follows: Number | None  # dB by which a frame is more like the one before than like any other
    still: bool  # no clip changes at all


def footage(chosen: Chosen) -> Footage:
    """Where clips change, and how fast."""
    x = chosen.held
    changes = (x[:, 1:] - x[:, :-1]).abs().mean(dim=(1, 2)) if x.shape[1] > 1 else x[:, 0, 0] * 0
    boxes = [_box(np.asarray(clip, np.float64)) for clip in changes]
    known = [box for box in boxes if box is not None]
    if not known:
        return Footage(1.0, None, still=True)
    return Footage(float(np.median(known)), _follows(x) if x.shape[1] > 3 else None, still=False)


def _box(change: np.ndarray) -> float | None:
    """Share of the frame of the box that holds nearly all of what changes; None: nothing does."""
    if not change.any():
        return None
    sides = 1.0
    for axis in (0, 1):
        along = np.cumsum(change.sum(axis=axis))
        first, last = np.searchsorted(along / along[-1], [EDGE, 1 - EDGE])
        sides *= (last - first + 1) / len(along)
    return float(sides)


def _follows(x: Video) -> Number:
    """PSNR of copying the frame before, less that of a frame of the clip at random.

    Through few cells, or what moves by its own width would be no nearer than what is elsewhere.
    """
    rng, frames = np.random.default_rng(0), x.shape[1]
    x = F.adaptive_avg_pool2d(x.flatten(0, 1), CELLS).view(*x.shape[:3], CELLS, CELLS)
    elsewhere = (np.arange(frames) + rng.integers(2, frames - 1, frames)) % frames
    gained = psnr(x[:, 1:], x[:, :-1]) - psnr(x[:, 1:], x[:, elsewhere[1:]])
    return BOOTSTRAP.mean(np.asarray(gained), np.arange(len(x)))
