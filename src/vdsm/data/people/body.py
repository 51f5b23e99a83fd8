"""The base mesh, its groups and its rig: what all bodies share.

Lengths are metres, a tenth of the source's numbers; y points up, the body looks along z, its left
is +x.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from vdsm.data.clips import Floats, Ints
from vdsm.data.people.source import Source
from vdsm.errors import InputError

MESH = "3dobjs/base.obj"
RIG = "rigs/standard/rig.game_engine.json"
WEIGHTS = "rigs/standard/weights.game_engine.json"
VERTICES = 19158  # of the topology that all targets displace
GROUPS = ("body", "helper-l-eye", "helper-r-eye", "helper-hair", "helper-skirt", "joint-mouth")
FINGERS = ("index", "middle", "ring", "pinky", "thumb")
LIMBS = ("clavicle", "upperarm", "lowerarm", "hand", "thigh", "calf", "foot", "ball")
BONES = (
    *("Root", "pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head"),
    *(f"{limb}_{side}" for limb in LIMBS for side in "lr"),
    *(f"{finger}_0{joint}_{side}" for finger in FINGERS for joint in (1, 2, 3) for side in "lr"),
)
METRE = 0.1  # of the source's units


@dataclass(frozen=True)
class Bone:
    name: str
    parent: int  # index into the bones, -1 for the root; parents come first
    head: Ints  # vertices whose mean is the joint at its beginning


@dataclass(frozen=True)
class Body:
    """The mesh that shapes displace, and the bones that move it."""

    base: Floats  # [N, 3]
    quads: Ints  # [Q, 4]
    groups: Mapping[str, Ints]  # name -> indices of its quads
    bones: tuple[Bone, ...]
    weights: csr_array  # [N, bones], rows add up to 1

    def bone(self, name: str) -> int:
        return next(i for i, bone in enumerate(self.bones) if bone.name == name)

    def vertices(self, group: str) -> Ints:
        """Those of a group's quads, each once."""
        return np.unique(self.quads[self.groups[group]])

    def triangles(self, group: str) -> Ints:
        """[M, 3] a group's quads cut in two."""
        quads = self.quads[self.groups[group]]
        return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])

    def joints(self, shaped: Floats) -> Floats:
        """[bones, 3] where the bones of a shaped mesh [N, 3] begin."""
        return np.stack([shaped[bone.head].mean(0) for bone in self.bones])


def read_body(source: Source) -> Body:
    """InputError where mesh or rig are missing, damaged or of another topology."""
    base, quads, groups = _read_mesh(source)
    if len(base) != VERTICES:
        raise source.unusable(MESH, f"{len(base)} vertices, not {VERTICES}")
    if missing := [name for name in GROUPS if name not in groups]:
        raise source.unusable(MESH, f"no group {missing[0]}")
    try:
        bones = _bones(source.json(RIG), quads, groups)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise source.unusable(RIG, f"another layout, {error!r}") from error
    if odd := {bone.name for bone in bones} ^ set(BONES):
        raise source.unusable(RIG, f"another rig: {min(odd)}")
    try:
        weights = _weights(source.json(WEIGHTS)["weights"], bones)
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise source.unusable(WEIGHTS, f"another layout, {error!r}") from error
    return Body(base, quads, groups, bones, weights)


def _read_mesh(source: Source) -> tuple[Floats, Ints, dict[str, Ints]]:
    """Vertices [N, 3], quads [Q, 4] and the quads of each group of the base mesh."""
    vertices: list[list[str]] = []
    faces: list[list[str]] = []
    groups: dict[str, list[int]] = {}
    members: list[int] = []
    for line in source.text(MESH).splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append(values)
        elif kind == "g":
            members = groups.setdefault(values[0] if values else "", [])
        elif kind == "f":
            members.append(len(faces))
            faces.append([value.split("/")[0] for value in values])
    try:
        base = np.array(vertices, np.float64).reshape(-1, 3) * METRE
        quads = np.array([face[:4] + face[-1:] * (4 - len(face)) for face in faces], np.int64) - 1
        if quads.shape != (len(faces), 4) or quads.max() >= len(base):
            raise ValueError("faces of vertices that are not there")
    except ValueError as error:
        raise source.unusable(MESH, str(error)) from error
    return base, quads, {name: np.array(rows, np.int64) for name, rows in groups.items()}


def _bones(rig: Mapping[str, Any], quads: Ints, groups: Mapping[str, Ints]) -> tuple[Bone, ...]:
    """The bones of a rig, parents before children, else in the order of their names."""
    order: dict[str, Bone] = {}
    while len(order) < len(rig):
        ready = [
            name
            for name in sorted(rig)
            if name not in order and rig[name]["parent"] in ("", *order)
        ]
        if not ready:
            raise KeyError("a bone without a parent")
        for name in ready:
            parent, head = rig[name]["parent"], rig[name]["head"]
            cube = head["strategy"] == "CUBE"
            at = np.unique(quads[groups[head["cube_name"]]]) if cube else head["vertex_indices"]
            above = list(order).index(parent) if parent else -1
            order[name] = Bone(name, above, np.asarray(at, np.int64))
    return tuple(order.values())


def _weights(table: Mapping[str, list[tuple[int, float]]], bones: tuple[Bone, ...]) -> csr_array:
    """[N, bones] how much each bone moves each vertex; what no bone moves goes with the root."""
    names = [bone.name for bone in bones]
    entries = [(i, names.index(name), w) for name in names for i, w in table[name] if w > 0]
    rows, columns, values = (np.array(column) for column in zip(*entries, strict=True))
    weights = csr_array((values, (rows, columns)), shape=(VERTICES, len(bones))).tolil()
    total = np.asarray(weights.sum(axis=1))
    weights[total == 0, 0] = 1
    scaled = weights.tocsr()
    return csr_array(scaled.multiply(1 / np.where(total == 0, 1, total)[:, None]))
