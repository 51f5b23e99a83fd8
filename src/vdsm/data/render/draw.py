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
    normals = _blend(mesh.normals, corners, hits.weights)
    view = camera.axes[2]
    length = np.sqrt((normals**2).sum(1))
    behind = normals[:, 0] * view[0] + normals[:, 1] * view[1] + normals[:, 2] * view[2] < 0
    normals /= (np.maximum(length, 1e-300) * np.where(behind, -1, 1))[:, None]
    colour = _blend(mesh.colour, corners, hits.weights)
    gloss, scatter = (
        _blend(np.asarray(of)[:, None], corners, hits.weights)[:, 0]
        for of in (mesh.gloss, mesh.scatter)
    )
    picture[hits.sample] = lights.shade(colour, normals, gloss, scatter, view)
    pixels = picture.reshape(size, samples, size, samples, 3).mean((1, 3))
    return to_bytes(pixels)


def plain(size: int, top: tuple[float, float, float], bottom: tuple[float, float, float]) -> Floats:
    """A background [size, size, 3] that passes from one colour to the other, downwards."""
    share = (np.arange(size) + 0.5)[:, None, None] / size
    column = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
    return np.broadcast_to(column, (size, size, 3))


def to_bytes(picture: Floats) -> npt.NDArray[np.uint8]:
    """Display values 0 .. 1 to uint8, what lies outside cut off."""
    return np.asarray(np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _blend(values: Floats, corners: Ints, weights: Floats) -> Floats:
    """[P, C] of values [N, C] at the corners [P, 3], weighed."""
    first, second, third = values[corners.T]
    a, b, c = weights.T[:, :, None]
    return np.asarray(first * a + second * b + third * c)


def _stretched(background: Floats, side: int) -> Floats:
    """[side, side, 3] of a colour or of a picture of another size, by nearest samples."""
    if background.ndim == 1:
        return np.broadcast_to(background, (side, side, 3))
    rows = (np.arange(side) * background.shape[0]) // side
    columns = (np.arange(side) * background.shape[1]) // side
    return np.asarray(background[rows][:, columns])
