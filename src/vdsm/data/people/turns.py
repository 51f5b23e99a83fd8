"""Turns of three-dimensional space as matrices, and those that align a limb with the body."""

import numpy as np

from vdsm.data.clips import Floats


def turn(axis: str, angle: Floats) -> Floats:
    """Right-handed turns about a coordinate axis: angles [T] in radians to [T, 3, 3]."""
    angle = np.asarray(angle, np.float64)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.zeros((*angle.shape, 3, 3)) + np.eye(3)
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -np.sin(angle)
    return matrix


def turn_about(axis: Floats, angle: Floats) -> Floats:
    """Turns about a unit axis [3] by angles [T]: [T, 3, 3], after Rodrigues."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.asarray(angle, np.float64)[..., None, None]
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross))


def unit(vector: Floats) -> Floats:
    """A vector [3] at length 1."""
    return np.asarray(vector / np.sqrt((vector**2).sum()))


def frame(along: Floats, towards: Floats) -> Floats:
    """[3, 3] the turn that takes `along` to straight down and `towards` to the front."""
    down = unit(along)
    front = unit(towards - (towards @ down) * down)
    return np.stack([np.cross(-down, front), -down, front])  # x, y, z of the body


def shortest(along: Floats) -> Floats:
    """[3, 3] the shortest turn that takes `along` to straight down."""
    down = np.array([0.0, -1.0, 0.0])
    axis = np.cross(unit(along), down)
    sine = np.sqrt((axis**2).sum())
    if sine < 1e-9:
        return np.eye(3)
    return turn_about(axis / sine, np.arctan2(sine, unit(along) @ down))


def halfway(straight: Floats, hand: Floats) -> Floats:
    """`straight` with half the twist about the forearm that the hand has beyond it."""
    rest = hand @ straight.T
    twist = np.arctan2(rest[0, 2] - rest[2, 0], rest[0, 0] + rest[2, 2])
    return np.asarray(turn("y", np.asarray(twist / 2)) @ straight)
