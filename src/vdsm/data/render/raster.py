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
    seen, box = _boxes(places, triangles, two_sided, size)
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


def _boxes(places: Floats, triangles: Ints, two_sided: Mask | bool, size: int) -> tuple[Ints, Ints]:
    """Triangles [K] that turn to the camera, lie before it and have a sample in their box.

    And the boxes [K, 4]: first column and row, number of columns and of rows.
    """
    x, y, depth = places.T.copy()
    a, b, c = triangles.T
    (ax, ay), (bx, by), (cx, cy) = ((x[corner], y[corner]) for corner in (a, b, c))
    with np.errstate(invalid="ignore"):
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        behind = depth <= NEAR
        shown = (area < 0) | ((area > 0) & two_sided)  # y points down
        if behind.any():
            shown &= ~(behind[a] | behind[b] | behind[c])
        left, top = (np.ceil(low - 0.5).clip(0, size) for low in _least((ax, bx, cx), (ay, by, cy)))
        right, bottom = (
            np.floor(-low - 0.5).clip(-1, size - 1)
            for low in _least((-ax, -bx, -cx), (-ay, -by, -cy))
        )
        kept = np.flatnonzero(shown & (right >= left) & (bottom >= top))
    left, top, right, bottom = left[kept], top[kept], right[kept], bottom[kept]
    box = np.stack([left, top, right - left + 1, bottom - top + 1], 1)
    return kept, box.astype(np.int64)


def _least(*triples: tuple[Floats, Floats, Floats]) -> list[Floats]:
    return [np.minimum(np.minimum(a, b), c) for a, b, c in triples]


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
    across, down, columns, rows = box.T
    count = columns * rows
    row = np.repeat(np.arange(len(box)), count)
    at = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    line, column = np.divmod(at, columns[row])
    line += down[row]
    column += across[row]
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = corners.transpose(1, 2, 0)
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    slopes = np.stack([y1 - y2, x2 - x1, y2 - y0, x0 - x2]) / area
    x, y = column + 0.5 - x2[row], line + 0.5 - y2[row]
    first = x * slopes[0][row] + y * slopes[1][row]
    second = x * slopes[2][row] + y * slopes[3][row]
    third = 1 - first - second
    keep = np.flatnonzero((first >= 0) & (second >= 0) & (third >= 0))
    row = row[keep]
    flat = np.stack([first[keep], second[keep], third[keep]])
    flat /= np.stack([z0, z1, z2])[:, row]  # linear in the picture is what is divided by depth
    closeness = flat[0] + flat[1] + flat[2]
    return line[keep] * size + column[keep], row, (flat / closeness).T, closeness
