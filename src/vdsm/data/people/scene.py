"""What surrounds people: rooms with their light, and the camera. Both belong to the clip."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.person import Colour
from vdsm.data.render import Camera, Light, Lights, look_at

WALL = -1.5  # metres: where the wall stands behind the people
VIEW = 2.62  # metres that the picture spans where people stand
MIDDLE = 1.12  # metres above the ground: the middle of the picture

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


@dataclass(frozen=True)
class View:
    """How a clip's camera stands; all at rest while the clip lasts."""

    yaw: float  # rad, to the right of the people's front
    height: float  # metres
    distance: float  # metres
    roll: float  # rad
    zoom: float  # 1: `VIEW`
    shift: float  # metres that people stand to the left of the middle

    @property
    def camera(self) -> Camera:
        eye = (self.distance * np.sin(self.yaw), self.height, self.distance * np.cos(self.yaw))
        aim = (self.shift * np.cos(self.yaw), MIDDLE, -self.shift * np.sin(self.yaw))
        far = float(np.hypot(self.distance, self.height - MIDDLE))
        camera = look_at(eye, aim, self.zoom * far / VIEW)
        right, up, back = camera.axes
        c, s = np.cos(self.roll), np.sin(self.roll)
        return replace(camera, axes=np.stack([c * right + s * up, c * up - s * right, back]))


def view_of(random: np.random.Generator) -> View:
    return View(
        yaw=float(np.deg2rad(random.uniform(-9, 9))),
        height=float(random.uniform(1.05, 1.55)),
        distance=float(random.uniform(6, 8)),
        roll=float(np.deg2rad(random.uniform(-1.2, 1.2))),
        zoom=float(random.uniform(0.96, 1.03)),
        shift=float(random.uniform(-0.08, 0.08)),
    )


@dataclass(frozen=True)
class Stage:
    """A room as a camera sees it, without people."""

    picture: Floats  # [side, side, 3]
    floor: Floats  # [side, side] 1 where the floor is seen
    lights: Lights


def stage(room: Room, camera: Camera, side: int) -> Stage:
    """The room's wall and floor, found by the ray through each sample."""
    at = (np.arange(side) + 0.5) / side
    u, v = (
        (at[None, :] - camera.centre[0]) / camera.focal,
        (camera.centre[1] - at[:, None]) / camera.focal,
    )
    right, up, back = camera.axes
    ray = [u * right[i] + v * up[i] - back[i] for i in range(3)]
    to_wall = (WALL - camera.eye[2]) / ray[2]
    x, y = camera.eye[0] + to_wall * ray[0], camera.eye[1] + to_wall * ray[1]
    share = TEXTURES[room.texture](x, y)[..., None]
    light = (0.86 + 0.1 * np.clip(y, 0, 3) / 3)[..., None]
    wall = (np.asarray(room.wall) * (1 - share) + np.asarray(room.second) * share) * light
    down = np.where(ray[1] < 0, -camera.eye[1] / np.where(ray[1] < 0, ray[1], -1), np.inf)
    with np.errstate(invalid="ignore"):
        on_x, on_z = camera.eye[0] + down * ray[0], camera.eye[2] + down * ray[2]
    ground = np.asarray(room.floor) * _tiling(room, on_x, on_z)[..., None]
    floor = y < 0
    skirting = (y >= 0) & (y < 0.07)
    picture = np.where(floor[..., None], ground, np.where(skirting[..., None], 0.8 * wall, wall))
    lights = Lights(
        (Light(room.light, room.strength, wrap=0.3), Light((-room.light[0], 0.3, -0.6), 0.12)),
        ambient=room.ambient,
        sky=0.12,
    )
    return Stage(picture, floor.astype(np.float64), lights)


def _tiling(room: Room, x: Floats, z: Floats) -> Floats:
    if not room.tiled:
        return np.ones(x.shape)
    with np.errstate(invalid="ignore"):
        dark = ((x / room.tiled) % 1 < 0.1) | ((z / room.tiled) % 1 < 0.1 * (room.tiled > 0.3))
    return np.asarray(np.where(dark, 0.84, 1.0))
