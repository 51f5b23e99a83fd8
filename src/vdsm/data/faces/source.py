"""The face model that faces are made from: ICT-FaceKit's meshes, read from its OBJ files.

    neutral + sum of modes x N(0, 1) + sum of shapes x unit weights

ICT-FaceKit (USC Institute for Creative Technologies, MIT): https://github.com/ICT-VGL/ICT-FaceKit.
Its folder FaceXModel has one OBJ file a mesh, all of one topology: the neutral head, shapes that
move it (after the Facial Action Coding System), modes that make it somebody.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats, Ints
from vdsm.data.faces.units import SHAPES
from vdsm.errors import InputError
from vdsm.tasks.copies import readable

FOLDER, NEUTRAL, NAMED = "FaceXModel", "generic_neutral_mesh.obj", "vertex_indices.json"
POINTS = 26_719  # of every mesh: what ICT-FaceKit's table of parts counts
LANDMARKS = 68  # the usual points of a face: jaw, brows, nose, eyes, lips
PARTS: tuple[str, ...] = ("Face", "BackHead", "GumsTongue", "Teeth", "EyeLashes")
PARTS += tuple(f"{part}{side}" for part in ("Sclera", "Iris") for side in ("Left", "Right"))
REMEDY = "unpack or clone ICT-FaceKit again"
Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class FaceModel:
    """The meshes. y is up, z to the front, the unit about a centimetre."""

    neutral: Floats  # [N, 3]
    triangles: Ints  # [M, 3]
    part: Ints  # [M] index into PARTS, -1 for what is not drawn
    landmarks: Ints  # [68] points
    modes: Half  # [K, N, 3] offsets of one standard deviation
    shapes: Half  # [len(SHAPES), N, 3] offsets at weight 1

    def points_of(self, *parts: str) -> Ints:
        """Sorted indices of the points of some parts."""
        wanted = np.isin(self.part, [PARTS.index(part) for part in parts])
        return np.unique(self.triangles[wanted])


def read_source(source: Path) -> FaceModel:
    """Read the clone of ICT-FaceKit, or its folder FaceXModel: about 3 s.

    All identity modes that are there are taken. InputError for another file or folder, files that
    are missing or cut short, and meshes of another topology.
    """
    folder = _folder(source)
    neutral, faces = _read_obj(folder / NEUTRAL)
    triangles, part = _triangles(folder / NEUTRAL, faces, len(neutral))
    if len(neutral) != POINTS:
        raise InputError(
            f"{folder / NEUTRAL} has {len(neutral):,} points, ICT-FaceKit's {POINTS:,}: {REMEDY}"
        )
    modes = _numbered(folder)
    missing = [name for name in SHAPES if not (folder / f"{name}.obj").is_file()]
    if missing:
        raise InputError(f"{folder} lacks {_some(missing)}: {REMEDY}")
    if not modes:
        raise InputError(f"{folder} lacks identity000.obj and all modes after it: {REMEDY}")
    landmarks = _landmarks(folder / NAMED, len(neutral))

    def offsets(paths: Sequence[Path]) -> Half:
        found = np.empty((len(paths), *neutral.shape), np.float16)
        for row, path in zip(found, paths, strict=True):
            points, same = _read_obj(path)
            if points.shape != neutral.shape or same != faces:
                raise InputError(f"{path} is of another topology than {NEUTRAL}: {REMEDY}")
            row[:] = points - neutral
        return found

    loaded = offsets(modes)
    shapes = offsets([folder / f"{name}.obj" for name in SHAPES])
    return FaceModel(neutral, triangles, part, landmarks, loaded, shapes)


def save_model(file: IO[bytes], model: FaceModel) -> None:
    """Write the model as one npz, for those who draw from it."""
    np.savez(file, **vars(model))


def model_digest(model: FaceModel) -> str:
    """Tells whether faces are drawn from the same meshes."""
    digest = hashlib.sha256()
    for array in vars(model).values():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def load_model(path: Path) -> FaceModel:
    """Read what `save_model` has written; InputError if that cannot be."""
    try:
        with np.load(readable(path)) as stored:
            return FaceModel(**{name: stored[name] for name in stored.files})
    except Exception as error:  # a damaged zip can raise anything
        raise InputError(f"cannot read {path}: {error}: make the data again") from error


def _folder(source: Path) -> Path:
    """The folder of the OBJ files."""
    if source.is_file():
        raise InputError(
            f"{source} is a file: unpack it, then name the folder {FOLDER} as --source"
        )
    if not source.is_dir():
        raise InputError(f"no folder {source}: clone ICT-FaceKit and name it as --source")
    for folder in (source, source / FOLDER):
        if (folder / NEUTRAL).is_file():
            return folder
    packed = sorted(file.name for file in source.glob("*.tar*")) + sorted(
        file.name for file in source.glob("*.zip")
    )
    if packed:
        raise InputError(f"{source} holds {packed[0]}, still packed: unpack it and name {FOLDER}")
    raise InputError(f"{source} has no {NEUTRAL}, nor has its {FOLDER}: clone ICT-FaceKit")


def _numbered(folder: Path) -> list[Path]:
    """identity000.obj, identity001.obj, ... as far as they go; InputError if one is skipped."""
    modes: list[Path] = []
    for i in count():
        path = folder / f"identity{i:03d}.obj"
        if not path.is_file():
            break
        modes.append(path)
    later = sorted(set(folder.glob("identity[0-9][0-9][0-9].obj")) - set(modes))
    if later:
        raise InputError(f"{folder} has {later[0].name} but lacks {path.name}: {REMEDY}")
    return modes


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"{name}.obj" for name in names[:3]) + more


def _read_obj(path: Path) -> tuple[Floats, bytes]:
    """Points [N, 3], and what stands in the file from the first face on."""
    try:
        content = path.read_bytes().replace(b"\r", b"")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    first, faces = content.find(b"\nv "), content.find(b"\nf ")
    last = content.rfind(b"\nv ")
    if first < 0 or faces < 0 or not content.endswith(b"\n"):
        raise InputError(f"{path} is cut short or no OBJ mesh: {REMEDY}")
    end = content.index(b"\n", last + 1)
    try:
        words = np.array(content[first:end].replace(b"\nv ", b" ").split(), np.float64)
        points = words.reshape(-1, 3)
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): {REMEDY}") from error
    if not np.isfinite(points).all():
        raise InputError(f"{path} has points that are no numbers: {REMEDY}")
    start = content.rfind(b"\nusemtl", 0, faces)
    return points, content[faces if start < 0 else start :]


def _triangles(path: Path, faces: bytes, points: int) -> tuple[Ints, Ints]:
    """Triangles [M, 3] of the faces, each fanned out, and the part of each."""
    corners: list[tuple[int, int, int]] = []
    parts: list[int] = []
    part = -1
    try:
        for line in faces.splitlines():
            words = line.split()
            if line.startswith(b"usemtl"):
                name = words[1].decode().removeprefix("M_")
                part = PARTS.index(name) if name in PARTS else -1
            elif line.startswith(b"f "):
                at = [int(word.split(b"/")[0]) - 1 for word in words[1:]]
                fan = [(at[0], at[k], at[k + 1]) for k in range(1, len(at) - 1)]
                corners += fan
                parts += [part] * len(fan)
    except (ValueError, IndexError) as error:
        raise InputError(f"{path} is damaged ({error}): {REMEDY}") from error
    triangles = np.array(corners, np.int64).reshape(-1, 3)
    lacking = [name for i, name in enumerate(PARTS) if i not in parts]
    if lacking:
        raise InputError(f"{path} has no part M_{lacking[0]}, so it is no ICT-FaceKit: {REMEDY}")
    if triangles.min() < 0 or triangles.max() >= points:
        raise InputError(f"{path} names points that it does not have: {REMEDY}")
    return triangles, np.array(parts, np.int64)


def _landmarks(path: Path, points: int) -> Ints:
    try:
        named: Any = json.loads(path.read_text())["idx_to_landmark_verts"]
        landmarks = np.array(named, np.int64)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}: {REMEDY}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} does not name the landmarks: {REMEDY}") from error
    if landmarks.shape != (LANDMARKS,) or not ((landmarks >= 0) & (landmarks < points)).all():
        raise InputError(f"{path} does not name {LANDMARKS} landmarks of the mesh: {REMEDY}")
    return landmarks
