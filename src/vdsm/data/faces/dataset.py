"""Makes the dataset of faces: who does what when is settled first, then drawn over processes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from vdsm.data.clips import Factor, Info, Ints
from vdsm.data.drawn import Drawn, begin, check_free, draw_all
from vdsm.data.faces.film import MODEL, film, load_head
from vdsm.data.faces.look import Look, look_of
from vdsm.data.faces.motion import NAMES, Poses
from vdsm.data.faces.mug_layout import make_mug
from vdsm.data.faces.options import FacesOptions
from vdsm.data.faces.plan import columns_of, poses_in
from vdsm.data.faces.scene import POSE
from vdsm.data.faces.source import FaceModel, model_digest, read_source, save_model
from vdsm.data.maker import provenance
from vdsm.data.truth import write_truth
from vdsm.errors import InputError
from vdsm.files import atomic_write
from vdsm.tasks import Where

SOURCE = (
    "ICT-FaceKit by the USC Institute for Creative Technologies, github.com/ICT-VGL/ICT-FaceKit"
)
LICENCE = "MIT, copyright 2020 USC Institute for Creative Technologies"
NO_BEARING = ("workers", "ray", "source")  # options that change no byte


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
    where = Where(options.workers, options.ray)
    check_free(out)
    model = read_source(options.source)
    begin(out, _recipe(options, model))
    atomic_write(out / MODEL, lambda file: save_model(file, model))
    columns = columns_of(options)
    looks = [look_of(options.seed, i, len(model.modes)) for i in range(options.people)]
    values, poses = _motion(options, columns, looks)
    person = columns["label.person"].tolist()
    if options.layout == "mug":
        make_mug(out, options, columns, poses)
        return
    write_truth(out, tuple(f"pose.{name}" for name in POSE), values)
    jobs = [
        Job(i, out / MODEL, options.seed, person[i], p, options.size) for i, p in enumerate(poses)
    ]
    draw_all(out, _info(options, len(model.modes)), columns, draw, jobs, where, [out / MODEL])


def _motion(
    options: FacesOptions, columns: Mapping[str, Ints], looks: list[Look]
) -> tuple[Poses, list[Poses]]:
    """The poses of all frames [F, len(POSE)], and those of each clip, parts of the same memory."""
    end = np.cumsum(columns["length"])
    values = np.empty((int(end[-1]), len(POSE)), np.float32)
    clips = [values[stop - n : stop] for stop, n in zip(end, columns["length"], strict=True)]
    for clip, poses in zip(clips, poses_in(options, columns, looks), strict=True):
        clip[:] = poses
    return values, clips


def most_clips(options: FacesOptions) -> int:
    """How many clips there are; InputError where they are no dataset."""
    if options.layout == "mug":
        raise InputError("--layout mug writes pictures, not a dataset: leave --shards out")
    return options.people * len(NAMES) * options.takes


def draw(job: Job) -> Drawn:
    """The frames of a clip, uint8 [T, size, size, 3]."""
    head = load_head(job.model, job.seed, job.person)
    return Drawn(job.clip, film(head, job.poses, job.size))


def _recipe(options: FacesOptions, model: FaceModel) -> dict[str, Any]:
    chosen = {f.name: getattr(options, f.name) for f in fields(options)}
    bearing = {name: value for name, value in chosen.items() if name not in NO_BEARING}
    return bearing | {"maker": "faces", "model": model_digest(model)}


def _info(options: FacesOptions, modes: int) -> Info:
    made = provenance("faces", options, source=SOURCE, licence=LICENCE, identity_modes=modes)
    for name in ("workers", "ray"):
        del made["options"][name]
    factors = (
        Factor("person", "identity", tuple(person_names(options.people))),
        Factor("expression", "action", NAMES),
    )
    return Info("faces", options.size, 3, factors, made)


def person_names(people: int) -> list[str]:
    """001, 002, ..., as MUG's are."""
    digits = max(3, len(str(people)))
    return [f"{i + 1:0{digits}d}" for i in range(people)]
