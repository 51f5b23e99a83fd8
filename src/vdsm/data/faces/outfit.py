"""What a person wears: clothes around the neck, glasses."""

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.faces.anatomy import EYES, Anatomy
from vdsm.data.faces.look import Look
from vdsm.data.faces.shapes2d import smooth
from vdsm.data.render import Mesh, grid

AROUND, DOWN = 120, 16  # points of the cloth
NECK = np.array([0.0, 0.0, -1.0])  # the axis that clothes go around: x, -, z
LOWEST = -20.0  # below every picture
SHOULDER, WIDER = -12.5, 1.3


def covered(neutral: Floats, look: Look) -> Floats:
    """[N] how far clothes hide points of the head: 1 below the neckline, but for its very edge."""
    angle = np.arctan2(neutral[:, 0] - NECK[0], neutral[:, 2] - NECK[2])
    return smooth(_neckline(angle, look) - neutral[:, 1], 0.5, 1.2)


def clothes(where: Anatomy, neutral: Floats, look: Look) -> list[Mesh]:
    """The shirt over a person's neutral head [N, 3], from the collar downwards."""
    trunk = neutral[where.skin & (neutral[:, 1] < -6)]
    angle = np.linspace(-np.pi, np.pi, AROUND)
    top = _neckline(angle, look)
    share = np.linspace(0, 1, DOWN)[None]
    height = top[:, None] * (1 - share) + LOWEST * share
    radius = _radius(trunk, angle, height)
    loose = 0.30 + 0.25 * smooth(share, 0, 0.3)
    below = np.clip(SHOULDER - height, 0, None)  # the model's shoulders end here, a person's do not
    loose = loose + WIDER * below * np.sin(angle[:, None]) ** 2
    sheet = _around(angle[:, None], height, radius + loose)
    inward = _around(angle, top + 0.05, radius[:, 0] - 0.4)[:, None]
    points = np.concatenate([inward, sheet], 1)
    colour = np.tile(look.cloth, (AROUND, DOWN + 1, 1))
    colour[:, :2] = look.trim
    weave = np.random.default_rng([look.grain, 4]).normal(1, 0.02, (AROUND, DOWN + 1, 1))
    flat = (colour * weave).reshape(-1, 3)
    shirt = Mesh(points.reshape(-1, 3), grid(AROUND, DOWN + 1), flat, gloss=0.02, two_sided=True)
    return [shirt, _collar(angle, top, radius[:, 0], look)] if look.collar == "shirt" else [shirt]


def _neckline(angle: Floats, look: Look) -> Floats:
    """Height of the cloth's upper edge around the neck; angle 0 is the front."""
    front = np.abs(angle)
    back = -9.2 - 1.2 * np.cos(angle)
    if look.collar == "high":
        return -8.6 - 1.2 * np.cos(angle)
    if look.collar == "vee":
        return back - 1.2 - 4.0 * np.clip(1 - front / 0.75, 0, None)
    if look.collar == "shirt":
        return back - 2.6 * np.clip(1 - front / 0.45, 0, None)
    return back - 1.3 * np.exp(-((front / 0.8) ** 2))


def _radius(trunk: Floats, angle: Floats, height: Floats) -> Floats:
    """Distance of the trunk's surface from the axis at angles [A] and heights [A, H]."""
    x, z = trunk[:, 0] - NECK[0], trunk[:, 2] - NECK[2]
    at, far = np.arctan2(x, z), np.sqrt(x**2 + z**2)
    apart = angle[:, None] - at[None]
    turn = np.minimum(np.abs(apart), 2 * np.pi - np.abs(apart))
    near = np.exp(-((turn / 0.16) ** 2))  # [A, trunk]
    radius = np.empty(height.shape)
    for k in range(height.shape[1]):
        close = near * np.exp(-(((height[:, k, None] - trunk[None, :, 1]) / 0.7) ** 2)) + 1e-12
        radius[:, k] = (close * far).sum(1) / close.sum(1)
    return np.maximum.accumulate(radius, axis=1)


def _around(angle: Floats, height: Floats, radius: Floats) -> Floats:
    parts = NECK[0] + radius * np.sin(angle), height, NECK[2] + radius * np.cos(angle)
    return np.stack(np.broadcast_arrays(*parts), -1)


