"""Joint angles to a posed mesh: anatomical angles, the same for every body, and linear skinning.

All angles are zero when somebody stands upright with hanging arms, palms to the thighs. The rest
pose of the source is another one, so that each bone is first turned from its rest to that stance
(`Rest.align`). A bone's matrix is what its parent's is, then the turns of its own joint.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from vdsm.data.clips import Floats, Ints
from vdsm.data.people.body import FINGERS, Body
from vdsm.data.people.turns import frame, halfway, shortest, turn, turn_about, unit

SIDES = {"l": ("left", 1.0), "r": ("right", -1.0)}
TRUNK = (
    "pelvis_pitch",  # forwards
    "pelvis_turn",  # to the left
    "pelvis_side",  # to the right
    "spine_bend",
    "spine_turn",
    "spine_side",
    "head_nod",
    "head_turn",
)
LIMBS = (
    "shoulder_raise",  # sideways and up: 0 hangs, 90 is level
    "shoulder_swing",  # forwards
    "shoulder_twist",  # outwards about the upper arm
    "elbow_bend",
    "forearm_twist",
    "wrist_bend",  # to the palm
    "wrist_side",  # to the thumb
    "fingers_curl",  # 90: a fist
    "hip_flex",
    "hip_spread",
    "knee_bend",
    "ankle_point",  # toes down
    "ankle_side",
    "toes_lift",
)
ANGLES = (*TRUNK, *(f"{side}_{name}" for side, _ in SIDES.values() for name in LIMBS))


@dataclass(frozen=True)
class Rest:
    """A shaped mesh before it is posed."""

    body: Body
    mesh: Floats  # [N, 3]

    @cached_property
    def joints(self) -> dict[str, Floats]:
        """Bone -> [3] where it begins."""
        places = self.body.joints(self.mesh)
        return {bone.name: at for bone, at in zip(self.body.bones, places, strict=True)}

    @cached_property
    def soles(self) -> Ints:
        """Vertices of the body below the ankles, which stand on the ground."""
        ankle = min(self.joints[f"foot_{s}"][1] for s in "lr")
        body = self.body.vertices("body")
        return np.asarray(body[self.mesh[body, 1] < ankle])

    @cached_property
    def palm(self) -> dict[str, Floats]:
        """Side -> [3] the unit axis across the palm, to the thumb: fingers curl about it."""
        return {s: unit(self.joints[f"index_01_{s}"] - self.joints[f"pinky_01_{s}"]) for s in "lr"}

    @cached_property
    def align(self) -> dict[str, Floats]:
        """Bone -> [3, 3] the turn from the rest pose to the stance of all angles zero."""
        at, found = self.joints, {}
        for s in "lr":
            for bone, end in (("upperarm", "lowerarm"), ("thigh", "calf"), ("calf", "foot")):
                found[f"{bone}_{s}"] = shortest(at[f"{end}_{s}"] - at[f"{bone}_{s}"])
            along = at[f"middle_01_{s}"] - at[f"hand_{s}"]
            found[f"hand_{s}"] = frame(along, self.palm[s])
            found[f"lowerarm_{s}"] = halfway(
                shortest(at[f"hand_{s}"] - at[f"lowerarm_{s}"]), found[f"hand_{s}"]
            )
        return found


def _turns(rest: Rest, angle: dict[str, Floats], heading: Floats) -> dict[str, Floats]:
    """Bone -> [T, 3, 3] how it stands in the world, from its rest."""

    def turns(order: str, prefix: str, *names: str, share: float = 1) -> Floats:
        first, *others = (
            turn(axis, share * sign * angle[prefix + name])
            for axis, (sign, name) in zip(order, map(_signed, names), strict=True)
        )
        for other in others:
            first = first @ other
        return first

    pelvis = turn("y", heading) @ turns("yxz", "", "pelvis_turn", "pelvis_pitch", "-pelvis_side")
    found = {"Root": pelvis, "pelvis": pelvis}
    above = pelvis
    for bone in ("spine_01", "spine_02", "spine_03"):
        above = above @ turns("yxz", "", "spine_turn", "spine_bend", "-spine_side", share=1 / 3)
        found[bone] = above
    chest = above
    for bone in ("neck_01", "head"):
        above = above @ turns("yx", "", "head_turn", "head_nod", share=1 / 2)
        found[bone] = above
    for s, (side, sign) in SIDES.items():
        mirrored = {name: angle[f"{side}_{name}"] for name in LIMBS}
        found |= _arm(rest, s, sign, chest, mirrored) | _leg(rest, s, sign, pelvis, mirrored)
    return found


def _signed(name: str) -> tuple[int, str]:
    return (-1, name[1:]) if name.startswith("-") else (1, name)


def _arm(
    rest: Rest, s: str, sign: float, chest: Floats, angle: dict[str, Floats]
) -> dict[str, Floats]:
    """The collar bone, arm, hand and fingers of a side. Half of a twist goes to the bone above."""
    align, found = rest.align, {}
    lifted = np.clip(angle["shoulder_raise"] - np.deg2rad(40), 0, None)
    found[f"clavicle_{s}"] = chest @ turn("z", sign * 0.25 * lifted)
    swung = chest @ turn("z", sign * angle["shoulder_raise"]) @ turn("x", -angle["shoulder_swing"])
    twist, roll = sign * angle["shoulder_twist"], sign * angle["forearm_twist"]
    found[f"upperarm_{s}"] = swung @ turn("y", twist / 2) @ align[f"upperarm_{s}"]
    fore = swung @ turn("y", twist) @ turn("x", -angle["elbow_bend"])
    found[f"lowerarm_{s}"] = fore @ turn("y", roll / 2) @ align[f"lowerarm_{s}"]
    wrist = turn("z", -sign * angle["wrist_bend"]) @ turn("x", -angle["wrist_side"])
    hand = fore @ turn("y", roll) @ wrist @ align[f"hand_{s}"]
    found[f"hand_{s}"] = hand
    for finger in FINGERS:
        share = 0.45 if finger == "thumb" else 1
        curled = turn_about(rest.palm[s], -sign * share * angle["fingers_curl"])
        above = hand
        for joint in (1, 2, 3):
            above = above @ curled
            found[f"{finger}_0{joint}_{s}"] = above
    return found


def _leg(
    rest: Rest, s: str, sign: float, pelvis: Floats, angle: dict[str, Floats]
) -> dict[str, Floats]:
    align = rest.align
    thigh = pelvis @ turn("z", sign * angle["hip_spread"]) @ turn("x", -angle["hip_flex"])
    calf = thigh @ turn("x", angle["knee_bend"])
    foot = calf @ turn("x", angle["ankle_point"]) @ turn("z", -sign * angle["ankle_side"])
    return {
        f"thigh_{s}": thigh @ align[f"thigh_{s}"],
        f"calf_{s}": calf @ align[f"calf_{s}"],
        f"foot_{s}": foot,
        f"ball_{s}": foot @ turn("x", -angle["toes_lift"]),
    }


def matrices(rest: Rest, angles: Floats, heading: Floats) -> Floats:
    """[T, bones, 3, 4] x -> A x + b of every bone, the pelvis at the origin.

    angles: [T, ANGLES] rad; heading: [T] rad, 0 faces the camera, positive to the left.
    """
    turns = _turns(rest, dict(zip(ANGLES, angles.T, strict=True)), heading)
    found = np.zeros((len(angles), len(rest.body.bones), 3, 4))
    for i, bone in enumerate(rest.body.bones):
        matrix, joint = turns[bone.name], rest.joints[bone.name]
        place = np.zeros((len(angles), 3))
        if bone.name == "Root":
            joint = rest.joints["pelvis"]
        elif bone.name != "pelvis":
            above = found[:, bone.parent]
            place = above[:, :, :3] @ joint + above[:, :, 3]
        found[:, i, :, :3] = matrix
        found[:, i, :, 3] = place - matrix @ joint
    return found


def blended(weights: csr_array, matrix: Floats) -> Floats:
    """[N, 3, 4] how each vertex moves: the mean of its bones' matrices, by their weights."""
    return np.asarray(weights @ matrix.reshape(-1, 12)).reshape(-1, 3, 4)


def turned(blend: Floats, vectors: Floats) -> Floats:
    """[N, 3] vectors [N, 3] turned by blend [N, 3, 4], not moved."""
    x, y, z = vectors.T[:, :, None]
    return np.asarray(blend[:, :, 0] * x + blend[:, :, 1] * y + blend[:, :, 2] * z)


def skinned(rest: Rest, matrix: Floats, vertices: Ints) -> Floats:
    """[n, 3] where a pose puts some vertices [n]; matrix: [bones, 3, 4], see `matrices`."""
    blend = blended(rest.body.weights[vertices], matrix)
    return turned(blend, rest.mesh[vertices]) + blend[:, :, 3]
