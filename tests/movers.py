"""Clips that tests film: things that move before a camera, with noise, light and shake as asked."""

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
WIDTH, HEIGHT, FRAMES = 160, 120, 24


def wall(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> npt.NDArray[np.float64]:
    """[h, w, 3] a background with soft detail, wider than the picture by 20 pixels on each side."""
    rng = np.random.default_rng(seed)
    rough = rng.uniform(60, 190, (height // 8 + 7, width // 8 + 7, 3))
    return rough.repeat(8, 0).repeat(8, 1)[: height + 40, : width + 40]


def film(
    *paths: npt.NDArray[np.float64],
    size: int = 24,
    noise: float = 0.0,
    shake: float = 0.0,
    light: float = 0.0,
    contrast: float = 100.0,
    frames: int = FRAMES,
    seed: int = 0,
) -> Frames:
    """uint8 [T, 120, 160, 3]: a square of `size` pixels around each path [T, 2] of centres x, y.

    noise: standard deviation; shake: largest shift of the camera, pixels; light: how much the
    brightness swings; contrast: how far the squares are from the wall.
    """
    rng = np.random.default_rng(seed)
    back = wall()
    shown = []
    for t in range(frames):
        picture = back.copy()
        for i, path in enumerate(paths):
            x, y = (np.rint(path[t]).astype(int) - size // 2 + 20).tolist()
            place = picture[y : y + size, x : x + size]
            place += contrast * (-1) ** i
        dx, dy = np.rint(rng.uniform(-shake, shake, 2)).astype(int) + 20
        view = picture[dy : dy + HEIGHT, dx : dx + WIDTH]
        view = view + light * np.sin(t) + rng.normal(0, noise, view.shape)
        shown.append(np.clip(view, 0, 255).astype(np.uint8))
    return np.stack(shown)


def sway(x: float, y: float, reach: float, frames: int = FRAMES) -> npt.NDArray[np.float64]:
    """[T, 2] a path to and fro around x, y."""
    t = np.arange(frames)
    return np.stack([x + reach * np.sin(t / 3), y + 0.5 * reach * np.cos(t / 4)], 1)


def roam(frames: int = FRAMES) -> npt.NDArray[np.float64]:
    """[T, 2] a path from one side of the picture to the other."""
    return np.stack([np.linspace(20, 140, frames), np.linspace(30, 90, frames)], 1)
