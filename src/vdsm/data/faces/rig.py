"""The part of the face model that a camera before it can see, ready to be posed fast."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from vdsm.data.clips import Floats, Ints
from vdsm.data.faces.anatomy import EYE_SOCKETS, EYES, Anatomy, anatomy
from vdsm.data.faces.shapes2d import Mask
from vdsm.data.faces.source import PARTS, FaceModel
from vdsm.data.faces.units import EXPRESSIONS, SHAPES
from vdsm.data.render import look_at, rasterize

AWAY = -0.35  # normals whose z is less face away in every pose
EXTREME = 1.3  # times the usual weights: more than anybody does
TURNS = (-15.0, 0.0, 15.0)  # degrees from which it is looked at
FINE = 384  # samples a side of the pictures in which parts are looked for
STILL = 1e-4  # centimetres that do not count as moving


@dataclass(frozen=True)
class Rig:
    """N points of the face model that can be seen."""

    neutral: Floats  # [N, 3]
    triangles: Ints  # [M, 3]
    two_sided: Mask  # [M]
    landmarks: Ints  # [68]
    modes: npt.NDArray[np.float32]  # [K, N, 3]
    shapes: csr_array  # [3 N, len(SHAPES)] offsets at weight 1
    where: Anatomy

    def somebody(self, weights: Floats) -> Floats:
        """The neutral head [N, 3] of weights [K] of the modes."""
        points = self.neutral.copy()
        for weight, mode in zip(weights, self.modes, strict=True):
            points += weight * mode
        return points

    def moved(self, neutral: Floats, pose: Mapping[str, float]) -> Floats:
        """Points [N, 3] of a neutral head in a pose, the weights of SHAPES."""
        weights = np.array([pose[name] for name in SHAPES])
        return np.asarray(neutral + (self.shapes @ weights).reshape(-1, 3))


def rig_of(model: FaceModel) -> Rig:
    """Leave out what no camera before the face can see; about a second."""
    whole = anatomy(model)
    triangles, two_sided = _drawn(model, whole.normals)
    kept = np.union1d(np.unique(triangles), model.landmarks)
    number = np.full(len(model.neutral), -1)
    number[kept] = np.arange(len(kept))
    shapes = model.shapes[:, kept].astype(np.float64).reshape(len(SHAPES), -1)
    shapes[np.abs(shapes) < STILL] = 0
    return Rig(
        model.neutral[kept],
        number[triangles],
        two_sided,
        number[model.landmarks],
        model.modes[:, kept].astype(np.float32),
        csr_array(shapes.T),
        whole.at(kept),
    )


def _drawn(model: FaceModel, normals: Floats) -> tuple[Ints, Mask]:
    """Triangles [M, 3] that are seen in some pose; skin and the mouth's inside leave no hole."""
    lashes = model.part == PARTS.index("EyeLashes")
    hidden = np.isin(model.part, [-1, PARTS.index("IrisLeft"), PARTS.index("IrisRight")])
    eye = model.neutral[model.landmarks[list(EYES[0] + EYES[1])], 1].mean()
    lower = lashes & (model.neutral[model.triangles, 1].min(1) < eye - 0.1)
    away = (normals[model.triangles, 2] < AWAY).all(1) & ~lashes
    turned = ~hidden & ~lower & ~away
    triangles, two_sided = model.triangles[turned], lashes[turned]
    skin = (triangles < EYE_SOCKETS.start).all(1)
    keep = skin | _seen(model, triangles, two_sided)
    return triangles[keep], two_sided[keep]


def _seen(model: FaceModel, triangles: Ints, two_sided: Mask) -> Mask:
    """[M] whether it, or a neighbour, is seen at the apex of an expression, mouth open or shut."""
    seen = np.zeros(len(model.neutral), bool)
    for units in ({}, {"jawOpen": 1.0, "mouthStretch": 1.0}, *EXPRESSIONS.values()):
        points = model.neutral.copy()
        for name, shape in zip(SHAPES, model.shapes, strict=True):
            weight = units.get(name.removesuffix("_L").removesuffix("_R"), 0.0)
            if weight:
                points += EXTREME * weight * shape.astype(np.float64)
        for turn in np.deg2rad(TURNS):
            eye = (95 * np.sin(turn), 1.2, 95 * np.cos(turn))
            places = look_at(eye, (0.0, 1.2, 0.0), 3.0).project(points, FINE)
            hits = rasterize(places, triangles, FINE, two_sided)
            seen[triangles[hits.triangle]] = True
    return np.asarray(seen[triangles].any(1))
