"""Strips: one picture that holds the square frames of a clip side by side or one below another."""

import numpy as np

from vdsm.errors import InputError
from vdsm.video.limits import Frames

FEWEST = 3  # frames; a picture twice as wide as high may well be one frame


def looks_like_strip(size: tuple[int, int]) -> bool:
    """Whether a picture of this width and height divides into three or more squares."""
    short, long = sorted(size)
    return short > 0 and long % short == 0 and long // short >= FEWEST


def split_strip(image: Frames) -> Frames:
    """uint8 [T, S, S, C]: the squares of a strip [S, T * S, C], or of [T * S, S, C] from the top.

    InputError where the longer side is no whole multiple of the shorter one.
    """
    height, width, channels = image.shape
    side = min(height, width)
    if max(height, width) % side:
        long, short = ("width", "height") if width > height else ("height", "width")
        raise InputError(
            f"a strip of {width} x {height} pixels: its {long} is no whole multiple of its"
            f" {short}, so it holds no square frames side by side"
        )
    rows = image.reshape(height // side, side, width // side, side, channels)
    return np.ascontiguousarray(rows.swapaxes(1, 2).reshape(-1, side, side, channels))
