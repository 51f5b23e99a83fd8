"""Where on a body something is: coordinates of each vertex, from which clothes and hair follow.

They are found once on the base mesh, whose topology all bodies share, so that a sleeve ends at the
same place of every arm. Interpolated within triangles they give edges as sharp as the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.body import FINGERS, Body

NAMES = (
    "arm",  # share of the bones of the arm, 0 .. 1
    "along_arm",  # 0 shoulder, 1 elbow, 2 wrist
    "leg",
    "along_leg",  # 0 hip, 1 knee, 2 ankle
    "foot",
    "head",
    "height",  # of the trunk: 0 the hip joints, 1 the neck's joint
    "collar",  # metres from the beginning of the neck
    "hair",  # metres above the line from hairline to nape
    "crown",  # metres above the brows
    "beard",  # metres within the beard, negative outside
    "brow",
    "lips",
    "side",  # metres to the left of the middle
    "front",  # how far it faces the front, -1 .. 1
    "eye",  # 1 the eyeballs
    "outer",  # how far it faces away from the body's middle, -1 .. 1
)


@dataclass(frozen=True)
class Regions:
    """One value a vertex, or a sample of a picture, for each name."""

    values: Floats  # [N, NAMES]

    def __getitem__(self, name: str) -> Floats:
        return np.asarray(self.values[:, NAMES.index(name)])


def regions(body: Body, normals: Floats) -> Regions:
    """Of every vertex of the base mesh, with its unit normals [N, 3]."""
    base = body.base
    joint = {bone.name: at for bone, at in zip(body.bones, body.joints(base), strict=True)}
    share = _shares(body)
    x, y, z = base.T
    eyes = np.stack([base[body.vertices(f"helper-{s}-eye")].mean(0) for s in "lr"])
    eye_y, eye_z, eye_x = eyes[:, 1].mean(), eyes[:, 2].max(), np.abs(eyes[:, 0]).mean()
    mouth = base[body.vertices("joint-mouth")].mean(0)
    neck = joint["neck_01"]
    hips = joint["thigh_l"][1]
    nape = joint["head"][2] - 0.07  # where the hairline is lowest
    line = eye_y - 0.055 + 0.105 * np.clip((z - nape) / (eye_z - nape), 0, 1.3)
    found = {
        "arm": share("upperarm", "lowerarm", "hand", *FINGERS),
        "along_arm": _along(body, "upperarm", "lowerarm", "hand"),
        "leg": share("thigh", "calf", "foot", "ball"),
        "along_leg": _along(body, "thigh", "calf", "foot"),
        "foot": share("foot", "ball"),
        "head": share("head"),
        "height": (y - hips) / (neck[1] - hips),
        "collar": np.sqrt(x**2 + (y - neck[1] - 0.01) ** 2 + (z - neck[2] - 0.01) ** 2),
        "hair": y - line,
        "crown": y - eye_y - 0.03,
        "beard": np.minimum(mouth[1] + 0.012 - y, z - joint["head"][2] - 0.01),
        "brow": 0.006 - np.hypot(0.28 * (np.abs(x) - eye_x), y - eye_y - 0.022),
        "lips": 0.011 - np.hypot(0.45 * np.abs(x), y - mouth[1]),
        "side": x,
        "front": normals[:, 2],
        "eye": np.isin(
            np.arange(len(base)),
            np.r_[body.vertices("helper-l-eye"), body.vertices("helper-r-eye")],
        ),
        "outer": normals[:, 0] * np.sign(x),
    }
    face = (found["head"] > 0.5) & (z > joint["head"][2] + 0.03)
    for name in ("brow", "lips"):
        found[name] = np.where(face, found[name], -1)
    return Regions(np.stack([np.asarray(found[name], np.float64) for name in NAMES], 1))


def _shares(body: Body) -> Callable[..., Floats]:
    """How much bones whose names begin so move each vertex: names -> [N]."""

    def share(*names: str) -> Floats:
        columns = [i for i, bone in enumerate(body.bones) if bone.name.startswith(names)]
        return np.asarray(body.weights[:, columns].sum(axis=1)).reshape(-1)

    return share


def _along(body: Body, *bones: str) -> Floats:
    """[N] how far along two bones and beyond: 0, 1 and 2 at their joints, on the nearer side."""
    joint = {bone.name: at for bone, at in zip(body.bones, body.joints(body.base), strict=True)}
    found = np.zeros(len(body.base))
    for s, sign in (("l", 1), ("r", -1)):
        start, middle, end = (joint[f"{bone}_{s}"] for bone in bones)
        first, second = (
            ((body.base - a) @ (b - a)) / ((b - a) @ (b - a))
            for a, b in ((start, middle), (middle, end))
        )
        value = np.where(first < 1, first, 1 + np.clip(second, 0, None))
        found = np.where(sign * body.base[:, 0] >= 0, value, found)
    return found