def _collar(angle: Floats, top: Floats, radius: Floats, look: Look) -> Mesh:
    """The folded collar of a shirt, open at the front."""
    folded = []
    for out, down in ((0.25, -0.1), (0.75, -0.55), (1.1, 0.6), (1.35, 2.2)):
        points = _around(angle, top - down, radius + out)
        folded.append(points)
    sheet = np.stack(folded, 1)
    front = np.abs(angle) < 0.16
    keep = np.flatnonzero(~front)
    colour = np.tile(look.cloth * 1.06, (len(keep), 4, 1))
    colour[:, -1] = look.cloth * 0.8
    part = sheet[keep]
    # Angles run from the back around the front, so the gap splits the rows in two.
    half = int((angle[keep] < 0).sum())
    left, right = grid(half, 4), grid(len(keep) - half, 4) + half * 4
    return Mesh(
        part.reshape(-1, 3),
        np.concatenate([left, right]),
        colour.reshape(-1, 3),
        gloss=0.02,
        two_sided=True,
    )


def glasses(neutral: Floats, corners: Floats, look: Look) -> list[Mesh]:
    """Rims, bridge and temples before the eyes; corners [68, 3] are the person's landmarks."""
    if look.glasses is None:
        return []
    kind = look.glasses
    centres = np.stack([corners[list(eye)].mean(0) for eye in EYES])
    depth = corners[[19, 24, 27], 2].max() + 0.35
    rims, inner, outer = [], [], []
    turn = np.linspace(0, 2 * np.pi, 41)
    for side, centre in zip((-1, 1), centres, strict=True):
        middle = np.array([centre[0] * 1.05, centre[1] - 0.15, depth])
        line = _outline(turn, kind.wide, kind.high, kind.corner)
        bend = 0.06 * (line[:, 0] * side) ** 2 * (line[:, 0] * side > 0)
        path = middle + np.stack([line[:, 0], line[:, 1], -bend], 1)
        rims.append(_tube(path, kind.thick, kind.colour))
        inner.append(middle + np.array([-side * kind.wide, 0.35, 0]))
        outer.append(middle + np.array([side * kind.wide, 0.45, -0.06 * kind.wide**2]))
    bow = (inner[0] + inner[1]) / 2 + np.array([0, 0.25, 0.3])
    parts = [*rims, _tube(np.stack([inner[0], bow, inner[1]]), kind.thick, kind.colour)]
    for side, hinge in zip((-1, 1), outer, strict=True):
        wide = np.abs(neutral[:, 0]).max()
        ear = np.array([side * min(wide, 8.6), hinge[1] + 0.2, 0.5])
        outward = np.array([side * max(abs(hinge[0]) + 0.4, 7.9), hinge[1] + 0.1, hinge[2] - 2.0])
        parts.append(_tube(np.stack([hinge, outward, ear]), kind.thick * 0.9, kind.colour))
    return parts


def _outline(turn: Floats, wide: float, high: float, corner: float) -> Floats:
    """[L, 2] of a superellipse."""
    c, s = np.cos(turn), np.sin(turn)
    x = np.sign(c) * np.abs(c) ** (2 / corner)
    y = np.sign(s) * np.abs(s) ** (2 / corner)
    return np.stack([wide * x, high * y], 1)


def _tube(path: Floats, radius: float, colour: Floats) -> Mesh:
    """A square tube along a path [L, 3]."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.sqrt((along**2).sum(1)), 1e-12)[:, None]
    aside = np.cross(along, [0.0, 0.0, 1.0])
    weak = np.sqrt((aside**2).sum(1)) < 0.3
    aside[weak] = np.cross(along[weak], [0.0, 1.0, 0.0])
    aside /= np.sqrt((aside**2).sum(1))[:, None]
    up = np.cross(aside, along)
    corners = [(1, 1), (1, -1), (-1, -1), (-1, 1), (1, 1)]
    ring = np.stack([path + radius * (a * aside + b * up) for a, b in corners], 1)
    points = ring.reshape(-1, 3)
    colours = np.tile(colour, (len(points), 1))
    return Mesh(points, grid(len(path), 5), colours, gloss=0.3, two_sided=True)
