"""Where on the head is what: masks over the points of the neutral mesh, made once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats, Ints
from vdsm.data.faces.shapes2d import Mask, bump, line_distance, smooth, smoothed, within
from vdsm.data.faces.source import FaceModel
from vdsm.data.faces.wrinkles import wrinkle_masks
from vdsm.data.render import vertex_normals

# Ranges of points as ICT-FaceKit's own table lists them.
MOUTH_SOCKET, EYE_SOCKETS = slice(11248, 13294), slice(13294, 14062)
SKULL = np.array([0.0, 4.6, 1.2])  # what hair is measured from
# Landmarks (after iBUG 68), outer to inner end for brows.
BROWS = ((17, 18, 19, 20, 21), (26, 25, 24, 23, 22))
EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))
OUTER_LIPS = tuple(range(48, 60))
NOSE_TIP, NOSTRILS = 30, (32, 34)
MOUTH_CORNERS, NOSE_WINGS = (48, 54), (31, 35)


@dataclass(frozen=True)
class Anatomy:
    """Masks [N] in 0 .. 1 over the points of a model, by name, and what hair and eyes need."""

    skin: Mask  # [N] outer skin of head and neck
    masks: Mapping[str, Floats]  # lips, brows, lids, beard, ...: each [N]
    wrinkles: Mapping[str, Floats]  # by the unit that folds the skin: each [N]
    azimuth: Floats  # [N] degrees from the front, around the skull, 0 .. 180
    elevation: Floats  # [N] degrees above the skull's middle
    gaze: Floats  # [N] degrees from the axis of the eye; nan where there is none
    normals: Floats  # [N, 3] of the neutral head
    cavity: Floats  # [N] how deep the surface lies below its surroundings

    def __getitem__(self, name: str) -> Floats:
        return self.masks[name]

    def at(self, points: Ints) -> "Anatomy":
        """The same of some points."""
        masks, wrinkles = (
            {name: mask[points] for name, mask in table.items()}
            for table in (self.masks, self.wrinkles)
        )
        columns = (self.azimuth, self.elevation, self.gaze, self.normals, self.cavity)
        return Anatomy(self.skin[points], masks, wrinkles, *(c[points] for c in columns))


def anatomy(model: FaceModel) -> Anatomy:
    """Find the regions of the neutral head."""
    points, corners = model.neutral, model.neutral[model.landmarks]
    skin = np.zeros(len(points), bool)
    skin[model.points_of("Face", "BackHead")] = True
    skin[MOUTH_SOCKET] = skin[EYE_SOCKETS] = False
    normals = vertex_normals(points, model.triangles)
    masks = {"inside": np.zeros(len(points))}
    masks["inside"][MOUTH_SOCKET] = 1
    masks |= _mouth(points, corners, skin) | _eyes(points, corners, skin)
    masks |= _cheeks(points, corners, skin) | _beard(points, corners, skin, masks["lips"])
    masks |= {"ears": (_ears(points) & skin).astype(np.float64)}
    for part in ("GumsTongue", "Teeth", "EyeLashes"):
        masks[part] = np.zeros(len(points))
        masks[part][model.points_of(part)] = 1
    azimuth, elevation = _around(points)
    wrinkles = {k: m * skin for k, m in wrinkle_masks(points, corners).items()}
    gaze, cavity = _gaze(model), _cavity(points, normals, model.triangles) * skin
    return Anatomy(skin, masks, wrinkles, azimuth, elevation, gaze, normals, cavity)


def _mouth(points: Floats, corners: Floats, skin: Mask) -> dict[str, Floats]:
    outline = corners[list(OUTER_LIPS)]
    front = points[:, 2] > corners[list(MOUTH_CORNERS), 2].min() - 0.2
    inner = within(points[:, :2], outline[:, :2]) & skin & front
    distance, _ = line_distance(points, np.concatenate([outline, outline[:1]]))
    edge = 0.6 * (1 - smooth(distance, 0, 0.22)) * skin * ~inner
    return {"lips": np.clip(inner + edge, 0, 1)}


def _eyes(points: Floats, corners: Floats, skin: Mask) -> dict[str, Floats]:
    zero = np.zeros(len(points))
    brows, lids, sockets, bags = zero.copy(), zero.copy(), zero.copy(), zero.copy()
    for brow, eye in zip(BROWS, EYES, strict=True):
        line = corners[list(brow)] + np.array([0, 0.12, 0])
        distance, place = line_distance(points, line)
        width = 0.28 + 0.26 * smooth(place, 0, 0.55)
        brows = np.maximum(brows, (1 - smooth(distance / width, 0.35, 1.25)) * skin)
        rim = corners[list(eye)]
        distance, _ = line_distance(points, np.concatenate([rim, rim[:1]]))
        lids = np.maximum(lids, (1 - smooth(distance, 0.05, 0.45)) * skin)
        socket = bump(points, rim.mean(0), np.array([1.9, 1.65, 3.2])) * skin
        sockets = np.maximum(sockets, socket)
        below = rim.mean(0) - np.array([0, 1.1, 0.2])
        bags = np.maximum(bags, bump(points, below, np.array([1.4, 0.5, 2.0])) * skin)
    brows *= points[:, 2] > 6
    return {"brows": brows, "lids": lids, "sockets": sockets, "bags": bags}


def _cheeks(points: Floats, corners: Floats, skin: Mask) -> dict[str, Floats]:
    nose = bump(points, corners[NOSE_TIP], 1.5) * skin
    wing, mouth = corners[list(NOSE_WINGS)], corners[list(MOUTH_CORNERS)]
    blush = np.zeros(len(points))
    for side in (-1, 1):
        centre = np.array([side * 1.85 * abs(mouth[0, 0]), wing[:, 1].mean() + 0.8, 8.6])
        blush += bump(points, centre, 2.2) * skin
    holes = [corners[i] + np.array([0.2 * np.sign(corners[i, 0]), 0.05, 0]) for i in NOSTRILS]
    nostrils = sum(bump(points, hole, np.array([0.38, 0.24, 0.45])) for hole in holes) * skin
    freckles = np.clip(blush + 0.8 * bump(points, corners[28], 1.6) * skin, 0, 1)
    parts = {"blush": blush, "nose": nose, "nostrils": np.asarray(np.clip(nostrils, 0, 1))}
    return parts | {"freckles": freckles}


def _beard(points: Floats, corners: Floats, skin: Mask, lips: Floats) -> dict[str, Floats]:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    nose, chin = corners[list(NOSE_WINGS), 1].mean(), corners[8, 1]
    edge = nose + np.interp(x, [0, 2.2, 4.2, 6.2, 7.4], [0.0, -0.5, -1.9, 0.2, 4.9])
    top = smooth(edge - y, 0, 0.7)
    bottom = 1 - smooth(chin - y + 0.45 * (z - 10), 0.0, 2.0)
    whole = top * bottom * smooth(z, 0.5, 2.5) * skin * (1 - lips)
    mouth = corners[list(MOUTH_CORNERS)]
    lip = np.abs(mouth[0, 0])
    upper = smooth(y - mouth[0, 1], -0.3, 0.2) * (1 - smooth(x, lip, lip + 0.6))
    below, beside = (1 - smooth(y - mouth[0, 1], *span) for span in ((-1.3, -0.5), (0, 1)))
    goatee = (1 - smooth(x, lip - 0.3, lip + 0.6)) * below
    sides = (1 - smooth(np.abs(x - lip - 0.35), 0.2, 0.7)) * beside
    return {
        "beard": whole,
        "moustache": whole * upper,
        "goatee": whole * np.clip(upper + goatee + sides, 0, 1),
    }


def _ears(points: Floats) -> Mask:
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    return np.asarray((x > 7.62) & (y > -2.2) & (y < 6.2) & (z < 4.4) & (z > -3.2))


def _around(points: Floats) -> tuple[Floats, Floats]:
    away = points - SKULL
    away /= np.sqrt((away**2).sum(1))[:, None]
    azimuth = np.rad2deg(np.arctan2(np.abs(away[:, 0]), away[:, 2]))
    return azimuth, np.rad2deg(np.arcsin(away[:, 1]))


def _gaze(model: FaceModel) -> Floats:
    """Degrees from the axis of the eye, which passes through the middle of the iris."""
    gaze = np.full(len(model.neutral), np.nan)
    for side in ("Left", "Right"):
        ball = model.points_of(f"Sclera{side}")
        points = model.neutral[ball]
        iris = model.neutral[model.points_of(f"Iris{side}")]
        low, high = points.min(0), points.max(0)
        centre = (low + high) / 2
        centre[2] = low[2] + (high[1] - low[1]) / 2
        axis = iris[iris[:, 2] > iris[:, 2].max() - 0.35].mean(0) - centre
        away = points - centre
        cosine = (away * axis).sum(1) / np.sqrt((away**2).sum(1) * (axis**2).sum())
        gaze[ball] = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    return gaze


def _cavity(points: Floats, normals: Floats, triangles: Ints) -> Floats:
    """How far the surroundings stand out, near and further away."""
    depths = [((smoothed(points, triangles, n) - points) * normals).sum(1) for n in (3, 12)]
    return np.asarray(np.clip(depths, -0.3, 0.3).sum(0))
