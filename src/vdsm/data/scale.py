"""Frames at another size, where the sizes are multiples of one another."""

import numpy as np

from vdsm.data.clips import Frames


def scale(frames: Frames, size: int) -> Frames:
    """uint8 [..., S, S, C] to [..., size, size, C]: means of blocks, or every pixel repeated."""
    side = frames.shape[-2]
    if size < side:
        by = side // size
        blocks = frames.reshape(*frames.shape[:-3], size, by, size, by, frames.shape[-1])
        total = blocks.sum(axis=(-4, -2), dtype=np.uint32)
        return np.asarray((total + by * by // 2) // (by * by), np.uint8)
    if size > side:
        return frames.repeat(size // side, axis=-3).repeat(size // side, axis=-2)
    return frames
