"""Where things are: closed curves about a centre."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
CURVES = ("circle", "line", "eight", "zigzag")


def along(curve: Array, turn: Array) -> tuple[Array, Array]:
    """x and y [N, T] in [-1, 1] at `turn` [N, T] rounds of each clip's curve [N]."""
    a = 2 * np.pi * turn
    saw = 2 * np.abs(2 * ((turn + 0.25) % 1) - 1) - 1  # to and fro at one speed
    fast = 2 * np.abs(2 * ((3 * turn) % 1) - 1) - 1
    ways = {
        "circle": (np.cos(a), np.sin(a)),
        "line": (np.cos(a), 0.5 * np.cos(a)),
        "eight": (np.sin(a), np.sin(2 * a) * 0.7),
        "zigzag": (saw, 0.6 * fast),
    }
    which = np.asarray(curve)[:, None]
    x, y = (
        np.select([which == i for i in range(len(CURVES))], [way[axis] for way in ways.values()])
        for axis in (0, 1)
    )
    return x.astype(np.float32), y.astype(np.float32)


def rounds(phase: Array, per_frame: npt.ArrayLike, frames: int) -> Array:
    """[N, T] rounds made since round 0 began."""
    rate = np.broadcast_to(np.asarray(per_frame, np.float32), np.shape(phase))
    return np.asarray(phase[:, None] + rate[:, None] * np.arange(frames), np.float32)
