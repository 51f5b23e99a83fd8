"""The rooms that people are in: plain walls, patterned ones, and the light of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.person import Colour

Texture = Callable[
    [Floats, Floats], Floats
]  # metres to the right and up -> share of the 2nd colour


@dataclass(frozen=True)
class Room:
    name: str
    wall: Colour
    second: Colour  # of the wall's pattern
    texture: str
    floor: Colour
    tiled: float  # side of the floor's tiles or boards in metres, 0: none
    light: tuple[float, float, float]
    strength: float
    ambient: float


ROOMS = (
    Room(
        "grey",
        (0.62, 0.63, 0.61),
        (0.62, 0.63, 0.61),
        "plain",
        (0.46, 0.43, 0.39),
        0,
        (-0.5, 0.8, 0.9),
        0.62,
        0.36,
    ),
    Room(
        "cream",
        (0.82, 0.77, 0.66),
        (0.82, 0.77, 0.66),
        "plain",
        (0.55, 0.42, 0.30),
        0,
        (0.6, 0.8, 0.8),
        0.58,
        0.40,
    ),
    Room(
        "blue",
        (0.45, 0.55, 0.68),
        (0.45, 0.55, 0.68),
        "plain",
        (0.36, 0.37, 0.40),
        0,
        (-0.2, 1.0, 0.8),
        0.66,
        0.34,
    ),
    Room(
        "sage",
        (0.56, 0.65, 0.55),
        (0.56, 0.65, 0.55),
        "plain",
        (0.60, 0.55, 0.46),
        0,
        (0.3, 0.9, 0.9),
        0.6,
        0.38,
    ),
    Room(
        "brick",
        (0.62, 0.36, 0.28),
        (0.76, 0.70, 0.62),
        "bricks",
        (0.50, 0.49, 0.47),
        0.6,
        (-0.7, 0.7, 0.8),
        0.66,
        0.34,
    ),
    Room(
        "panels",
        (0.56, 0.42, 0.28),
        (0.42, 0.30, 0.19),
        "planks",
        (0.40, 0.31, 0.24),
        0.25,
        (0.5, 0.9, 0.7),
        0.62,
        0.38,
    ),
    Room(
        "tiles",
        (0.80, 0.84, 0.85),
        (0.52, 0.66, 0.70),
        "tiles",
        (0.62, 0.64, 0.64),
        0.5,
        (0.0, 1.0, 0.8),
        0.56,
        0.44,
    ),
    Room(
        "wallpaper",
        (0.74, 0.67, 0.58),
        (0.60, 0.50, 0.47),
        "stripes",
        (0.38, 0.29, 0.25),
        0.2,
        (-0.4, 0.8, 0.9),
        0.6,
        0.38,
    ),
)


def _bricks(x: Floats, y: Floats) -> Floats:
    row = np.floor(y / 0.17)
    across = (x / 0.42 + 0.5 * (row % 2)) % 1
    return np.asarray(((y / 0.17) % 1 < 0.14) | (across < 0.07), np.float64)


def _planks(x: Floats, y: Floats) -> Floats:
    seam = (x / 0.24) % 1 < 0.12
    tone = 0.35 * (np.sin(12.9898 * np.floor(x / 0.24)) % 1)
    return np.asarray(np.where(seam, 1, tone))


def _tiles(x: Floats, y: Floats) -> Floats:
    joints = ((x / 0.3) % 1 < 0.09) | ((y / 0.3) % 1 < 0.09)
    return np.asarray(np.where((y > 0.9) & (y < 1.2), 1.0, 0.55 * joints))


TEXTURES: Mapping[str, Texture] = {
    "plain": lambda x, y: np.zeros(np.broadcast(x, y).shape),
    "bricks": _bricks,
    "planks": _planks,
    "tiles": _tiles,
    "stripes": lambda x, y: np.asarray((x / 0.34) % 1 < 0.4, np.float64),
}


def tiling(room: Room, x: Floats, z: Floats) -> Floats:
    """How bright the floor is at places [...] in metres: joints of tiles or boards are darker."""
    if not room.tiled:
        return np.ones(x.shape)
    with np.errstate(invalid="ignore"):
        dark = ((x / room.tiled) % 1 < 0.1) | ((z / room.tiled) % 1 < 0.1 * (room.tiled > 0.3))
    return np.asarray(np.where(dark, 0.84, 1.0))
