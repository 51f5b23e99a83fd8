"""Makes the dataset of people in action: who does what when is settled first, then it is drawn."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from vdsm.data.cast import table
from vdsm.data.clips import Factor, Floats, Frames, Info, Ints
from vdsm.data.drawn import Drawn, begin, draw_all
from vdsm.data.maker import provenance
from vdsm.data.people import parts
from vdsm.data.people.actions import ACTIONS
from vdsm.data.people.body import read_body
from vdsm.data.people.draw import draw_clip
from vdsm.data.people.figure import Figure, Wardrobe
from vdsm.data.people.model import FILE, TARGETS, digest_of, open_model, write_model
from vdsm.data.people.options import PeopleOptions
from vdsm.data.people.person import person
from vdsm.data.people.rooms import ROOMS
from vdsm.data.people.shape import Shaper
from vdsm.data.people.source import open_source
from vdsm.data.people.take import Take, take_of
from vdsm.tasks import Where

ORIGIN = "MakeHuman, as the package {} carries it, https://github.com/makehumancommunity/mpfb2"
NO_BEARING = ("workers", "ray", "source")  # options that change no byte


@dataclass(frozen=True)
class Job:
    """One clip: the numbers from which it follows."""

    clip: int
    out: Path  # the dataset's folder
    seed: int
    person: int  # whose body and look
    performer: int  # whose take it is
    action: int
    take: int
    frames: int
    size: int


def make(out: Path, options: PeopleOptions) -> None:
    """Write the dataset of people; run again to go on after an interruption.

    InputError for options that do not go together and a source that cannot be read.
    """
    where = Where(options.workers, options.ray)
    columns = columns_of(options)
    source = open_source(options.source)
    Shaper(source, read_body(source)).check(TARGETS)
    info = _info(options, source.name)
    begin(out, info.made["options"] | {"maker": "people", "model": digest_of(source)})
    write_model(out / FILE, source)
    jobs = [
        job_of(out, info, columns, int(who), clip)
        for clip, who in enumerate(columns["label.person"])
    ]

    def keep(drawn: Drawn) -> None:
        parts.keep(out, drawn.clip, drawn.truth)

    def join() -> None:
        parts.join(out, len(jobs), lambda clip: truth_of(jobs[clip]))

    draw_all(out, info, columns, draw, jobs, where, [out / FILE], keep, join)


def most_clips(options: PeopleOptions) -> int:
    """How many clips there are."""
    return options.people * len(ACTIONS) * options.takes


def columns_of(options: PeopleOptions) -> dict[str, Ints]:
    """The table: person, action and take of each clip, its length and split."""
    length = np.full(most_clips(options), options.frames, np.int64)
    return {"length": length} | table(options, "action", len(ACTIONS))


def job_of(out: Path, info: Info, columns: dict[str, Ints], who: int, clip: int) -> Job:
    """The take of a clip, performed by a person, by number."""
    numbers = (columns[name][clip] for name in ("label.person", "label.action", "length"))
    performer, action, length = (int(number) for number in numbers)
    options = info.made["options"]
    take = clip % options["takes"]  # clips lie in the order of `table`, in shards too
    return Job(clip, out, options["seed"], who, performer, action, take, length, info.size)


def draw(job: Job) -> Drawn:
    """The frames of a clip, uint8 [T, size, size, 3], and its truth [T, TRUTH]."""
    return Drawn(job.clip, film(job), truth_of(job))


def film(job: Job, frames: Ints | None = None) -> Frames:
    """uint8 [T, size, size, 3] of a job; of some of its frames alone, where these are named."""
    figure, take = _cast(job)
    poses = take.performed(figure).matrix
    poses = poses if frames is None else poses[frames]
    return draw_clip(figure, poses, take.place, take.view, job.size)


def truth_of(job: Job) -> Floats:
    """[T, TRUTH] of a job."""
    figure, take = _cast(job)
    return take.truth(take.performed(figure))


def _cast(job: Job) -> tuple[Figure, Take]:
    take = take_of(job.seed, job.performer, job.action, job.take, job.frames)
    return _figure(job.out / FILE, job.seed, job.person), take


@lru_cache(maxsize=1)
def _wardrobe(model: Path) -> Wardrobe:
    opened = open_model(model)
    return Wardrobe(Shaper(opened, read_body(opened)))


@lru_cache(maxsize=4)
def _figure(model: Path, seed: int, number: int) -> Figure:
    return _wardrobe(model).dress(person(seed, number))


def _info(options: PeopleOptions, source: str) -> Info:
    made = provenance(
        "people",
        options,
        source=ORIGIN.format(source),
        licence="CC0-1.0",
        rooms=[room.name for room in ROOMS],
    )
    for name in NO_BEARING:
        del made["options"][name]
    digits = len(str(options.people))
    people = tuple(f"{i + 1:0{digits}d}" for i in range(options.people))
    actions = tuple(action.name for action in ACTIONS)
    factors = (Factor("person", "identity", people), Factor("action", "action", actions))
    return Info("people", options.size, 3, factors, made)
