"""A performance: the bones of a body over time, with its feet on the ground."""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.skeleton import Rest, matrices, skinned


@dataclass(frozen=True)
class Performance:
    """T poses of one body."""

    matrix: Floats  # [T, bones, 3, 4] in the world
    root: Floats  # [T, 3] metres: where the pelvis is, the ground at y = 0


def perform(
    rest: Rest, angles: Floats, heading: Floats, hop: Floats, feet: tuple[float, float]
) -> Performance:
    """Place a body so that its lowest foot is on the ground, or as far above it as it hops.

    angles [T, ANGLES] rad; heading [T] rad; hop [T] in lengths of the leg; feet: how far left and
    right foot keep their place, shares that add up to 1.
    """
    matrix = matrices(rest, angles, heading)
    leg = rest.joints["thigh_l"][1] - rest.mesh[rest.soles, 1].min()
    lowest = np.array([skinned(rest, m, rest.soles)[:, 1].min() for m in matrix])
    ankles = [matrix[:, rest.body.bone(f"foot_{s}")] for s in "lr"]
    places = [
        (m[:, :, :3] @ rest.joints[f"foot_{s}"] + m[:, :, 3])
        for s, m in zip("lr", ankles, strict=True)
    ]
    kept = feet[0] * places[0] + feet[1] * places[1]
    root = np.stack([-kept[:, 0], hop * leg - lowest, -kept[:, 2]], 1)
    placed = matrix.copy()
    placed[:, :, :, 3] += root[:, None]
    return Performance(placed, root)
