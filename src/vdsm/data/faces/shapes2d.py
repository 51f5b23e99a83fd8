"""Small geometry: smooth steps, distances to lines, points within outlines, smoothed surfaces."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Ints

Mask = npt.NDArray[np.bool_]


def smooth(x: Floats | float, start: float, end: float) -> Floats:
    """0 before `start`, 1 after `end`, without a kink between; start may exceed end."""
    t = np.clip((np.asarray(x, np.float64) - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def bump(points: Floats, centre: Floats, radius: float | Floats) -> Floats:
    """[N] 1 at the centre [3], fading as a Gaussian; radius a number or one an axis."""
    return np.asarray(np.exp(-(((points - centre) / radius) ** 2).sum(1)))


def line_distance(points: Floats, line: Floats) -> tuple[Floats, Floats]:
    """[N] distance of points [N, D] to a polyline [L, D], and the place along it, 0 .. 1."""
    best, place = np.full(len(points), np.inf), np.zeros(len(points))
    for i, (start, end) in enumerate(pairwise(line)):
        along = end - start
        t = np.clip(((points - start) * along).sum(1) / (along**2).sum(), 0, 1)
        distance = np.sqrt(((points - start - t[:, None] * along) ** 2).sum(1))
        nearer = distance < best
        best[nearer], place[nearer] = distance[nearer], (i + t[nearer]) / (len(line) - 1)
    return best, place


def within(points: Floats, outline: Floats) -> Mask:
    """[N] whether points [N, 2] lie within a closed outline [L, 2]: crossings of a ray."""
    x, y = points.T
    inside = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, 0), strict=True):
        if ay == by:
            continue
        crosses = (ay > y) != (by > y)
        inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside


def smoothed(values: Floats, triangles: Ints, rounds: int) -> Floats:
    """Values [N, C] after some rounds of taking the mean of the neighbours in the mesh."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ends = np.concatenate([edges, edges[:, ::-1]]).T
    degree = np.maximum(np.bincount(ends[0], minlength=len(values)), 1)
    for _ in range(rounds):
        sums = [np.bincount(ends[0], column[ends[1]], len(values)) for column in values.T]
        values = np.stack(sums, 1) / degree[:, None]
    return values
