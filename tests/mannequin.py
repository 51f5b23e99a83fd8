"""A made-up source of people: boxes on the bones of the usual rig, and targets that move them.

It has the layout and the topology's count of vertices of the real one, and a hundredth of its
faces, so that tests run without the package and in no time.
"""

import gzip
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from vdsm.data.people.body import MESH, RIG, VERTICES, WEIGHTS
from vdsm.data.people.model import FILES
from vdsm.data.people.source import FOLDER

# Bone -> parent, and where it begins, in decimetres; what ends in _l has a twin at the other side.
BONES: dict[str, tuple[str, tuple[float, float, float]]] = {
    "Root": ("", (0, -8, 0)),
    "pelvis": ("Root", (0, 1, 0)),
    "spine_01": ("pelvis", (0, 1.8, 0)),
    "spine_02": ("spine_01", (0, 2.6, 0)),
    "spine_03": ("spine_02", (0, 3.4, 0)),
    "neck_01": ("spine_03", (0, 6.5, 0)),
    "head": ("neck_01", (0, 7.4, 0.3)),
    "clavicle_l": ("spine_03", (0.2, 5.8, 0)),
    "upperarm_l": ("clavicle_l", (1.7, 5.5, 0)),
    "lowerarm_l": ("upperarm_l", (3.4, 3.7, 0.1)),
    "hand_l": ("lowerarm_l", (4.7, 2.4, 1.5)),
    "thigh_l": ("pelvis", (1.1, 0.9, 0)),
    "calf_l": ("thigh_l", (1.4, -3.3, 0.2)),
    "foot_l": ("calf_l", (1.8, -7.4, 0)),
    "ball_l": ("foot_l", (1.9, -7.9, 1.3)),
}
for number, finger in enumerate(("index", "middle", "ring", "pinky", "thumb")):
    for joint in (1, 2, 3):
        above = "hand_l" if joint == 1 else f"{finger}_0{joint - 1}_l"
        along = 0.6 + 0.3 * joint
        place = (4.7 + 0.5 * along, 2.4 - 0.9 * along, 2.2 - 0.25 * number + 0.3 * along)
        BONES[f"{finger}_0{joint}_l"] = (above, place)
SIZE = {"head": 0.9, "ball": 0.35, "foot": 0.35, "calf": 0.45, "thigh": 0.6}  # half a box's side
BOX = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def _mirrored() -> dict[str, tuple[str, tuple[float, float, float]]]:
    found = dict(BONES)
    for name, (parent, (x, y, z)) in BONES.items():
        if name.endswith("_l"):
            other = parent.removesuffix("_l") + "_r" if parent.endswith("_l") else parent
            found[name.removesuffix("_l") + "_r"] = (other, (-x, y, z))
    return found


class _Mesh:
    """Boxes of vertices, in groups."""

    def __init__(self) -> None:
        self.vertices: list[np.ndarray] = []
        self.faces: dict[str, list[tuple[int, ...]]] = {}

    def box(self, group: str, middle: Iterable[float], half: float) -> list[int]:
        first = 8 * len(self.vertices)
        self.vertices.append(np.asarray(middle) + half * BOX)
        self.faces.setdefault(group, []).extend(tuple(first + i for i in face) for face in FACES)
        return list(range(first, first + 8))

    @property
    def obj(self) -> str:
        points = np.concatenate(self.vertices)
        points = np.concatenate([points, np.zeros((VERTICES - len(points), 3))])
        lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points]
        for group, faces in self.faces.items():
            lines.append(f"g {group}")
            lines += ["f " + " ".join(f"{i + 1}/1" for i in face) for face in faces]
        return "\n".join(lines)


def files() -> dict[str, bytes]:
    """Path below the source's folder -> content, of all that people are made from."""
    mesh, rig, weights = _Mesh(), {}, {}
    for name, (parent, place) in _mirrored().items():
        mesh.box(f"joint-{name}", place, 0.05)
        head = {"strategy": "CUBE", "cube_name": f"joint-{name}"}
        rig[name] = {"parent": parent, "head": head}
        half = SIZE.get(name.split("_")[0], 0.15 if "_0" in name else 0.5)
        weights[name] = [[i, 1.0] for i in mesh.box("body", place, half)]
    for group, middle in (
        ("helper-l-eye", (0.3, 7.9, 1.2)),
        ("helper-r-eye", (-0.3, 7.9, 1.2)),
        ("joint-mouth", (0, 7.2, 1.2)),
        ("helper-hair", (0, 7, -0.9)),
        ("helper-skirt", (0, 0, 0)),
    ):
        moved = mesh.box(group, middle, 0.2)
        weights["pelvis" if group == "helper-skirt" else "head"] += [[i, 1.0] for i in moved]
    found = {
        MESH: mesh.obj.encode(),
        RIG: json.dumps(rig).encode(),
        WEIGHTS: json.dumps({"weights": weights}).encode(),
    }
    points = np.concatenate(mesh.vertices)
    for name in FILES:
        if name.startswith("targets/"):
            found[name] = gzip.compress(target(name, points).encode(), mtime=0)
    return found


def target(name: str, points: np.ndarray) -> str:
    """A fifth of the points is moved: up where the name says so, and outwards by its length."""
    grows = 0.1 if "maxheight" in name else -0.1 if "minheight" in name else 0
    moves = points * (0.0002 * len(name), grows, 0)
    rows = range(len(name) % 5, len(points), 5)
    lines = [f"{i} " + " ".join(f"{x:.4f}" for x in moves[i]) for i in rows]
    return "\n".join(["# basemesh hm08", *lines])


def wheel(
    path: Path,
    content: dict[str, bytes],
    change: Callable[[dict[str, bytes]], None] = lambda _: None,
) -> Path:
    """Write a wheel of these files, changed before."""
    content = dict(content)
    change(content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in content.items():
            archive.writestr(f"{FOLDER}/{name}", value)
    return path
