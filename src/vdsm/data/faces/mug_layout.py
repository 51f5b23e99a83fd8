"""Faces in both layouts of MUG, to run and test what reads MUG on data that anyone may have.

    tree/001/anger/take000/img_0000.jpg ...   frames as from a camera: larger, with room around
    npz/MUG_0-255_OF_112x112_color.npz        clips [N] of [T, 112, 112, 3], aligned by landmarks
    npz/labels.npz                            [N, 2] person and the authors' number of expression

There are twice as many frames as `vdsm data faces` itself gives, and every second is one of its.
"""

import pickle
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from vdsm.data.clips import MAKING, Floats, Frames, Ints
from vdsm.data.drawn import disk_full, in_any_order, shown
from vdsm.data.faces.film import MODEL, load_head, load_rig, named
from vdsm.data.faces.motion import NAMES, Poses
from vdsm.data.faces.options import FacesOptions
from vdsm.data.faces.rig import Rig
from vdsm.data.faces.scene import Head, camera_of, mesh_of, picture_of
from vdsm.data.mug import CLIPS_FILE, CODES, LABELS_FILE
from vdsm.data.mug_npz import expression_codes
from vdsm.data.render import Camera
from vdsm.files import atomic_write, is_disk_full
from vdsm.screen import screen
from vdsm.tasks import Where
from vdsm.words import counted

ROOM, LEFT, TOP = 4, 0.5, 0.25  # side of a tree's picture, and where our frame lies, in frames
WIDE = 3  # our frame in the tree's picture, in frames: it is seen at three times its resolution
QUALITY = 95  # of the JPEG files
ALIGNED = 112  # pixels
EYES_APART, MIDDLE = 0.375, (0.5, 0.47)  # of an aligned picture: as OpenFace places a face
RIGID = (27, 30, 33, 36, 39, 42, 45)  # landmarks that no expression moves far: nose, eyes' corners
EYE_CORNERS = ((36, 39), (42, 45))
PARTS = "parts"


@dataclass(frozen=True)
class Take:
    """One take to draw."""

    model: Path
    seed: int
    person: int
    poses: Poses
    size: int
    folder: Path  # of the tree
    part: Path  # what goes into the npz


def make_mug(
    out: Path, options: FacesOptions, columns: Mapping[str, Ints], poses: list[Poses]
) -> None:
    """Write the tree and the npz; run again to go on after an interruption."""
    takes = [_take(out, options, columns, i, twice(p)) for i, p in enumerate(poses)]
    todo = [take for take in takes if not take.part.exists()]
    try:
        (out / PARTS).mkdir(exist_ok=True)
        with closing(in_any_order(draw_take, todo, Where(options.workers))) as found:
            for _ in shown(found, len(takes), len(takes) - len(todo)):
                pass
        _pack(out / "npz", [take.part for take in takes], columns)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(error, out) from error
        raise
    shutil.rmtree(out / PARTS)
    for name in (MODEL, MAKING):
        (out / name).unlink()
    crop = ",".join(str(round(share * options.size)) for share in (LEFT, TOP, WIDE, WIDE))
    screen().print(
        f"{out}: {counted(len(takes), 'take')} in MUG's layouts, see 'vdsm data mug --source"
        f" {out / 'tree'} --crop {crop}' and 'vdsm data mug --source {out / 'npz'}'",
        soft_wrap=True,
    )


def _take(
    out: Path, options: FacesOptions, columns: Mapping[str, Ints], clip: int, poses: Poses
) -> Take:
    who, what, take = (int(columns[c][clip]) for c in ("label.person", "label.expression", "take"))
    folder = out / "tree" / f"{who + 1:03d}" / NAMES[what] / f"take{take:03d}"
    part = out / PARTS / f"{clip:09d}.npy"
    return Take(out / MODEL, options.seed, who, poses, options.size, folder, part)


def twice(poses: Poses) -> Poses:
    """Poses [T, K] at twice the rate, [2 T - 1, K]: half-way between every two another."""
    fine = np.repeat(poses, 2, axis=0)[:-1]
    fine[1::2] = (poses[:-1] + poses[1:]) / 2
    return fine


