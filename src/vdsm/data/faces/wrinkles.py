"""Where the skin folds when a unit acts: soft lines on the neutral face."""

from collections.abc import Mapping, Sequence

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.faces.shapes2d import line_distance, smooth

# How strongly each unit deepens which folds.
FOLDS: Mapping[str, Mapping[str, float]] = {
    "forehead": {"browInnerUp": 1.0},
    "temples": {"browOuterUp": 1.0},
    "frown": {"browDown": 1.0},
    "bridge": {"noseSneer": 0.9},
    "smile": {"mouthSmile": 0.8, "noseSneer": 0.7, "mouthUpperUp": 0.5, "mouthStretch": 0.4},
    "crow": {"cheekSquint": 0.9, "eyeSquint": 0.3},
    "bags": {"cheekSquint": 0.5, "eyeSquint": 0.5},
    "mouth": {"mouthFrown": 0.8, "mouthStretch": 0.3},
    "chin": {"mouthShrugLower": 0.7},
}


def wrinkle_masks(points: Floats, corners: Floats) -> dict[str, Floats]:
    """[N] each, by the names of FOLDS. Positive: in the shade of a fold; negative: on its ridge.

    points [N, 3]; corners [68, 3], the landmarks.
    """
    lines = _lines(corners)
    front = smooth(points[:, 2], 4.5, 6.5)
    return {name: _folds(points, lines[name]) * front for name in FOLDS}


def _folds(points: Floats, lines: Sequence[tuple[Floats, float]]) -> Floats:
    """Lines in the front view, each with its half width; ridges below and above are lighter."""
    total = np.zeros(len(points))
    for line, width in lines:
        distance, place = line_distance(points[:, :2], line)
        ends = smooth(place, 0, 0.18) * (1 - smooth(place, 0.82, 1))
        t = distance / width
        total += (np.exp(-(t**2)) - 0.18 * np.exp(-((t - 2.1) ** 2))) * ends
    return total


def _lines(corners: Floats) -> dict[str, list[tuple[Floats, float]]]:
    """Polylines [L, 2] in the front view, on both sides, with half widths."""
    c = corners[:, :2]
    right: dict[str, list[tuple[Floats, float]]] = {name: [] for name in FOLDS}
    inner, middle, outer = c[22], c[24], c[26]
    for step in (1.0, 1.9, 2.8):
        across = [(-inner[0] * 2.4, 0.1), (0, -0.15), (inner[0] * 2.4, 0.1)]
        right["forehead"].append((np.array([0, inner[1] + step]) + np.array(across), 0.2))
        ends = np.stack([middle, (middle + outer) / 2])
        side = ends + np.array([(-0.4, step), (0, step * 0.95)])
        right["temples"].append((side, 0.2))
    near = abs(inner[0]) * 0.45
    right["frown"].append((np.array([[near, inner[1] + 1.2], [near * 1.1, inner[1] - 0.9]]), 0.22))
    root = c[27]
    for step in (0.25, -0.25, -0.75):
        right["bridge"].append(
            (root + np.array([(-0.9, step + 0.15), (0, step), (0.9, step + 0.15)]), 0.17)
        )
    slope = np.array([(0.75, -0.1), (1.25, -0.9), (1.6, -1.5)])
    lower = slope - np.array([0.3, 0.5])
    right["bridge"] += [(root + slope, 0.17), (root + lower, 0.17)]
    wing, mouth = c[35], c[54]
    along = np.array([(0.35, 0.5), (1.1, -0.4), (1.0, 0.55), (1.05, -0.6)])
    right["smile"].append((np.stack([wing, wing, mouth, mouth]) + along, 0.3))
    corner = c[45]
    for rise in (0.7, 0.1, -0.5):
        ray = corner + np.array([(0.35, rise * 0.4), (1.7, rise * 1.4)])
        right["crow"].append((ray, 0.16))
    under = (c[42] + c[45]) / 2
    right["bags"].append((under + np.array([(-1.3, -0.6), (0, -1.0), (1.3, -0.7)]), 0.2))
    right["mouth"].append((mouth + np.array([(0.25, 0.1), (0.7, -0.8), (0.65, -1.6)]), 0.26))
    dent = c[57] + np.array([(-1.1, -0.85), (0, -0.6), (1.1, -0.85)])
    right["chin"].append((dent, 0.25))
    paired = ("temples", "frown", "smile", "crow", "bags", "mouth")
    mirror = np.array([-1, 1])
    for name in paired:
        right[name] += [(line * mirror, width) for line, width in list(right[name])]
    right["bridge"] += [(line * mirror, width) for line, width in right["bridge"][3:5]]
    return right
