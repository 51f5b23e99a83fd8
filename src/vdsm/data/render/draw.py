"""From a scene to a picture: rasterize, shade what is seen, average the samples of each pixel."""

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Frames, Ints
from vdsm.data.render.camera import Camera
from vdsm.data.render.light import Lights
from vdsm.data.render.mesh import Mesh
from vdsm.data.render.raster import rasterize


def draw(
    mesh: Mesh, camera: Camera, lights: Lights, background: Floats, size: int, samples: int = 3
) -> Frames:
    """uint8 [size, size, 3]; samples x samples of them make a pixel.

    background: [3] a colour, or [H, W, 3] a picture whose sides are multiples or divisors of
    size x samples, such as `plain` gives; 0 .. 1.
    """
    side = size * samples
    mesh = mesh.filled()
    places = camera.project(mesh.points, side)
    hits = rasterize(places, mesh.triangles, side, mesh.two_sided)
    picture = _stretched(background, side).reshape(-1, 3).copy()
    corners = mesh.triangles[hits.triangle]
    assert mesh.normals is not None
    rest = np.stack([mesh.gloss, mesh.scatter], 1)
    values = np.concatenate([mesh.normals, mesh.colour, rest], 1)
    seen = blend(values, corners, hits.weights)
    view = camera.axes[2]
    normals = towards(seen[:, :3], view)
    picture[hits.sample] = lights.shade(seen[:, 3:6], normals, seen[:, 6], seen[:, 7], view)
    return to_bytes(averaged(picture.reshape(side, side, 3), samples))


def towards(normals: Floats, view: Floats) -> Floats:
    """Normals [P, 3] of unit length, turned to the camera: of two-sided triangles from behind."""
    x, y, z = normals.T
    length = np.maximum(np.sqrt(x * x + y * y + z * z), 1e-300)
    behind = x * view[0] + y * view[1] + z * view[2] < 0
    return np.asarray(normals / np.where(behind, -length, length)[:, None])


def plain(size: int, top: tuple[float, float, float], bottom: tuple[float, float, float]) -> Floats:
    """A background [size, size, 3] that passes from one colour to the other, downwards."""
    share = (np.arange(size) + 0.5)[:, None, None] / size
    column = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
    return np.broadcast_to(column, (size, size, 3))


def to_bytes(picture: Floats) -> npt.NDArray[np.uint8]:
    """Display values 0 .. 1 to uint8, what lies outside cut off."""
    return np.asarray(np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def averaged(picture: Floats, samples: int) -> Floats:
    """Means of blocks of samples x samples."""
    rows = np.add.reduce([picture[k::samples] for k in range(samples)])
    return np.asarray(np.add.reduce([rows[:, k::samples] for k in range(samples)]) / samples**2)


def blend(values: Floats, corners: Ints, weights: Floats) -> Floats:
    """[P, C] of values [N, C] at the corners [P, 3], weighed."""
    total = values[corners[:, 0]] * weights[:, :1]
    total += values[corners[:, 1]] * weights[:, 1:2]
    total += values[corners[:, 2]] * weights[:, 2:]
    return total


def _stretched(background: Floats, side: int) -> Floats:
    """[side, side, 3] of a colour or of a picture of another size, by nearest samples."""
    if background.ndim == 1:
        return np.broadcast_to(background, (side, side, 3))
    rows = (np.arange(side) * background.shape[0]) // side
    columns = (np.arange(side) * background.shape[1]) // side
    return np.asarray(background[rows][:, columns])
