"""A z-buffer: which triangle is nearest at every sample of the picture, and where in it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats, Ints
from vdsm.data.render.mesh import Mask

AT_ONCE = 2**20  # samples in the boxes of the triangles that are tried together
NEAR = 1e-6  # depth below which a point is not before the camera


@dataclass(frozen=True)
class Hits:
    """The P samples of a picture that show a triangle."""

    sample: Ints  # [P] index into the picture's rows laid end to end
    triangle: Ints  # [P]
    weights: Floats  # [P, 3] of the triangle's corners, in the world: perspective is undone


def rasterize(places: Floats, triangles: Ints, size: int, two_sided: Mask | bool = False) -> Hits:
    """What is seen at the size x size samples, whose centres lie at half pixels.

    places [N, 3]: x right and y down in samples, depth, as `Camera.project` gives them. A triangle
    covers the samples within it and on its edges. One with a corner behind the camera is left out,
    and so is one seen from behind unless it is two_sided [M]. Of equally near ones the last wins.
    """
    seen = _facing(places, triangles, two_sided)
    seen, box = _boxes(places, triangles, seen, size)
    nearest = np.zeros(size * size)
    which = np.full(size * size, -1)
    inside = np.empty((size * size, 3))
    for part in _parts(box):
        sample, row, weights, closeness = _cover(places[triangles[seen[part]]], box[part], size)
        np.maximum.at(nearest, sample, closeness)
        wins = closeness == nearest[sample]
        which[sample[wins]] = seen[part][row[wins]]
        inside[sample[wins]] = weights[wins]
    shown = np.flatnonzero(which >= 0)
    return Hits(shown, which[shown], inside[shown])


def _facing(places: Floats, triangles: Ints, two_sided: Mask | bool) -> Ints:
    """Indices of the triangles that turn to the camera and lie before it."""
    x, y, depth = (column[triangles.T] for column in places.T)
    with np.errstate(invalid="ignore"):
        area = (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0])
        front = (area < 0) | ((area > 0) & two_sided)  # y points down
        return np.flatnonzero(front & (depth.min(0) > NEAR))


def _boxes(places: Floats, triangles: Ints, seen: Ints, size: int) -> tuple[Ints, Ints]:
    """Triangles whose box holds a sample, and their boxes [K, 4]: first x, y, columns, rows."""
    corners = places[triangles[seen].T, :2]  # [3, K, 2]
    low = np.clip(np.ceil(corners.min(0) - 0.5), 0, size).astype(np.int64)
    high = np.clip(np.floor(corners.max(0) - 0.5), -1, size - 1).astype(np.int64)
    holds = (high >= low).all(1)
    return seen[holds], np.concatenate([low, high - low + 1], 1)[holds]


def _parts(box: Ints) -> Iterator[slice]:
    """Runs of triangles with about AT_ONCE samples in their boxes, in order."""
    total = np.cumsum(box[:, 2] * box[:, 3])
    start = 0
    while start < len(box):
        before = total[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + AT_ONCE, "right")))
        yield slice(start, end)
        start = end


def _cover(corners: Floats, box: Ints, size: int) -> tuple[Ints, Ints, Floats, Floats]:
    """The samples that triangles cover: sample [P], row of the triangle, weights, 1 / depth.

    corners [K, 3, 3], box [K, 4].
    """
    count = box[:, 2] * box[:, 3]
    row = np.repeat(np.arange(len(box)), count)
    at = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    down, across = np.divmod(at, box[row, 2])
    column, line = box[row, 0] + across, box[row, 1] + down
    x0, x1, x2 = corners[:, :, 0].T
    y0, y1, y2 = corners[:, :, 1].T
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    x, y = column + 0.5 - x2[row], line + 0.5 - y2[row]
    first = (x * ((y1 - y2) / area)[row]) + (y * ((x2 - x1) / area)[row])
    second = (x * ((y2 - y0) / area)[row]) + (y * ((x0 - x2) / area)[row])
    third = 1 - first - second
    keep = np.flatnonzero((first >= 0) & (second >= 0) & (third >= 0))
    flat = np.stack([first[keep], second[keep], third[keep]], 1)
    row = row[keep]
    flat /= corners[row, :, 2]  # linear in the picture is what is divided by depth
    closeness = flat[:, 0] + flat[:, 1] + flat[:, 2]
    return line[keep] * size + column[keep], row, flat / closeness[:, None], closeness