def draw_take(take: Take) -> None:
    """Write the pictures of a take to the tree, then its aligned clip to a part."""
    head = load_head(take.model, take.seed, take.person)
    rig = load_rig(take.model)
    take.folder.mkdir(parents=True, exist_ok=True)
    aligned = []
    for i, pose in enumerate(named(take.poses)):
        camera = camera_of(pose)
        whole = picture_of(head, pose, ROOM * take.size, 1, _further(camera))
        Image.fromarray(whole).save(take.folder / f"img_{i:04d}.jpg", quality=QUALITY)
        near = align(camera, landmarks_of(head, pose, camera), template(rig))
        aligned.append(picture_of(head, pose, ALIGNED, 2, near))
    frames: Frames = np.stack(aligned)
    atomic_write(take.part, lambda file: np.save(file, frames))


def _further(camera: Camera) -> Camera:
    """The same view within a larger picture."""
    x, y = ((at + WIDE * c) / ROOM for at, c in zip((LEFT, TOP), camera.centre, strict=True))
    return replace(camera, focal=camera.focal * WIDE / ROOM, centre=(x, y))


def landmarks_of(head: Head, pose: Mapping[str, float], camera: Camera) -> Floats:
    """[68, 2] where the landmarks are in the picture, in its sides."""
    points = mesh_of(head, pose).points[head.rig.landmarks]
    return camera.project(points, 1)[:, :2]


def template(rig: Rig) -> Floats:
    """[68, 2] where the landmarks of an aligned picture should be: the mean face's, scaled."""
    flat = rig.neutral[rig.landmarks, :2] * (1, -1)
    left, right = (flat[list(eye)].mean(0) for eye in EYE_CORNERS)
    scaled = flat * EYES_APART / np.abs(right[0] - left[0])
    return np.asarray(scaled - scaled[list(RIGID)].mean(0) + MIDDLE)


def align(camera: Camera, found: Floats, wanted: Floats) -> Camera:
    """The camera whose picture has landmarks where they are wanted: turned, scaled and moved.

    found, wanted [68, 2]. The similarity of least squares over RIGID, in complex numbers.
    """
    a, b = (points[list(RIGID)] @ (1, 1j) for points in (found, wanted))
    middle, target = a.mean(), b.mean()
    turn = ((b - target) * (a - middle).conj()).sum() / (np.abs(a - middle) ** 2).sum()
    centre = target + turn * (complex(*camera.centre) - middle)
    cos, sin = turn.real / abs(turn), turn.imag / abs(turn)
    right, up, back = camera.axes
    axes = np.stack([cos * right + sin * up, cos * up - sin * right, back])
    return Camera(camera.eye, axes, camera.focal * abs(turn), (centre.real, centre.imag))


def _pack(folder: Path, parts: list[Path], columns: Mapping[str, Ints]) -> None:
    """The authors' npz: an object array of clips, and labels. Clips pass through one by one."""
    folder.mkdir(exist_ok=True)
    codes = {index: code for code, index in expression_codes(CODES, NAMES).items()}
    numbers = [codes[what] for what in columns["label.expression"].tolist()]
    labels = np.stack([columns["label.person"] + 1, np.array(numbers, np.int64)], 1)
    atomic_write(folder / LABELS_FILE, lambda file: np.savez(file, arr_0=labels))
    atomic_write(folder / CLIPS_FILE, lambda file: _write_clips(file, parts))


def _write_clips(file: IO[bytes], parts: list[Path]) -> None:
    """What `np.savez` writes of an object array, without holding all clips in memory."""
    clips = np.empty(len(parts), object)
    for i, part in enumerate(parts):
        clips[i] = np.load(part, mmap_mode="r").view(np.ndarray)
    header = {"descr": "|O", "fortran_order": False, "shape": clips.shape}
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
        archive.open("arr_0.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(member, header)
        pickler = pickle.Pickler(member, protocol=4)
        pickler.fast = True  # remembers nothing of what it has written
        pickler.dump(clips)
