"""Painting with coverage: forms, colours, scenes. Arrays broadcast over clips and frames."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
FORMS = ("disc", "square", "triangle", "cross")


def grid(size: int) -> tuple[Array, Array]:
    """x and y of pixel centres, [1, 1, 1, W] and [1, 1, H, 1], in shares of the side."""
    centre = (np.arange(size, dtype=np.float32) + 0.5) / size
    return centre[None, None, None, :], centre[None, None, :, None]


def pixels(values: Array) -> Array:
    """[N] or [N, T] to [N, 1 or T, 1, 1], to meet a grid."""
    array = np.asarray(values, np.float32)
    return array[:, None, None, None] if array.ndim == 1 else array[:, :, None, None]


def outside(form: Array, x: Array, y: Array, radius: Array) -> Array:
    """Signed distance to the outline of a form at the origin, negative inside."""
    ax, ay = np.abs(x), np.abs(y)
    disc = np.hypot(x, y) - radius
    square = np.maximum(ax, ay) - 0.87 * radius
    triangle = np.maximum(0.87 * ax - 0.5 * y, y) - 0.66 * radius
    arm, long = 0.38 * radius, 1.15 * radius
    cross = np.minimum(
        np.maximum(ax - long, ay - arm),
        np.maximum(ax - arm, ay - long),
    )
    return np.select([form == 0, form == 1, form == 2], [disc, square, triangle], cross)


def capsule(x: Array, y: Array, a: tuple[Array, Array], b: tuple[Array, Array], r: Array) -> Array:
    """Signed distance to a limb from a to b of half width r."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = ((x - a[0]) * dx + (y - a[1]) * dy) / np.maximum(dx * dx + dy * dy, 1e-6)
    along = np.clip(along, 0, 1)
    return np.hypot(x - a[0] - along * dx, y - a[1] - along * dy) - r


def cover(distance: Array, size: int) -> Array:
    """Share of a pixel that lies inside."""
    return np.asarray(np.clip(0.5 - size * distance, 0, 1))


def over(picture: Array, share: Array, colour: Array) -> Array:
    """Paint a colour [..., 3] over a picture [N, T, H, W, C] where `share` [N, T, H, W] says."""
    return picture + share[..., None] * (colour - picture)


def hue(turn: Array, bright: float = 1.0, grey: float = 0.1) -> Array:
    """[N, 1, 1, 1, 3] colours around the circle of hues, from cyan on."""
    angles = np.asarray(turn, np.float32)[:, None] + np.array([0, 2, 1], np.float32) / 3
    pure = np.clip(np.abs(((angles + 0.5) % 1) * 6 - 3) - 1, 0, 1)
    return np.asarray((grey + (bright - grey) * pure)[:, None, None, None], np.float32)


def grey(shade: Array) -> Array:
    """[N, 1, 1, 1, 1] shades."""
    return np.asarray(shade, np.float32)[:, None, None, None, None]


def scene(seed: Array, x: Array, y: Array) -> Array:
    """[N, T, H, W, 3] a soft picture of its own for every seed in [0, 1): waves of colour."""
    numbers = np.stack([noise(seed, key) for key in range(24)], 1).reshape(-1, 3, 8)
    parts = []
    for channel in numbers.transpose(1, 2, 0):
        fx, fy, px, gx, gy, py, base, depth = (pixels(row) for row in channel)
        first = np.sin(2 * np.pi * ((3 * fx - 1.5) * x + (3 * fy - 1.5) * y + px))
        second = np.sin(2 * np.pi * ((5 * gx - 2.5) * x + (5 * gy - 2.5) * y + py))
        parts.append(0.25 + 0.2 * base + (0.06 + 0.06 * depth) * (first + second))
    return np.asarray(np.clip(np.stack(np.broadcast_arrays(*parts), -1), 0, 1))


def noise(seed: Array, key: int | npt.NDArray[np.int64]) -> Array:
    """Numbers in [0, 1) that depend on seed and key and look random."""
    turned = np.sin(np.asarray(seed, np.float64) * 78.233 + np.asarray(key) * 37.719 + 1.0)
    return np.asarray((turned * 43758.5453) % 1, np.float32)
