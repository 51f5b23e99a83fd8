"""What surrounds people: rooms with their light, and the camera. Both belong to the clip."""

from dataclasses import dataclass, replace

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.rooms import TEXTURES, Room, tiling
from vdsm.data.render import Camera, Light, Lights, look_at

WALL = -1.5  # metres: where the wall stands behind the people
VIEW = 2.62  # metres that the picture spans where people stand
MIDDLE = 1.12  # metres above the ground: the middle of the picture


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
    ground = np.asarray(room.floor) * tiling(room, on_x, on_z)[..., None]
    floor = y < 0
    skirting = (y >= 0) & (y < 0.07)
    picture = np.where(floor[..., None], ground, np.where(skirting[..., None], 0.8 * wall, wall))
    lights = Lights(
        (Light(room.light, room.strength, wrap=0.3), Light((-room.light[0], 0.3, -0.6), 0.12)),
        ambient=room.ambient,
        sky=0.12,
    )
    return Stage(picture, floor.astype(np.float64), lights)
