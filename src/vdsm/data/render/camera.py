"""A pinhole camera: world points to places in the picture and depths."""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats


@dataclass(frozen=True)
class Camera:
    """Where it stands, which way it looks, how far it zooms; y points up, the camera sees -z."""

    eye: Floats  # [3] world
    axes: Floats  # [3, 3] rows: right, up, back, orthonormal, in world coordinates
    focal: float  # what lies 1 away appears this large, in sides of the picture
    centre: tuple[float, float] = (0.5, 0.5)  # where the axis meets the picture, in sides

    def project(self, points: Floats, size: int) -> Floats:
        """World points [N, 3] to [N, 3]: x right and y down in pixels, and depth.

        Depth is the distance along the axis, positive before the camera.
        """
        right, up, back = self._turned(points - self.eye)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = size * (self.centre[0] - self.focal * right / back)
            y = size * (self.centre[1] + self.focal * up / back)
        return np.stack([x, y, -back], 1)

    def _turned(self, offset: Floats) -> Floats:
        """[3, N] along the axes; a plain sum, as a BLAS may round otherwise with more threads."""
        x, y, z = offset.T
        return np.stack([x * a + y * b + z * c for a, b, c in self.axes])


def look_at(
    eye: tuple[float, float, float],
    target: tuple[float, float, float],
    focal: float,
    centre: tuple[float, float] = (0.5, 0.5),
) -> Camera:
    """A camera at `eye` that has `target` at `centre`, the world's y upwards."""
    place = np.asarray(eye, np.float64)
    back = place - np.asarray(target, np.float64)
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 1.0, 0.0], back)
    assert np.linalg.norm(right) > 1e-9, "a camera cannot look straight up or down"
    right /= np.linalg.norm(right)
    return Camera(place, np.stack([right, np.cross(back, right), back]), focal, centre)
