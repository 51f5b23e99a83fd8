"""Boxes to squares of one size, inside the picture where they fit."""

import numpy as np

from vdsm.data.clips import Floats

Size = tuple[int, int]  # width, height


def with_margin(side: float, margin: float, size: Size) -> float:
    """The side with a margin on both sides, as far as the picture has room for it."""
    room = max(side, float(min(size)))
    return max(1.0, min(side * (1 + 2 * margin), room))


def squares(centres: Floats, side: float, size: Size) -> Floats:
    """[T, 3] left, top, side of squares around centres [T, 2], moved inside the picture.

    Along an axis in which the picture is shorter than the side, the square stands in its middle.
    """
    limit = np.array(size, np.float64) - side
    corner = np.where(limit >= 0, np.clip(centres - side / 2, 0, np.maximum(limit, 0)), limit / 2)
    return np.concatenate([corner, np.full((len(corner), 1), side)], 1)


def of_box(box: Floats, margin: float, size: Size) -> Floats:
    """[1, 3] the square around a box [4]."""
    side = with_margin(float(np.max(box[2:] - box[:2])), margin, size)
    return squares(((box[:2] + box[2:]) / 2)[None], side, size)


def middle(size: Size) -> Floats:
    """[1, 3] the largest square in the middle."""
    side = float(min(size))
    return squares(np.array([[size[0] / 2, size[1] / 2]]), side, size)
