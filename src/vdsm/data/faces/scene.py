"""A person before the camera: the head that a look makes, posed by a take's frame, drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from vdsm.data.clips import Floats, Frames
from vdsm.data.faces.hair import extra, scalp
from vdsm.data.faces.look import Look
from vdsm.data.faces.outfit import clothes, covered, glasses
from vdsm.data.faces.paint import paint
from vdsm.data.faces.rig import Rig
from vdsm.data.faces.shapes2d import smooth
from vdsm.data.faces.units import SHAPES
from vdsm.data.faces.wrinkles import FOLDS
from vdsm.data.render import (
    Camera,
    Light,
    Lights,
    Mesh,
    draw,
    join,
    look_at,
    plain,
    triangles_around,
)

EYE, FOCAL, CENTRE = (0.0, 1.2, 95.0), 2.8, (0.5, 0.53)  # a field of 34 cm at the face
PIVOT, NECK = np.array([0.0, -6.0, 0.0]), (-16.0, -8.0)  # the neck bends between these heights
TOP, BOTTOM = (0.545, 0.61, 0.665), (0.465, 0.53, 0.59)  # grey-blue
HEAD = ("yaw", "pitch", "roll", "shift_x", "shift_y")  # degrees; shares of the picture's side
POSE = (*SHAPES, *HEAD)  # columns of a motion
FOLD_DEPTH = 0.34


@dataclass(frozen=True)
class Head:
    """All of a person that does not depend on the frame."""

    rig: Rig
    look: Look
    neutral: Floats  # [N, 3] the head without hair
    push: Floats  # [N, 3] of the hair
    still: Mesh  # the head, which comes first, clothes, glasses and hair, before anything moves
    turns: Floats  # [points of still] 1 for what turns with the head, 0 for the trunk


def head_of(rig: Rig, look: Look) -> Head:
    """Make a person's head."""
    neutral = rig.somebody(look.shape)
    hair = scalp(rig.where, neutral, look)
    colour, gloss = paint(rig.where, look, hair.cover, hair.strands)
    under = covered(neutral, look) * rig.where.skin
    colour = colour * (1 - under[:, None]) + look.cloth * under[:, None]
    scatter = rig.where.skin * (1 - under)
    skin = Mesh(neutral + hair.push, rig.triangles, colour, None, gloss, scatter, rig.two_sided)
    bends = [skin, *clothes(rig.where, neutral, look)]
    whole = [*extra(look), *glasses(neutral, neutral[rig.landmarks], look)]
    turns = [smooth(mesh.points[:, 1], *NECK) for mesh in bends]
    turns += [np.ones(len(mesh.points)) for mesh in whole]
    still = join(bends + whole)
    still = replace(still, around=triangles_around(still.triangles, len(still.points)))
    return Head(rig, look, neutral, hair.push, still, np.concatenate(turns))


def mesh_of(head: Head, pose: Mapping[str, float]) -> Mesh:
    """The person in a pose: weights of SHAPES, and HEAD's angles."""
    points, colour = head.still.points.copy(), head.still.colour.copy()
    skin = slice(len(head.neutral))
    points[skin] = head.rig.moved(head.neutral, pose) + head.push
    colour[skin] *= _folds(head, pose)[:, None]
    x, y, z = (points - PIVOT).T
    turned = [a * x + b * y + c * z for a, b, c in rotation(pose)]
    for axis, column in enumerate(turned):
        points[:, axis] += (column + PIVOT[axis] - points[:, axis]) * head.turns
    return replace(head.still, points=points, colour=colour, normals=None)


def picture_of(
    head: Head, pose: Mapping[str, float], size: int, samples: int, camera: Camera | None = None
) -> Frames:
    """uint8 [size, size, 3] of the person in a pose."""
    camera = camera or camera_of(pose)
    lights = Lights(
        (Light(head.look.light, 0.58, wrap=0.3), Light((-0.8, 0.1, 0.55), 0.14)), 0.27, 0.12
    )
    return draw(mesh_of(head, pose), camera, lights, plain(size, TOP, BOTTOM), size, samples)


def camera_of(pose: Mapping[str, float]) -> Camera:
    """The usual camera; the pose's shift moves the picture."""
    x, y = CENTRE[0] + pose["shift_x"], CENTRE[1] + pose["shift_y"]
    return look_at(EYE, (EYE[0], EYE[1], 0.0), FOCAL, (x, y))


def _folds(head: Head, pose: Mapping[str, float]) -> Floats:
    """[N] what the folds of the skin in this pose leave of the light."""
    age = head.look.age
    shade = np.ones(len(head.neutral))
    for name, units in FOLDS.items():
        acts = sum(gain * _both(pose, unit) for unit, gain in units.items())
        depth = FOLD_DEPTH * min(0.25 * age + (0.55 + 0.6 * age) * max(acts, 0.0), 1.3)
        shade -= depth * head.rig.where.wrinkles[name]
    return shade.clip(0.45, 1.15)


def _both(pose: Mapping[str, float], unit: str) -> float:
    """A unit's weight, of both sides where it has them."""
    return pose[unit] if unit in pose else (pose[f"{unit}_L"] + pose[f"{unit}_R"]) / 2


def rotation(pose: Mapping[str, float]) -> Floats:
    """[3, 3] of the head: yaw to the person's left, pitch down, roll to the picture's left."""
    (sy, cy), (sp, cp), (sr, cr) = (
        (np.sin(a), np.cos(a)) for a in np.deg2rad([pose[name] for name in HEAD[:3]])
    )
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)
