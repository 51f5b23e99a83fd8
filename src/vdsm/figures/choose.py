"""Which clips a picture shows: the same every time, and as different as can be."""

import numpy as np
import torch
from torch import Tensor

from vdsm.data.clips import Clips, Ints
from vdsm.data.spread import spread
from vdsm.device import as_video


def diverse(clips: Clips, count: int, frames: int, split: str | None = "test") -> Ints:
    """Indices of `count` clips that differ in as many factors as possible, always the same.

    Without labels in as many groups. Of all splits where the one asked for has no clip so long.
    """
    pool = clips.select(split, min_length=frames)
    if len(pool) == 0:
        pool = clips.select(None, min_length=frames)
    labels = [clips.table.labels[f.name] for f in clips.info.factors] or [clips.table.group]
    return pool[spread([column[pool] for column in labels], count)]


def load(clips: Clips, indices: Ints, frames: int, device: torch.device | str = "cpu") -> Tensor:
    """The first frames of some clips as float [B, T, C, H, W] in [0, 1]."""
    return as_video(clips.batch(indices, np.zeros_like(indices), frames), device)
