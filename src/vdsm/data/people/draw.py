"""Frames of a figure that performs in a room before a camera."""

import numpy as np
from scipy.ndimage import gaussian_filter

from vdsm.data.clips import Floats, Frames
from vdsm.data.people.figure import Figure
from vdsm.data.people.regions import Regions
from vdsm.data.people.rooms import Room
from vdsm.data.people.scene import Stage, View, stage
from vdsm.data.render import Camera, rasterize
from vdsm.data.render.draw import averaged, blend, to_bytes, towards

SAMPLES = 2  # a side of a pixel
SHADOW = 0.5  # how much darker the floor is in it
SOFT = 0.012  # of the picture: how far its edge reaches


def draw_clip(figure: Figure, poses: Floats, room: Room, view: View, size: int) -> Frames:
    """uint8 [T, size, size, 3] of poses [T, bones, 3, 4]."""
    camera = view.camera
    scene = stage(room, camera, size * SAMPLES)
    return np.stack([draw(figure, *figure.posed(pose), scene, camera, size) for pose in poses])


def draw(
    figure: Figure, points: Floats, normals: Floats, scene: Stage, camera: Camera, size: int
) -> Frames:
    """uint8 [size, size, 3] of a figure: points [n, 3] and unit normals [n, 3] of its vertices."""
    side = size * SAMPLES
    hits = rasterize(camera.project(points, side), figure.triangles, side, figure.two_sided)
    shade = _shadow(points, scene, camera, side)
    picture = (scene.picture * (1 - SHADOW * shade)[..., None]).reshape(-1, 3)
    corners = figure.triangles[hits.triangle]
    facing = towards(blend(normals, corners, hits.weights), camera.axes[2])
    at = Regions(blend(figure.regions.values, corners, hits.weights))
    colour, gloss, scatter = figure.paint(hits.triangle, at)
    picture[hits.sample] = scene.lights.shade(colour, facing, gloss, scatter, camera.axes[2])
    return to_bytes(averaged(picture.reshape(side, side, 3), SAMPLES))


def _shadow(points: Floats, scene: Stage, camera: Camera, side: int) -> Floats:
    """[side, side] how dark the floor is: where the light's rays through points meet it."""
    x, y, z = scene.lights.lights[0].towards
    steep = max(y, 0.8) + 0.6
    points = points[::2]  # they lie close together
    flat = points - points[:, 1:2] / steep * np.array([x, steep, z])
    place = camera.project(flat, side)[:, :2].astype(np.int64)
    inside = ((place >= 0) & (place < side)).all(1)
    dark = np.zeros((side, side))
    dark[place[inside, 1], place[inside, 0]] = 1
    return np.asarray(np.clip(1.3 * gaussian_filter(dark, SOFT * side), 0, 1) * scene.floor)
