"""Makes the dataset of faces: who does what when is settled first, then drawn over processes."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from vdsm.data.cells import choose_cells
from vdsm.data.clips import SPLITS, Factor, Frames, Info, Ints, three_splits
from vdsm.data.drawn import begin, draw_all
from vdsm.data.faces.look import Look, look_of
from vdsm.data.faces.motion import NAMES, Poses, length_of, poses_of
from vdsm.data.faces.mug_layout import make_mug
from vdsm.data.faces.options import FacesOptions
from vdsm.data.faces.rig import Rig, rig_of
from vdsm.data.faces.scene import POSE, Head, head_of, picture_of
from vdsm.data.faces.source import load_model, model_digest, read_source, save_model
from vdsm.data.maker import provenance
from vdsm.data.truth import write_truth
from vdsm.errors import InputError
from vdsm.files import atomic_write

MODEL = "model.npz"  # in the dataset's folder: what the faces are drawn from
SAMPLES = {32: 4, 64: 2, 128: 2}  # a side of a pixel, by the size of a frame
SOURCE = (
    "ICT-FaceKit, USC Institute for Creative Technologies, https://github.com/ICT-VGL/ICT-FaceKit"
)
LICENCE = "MIT (copyright 2020 USC Institute for Creative Technologies)"
NO_BEARING = ("workers", "source")  # options that change no byte


@dataclass(frozen=True)
class Job:
    """One clip to draw."""

    clip: int
    model: Path
    seed: int
    person: int
    poses: Poses
    size: int


def make(out: Path, options: FacesOptions) -> None:
    """Write the dataset of faces; run again to go on after an interruption.

    InputError for options that do not go together and a source that cannot be read.
    """
    options.check()
    model = read_source(options.source)
    if options.layout == "mug":
        make_mug(out, options, rig_of(model))
        return
    chosen = {f.name: getattr(options, f.name) for f in fields(options)}
    recipe = {name: value for name, value in chosen.items() if name not in NO_BEARING}
    begin(out, recipe | {"maker": "faces", "model": model_digest(model)})
    atomic_write(out / MODEL, lambda file: save_model(file, model))
    columns = columns_of(options)
    looks = [look_of(options.seed, i, len(model.modes)) for i in range(options.people)]
    poses = list(_poses(options, columns, looks))
    names = tuple(f"pose.{name}" for name in POSE)
    write_truth(out, names, np.concatenate(poses))
    jobs = [
        Job(i, out / MODEL, options.seed, int(columns["label.person"][i]), p, options.size)
        for i, p in enumerate(poses)
    ]
    draw_all(out, _info(options, len(model.modes)), columns, draw, jobs, options.workers)


def most_clips(options: FacesOptions) -> int:
    """How many clips there are; InputError where they are no dataset."""
    if options.layout == "mug":
        raise InputError("--layout mug writes pictures, not a dataset: leave --shards out")
    return options.people * len(NAMES) * options.takes


def columns_of(options: FacesOptions) -> dict[str, Ints]:
    """The table: person, expression and take of each clip, its length and split."""
    shape = (options.people, len(NAMES), options.takes)
    person, expression, take = (axis.reshape(-1).astype(np.int64) for axis in np.indices(shape))
    span = options.shortest, options.longest
    rows = zip(person.tolist(), expression.tolist(), take.tolist(), strict=True)
    length = np.array([length_of(options.seed, *row, span) for row in rows], np.int64)
    held = person if options.holdout == "person" else np.arange(len(person))
    split = three_splits(held, options.test_share, options.validation_share, options.seed)
    cells = np.stack([person, expression], 1)
    unseen = choose_cells(cells, options.unseen_cells, options.seed)
    split[unseen] = SPLITS.index("test")
    labels = {"label.person": person, "label.expression": expression}
    table = {"length": length, "group": person, "split": split, "take": take}
    return table | {"unseen": unseen.astype(np.int64)} | labels


def draw(job: Job) -> tuple[int, Frames]:
    """The frames of a clip, uint8 [T, size, size, 3], with its number."""
    head = _head(job.model, job.seed, job.person)
    return job.clip, film(head, job.poses, job.size)


def film(head: Head, poses: Poses, size: int) -> Frames:
    """uint8 [T, size, size, 3] of a person in poses [T, len(POSE)]."""
    shown = [dict(zip(POSE, map(float, row), strict=True)) for row in poses]
    return np.stack([picture_of(head, pose, size, SAMPLES[size]) for pose in shown])


@lru_cache(maxsize=2)
def load_rig(model: Path) -> Rig:
    """What a dataset's faces are drawn from, read once a process."""
    return rig_of(load_model(model))


@lru_cache(maxsize=4)
def _head(model: Path, seed: int, person: int) -> Head:
    rig = load_rig(model)
    return head_of(rig, look_of(seed, person, len(rig.modes)))


def _poses(options: FacesOptions, columns: dict[str, Ints], looks: list[Look]) -> Iterator[Poses]:
    names = ("label.person", "label.expression", "take", "length")
    for who, what, take, length in zip(*(columns[name].tolist() for name in names), strict=True):
        yield poses_of(options.seed, who, what, take, looks[who], length)


def _info(options: FacesOptions, modes: int) -> Info:
    made = provenance("faces", options, source=SOURCE, licence=LICENCE, identity_modes=modes)
    del made["options"]["workers"]
    digits = len(str(options.people))
    people = tuple(f"{i + 1:0{digits}d}" for i in range(options.people))
    factors = (Factor("person", "identity", people), Factor("expression", "action", NAMES))
    return Info("faces", options.size, 3, factors, made)
