"""Makes the dataset of people in action, and draws what a swap of two of its clips should show."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

from vdsm.data.clips import Factor, Floats, Frames, Info, Ints, Table, read_meta
from vdsm.data.made import Plan, make_clips
from vdsm.data.maker import provenance
from vdsm.data.people.actions import ACTIONS
from vdsm.data.people.body import read_body
from vdsm.data.people.draw import draw_clip
from vdsm.data.people.figure import Figure, Wardrobe
from vdsm.data.people.options import PeopleOptions
from vdsm.data.people.person import person
from vdsm.data.people.scene import ROOMS
from vdsm.data.people.shape import Shaper
from vdsm.data.people.source import open_source
from vdsm.data.people.take import TRUTH, take_of
from vdsm.data.splits import cells_held_out, individuals_held_out, takes_held_out
from vdsm.errors import InputError

TAKE = "take"  # column of clips.npz: the number of a clip within its cell
ORIGIN = "MakeHuman (MPFB2), in the package "


@dataclass(frozen=True)
class Job:
    """Who does what: the numbers from which a clip follows."""

    source: Path | None
    seed: int
    person: int  # whose body and look
    performer: int  # whose take
    action: int
    take: int
    frames: int
    size: int


def make(out: Path, options: PeopleOptions) -> None:
    """Write the dataset folder `out`; run again to go on after an interruption."""
    make_clips(out, plan(options), options.workers)


def plan(options: PeopleOptions) -> Plan:
    """What is to be drawn. InputError where the source is no good."""
    wardrobe = _wardrobe(options.source)
    cells = list(product(range(options.people), range(len(ACTIONS)), range(options.takes)))
    who, what, number = np.array(cells, np.int64).T
    info = _info(options, wardrobe.shaper.source.name)
    length = np.full(len(cells), options.frames, np.int64)
    labels = {"person": who, "action": what}
    split = _split(info, Table(length, who, np.zeros_like(who), labels), options)
    columns = {"length": length, "group": who, "split": split, TAKE: number}
    jobs = [
        Job(options.source, options.seed, p, p, a, t, options.frames, options.size)
        for p, a, t in cells
    ]
    columns |= {f"label.{name}": column for name, column in labels.items()}
    return Plan(info, columns, TRUTH, jobs, draw_job)


def _split(info: Info, table: Table, options: PeopleOptions) -> Ints:
    shares = (options.test_share, options.validation_share, options.seed)
    if options.holdout == "person":
        split = individuals_held_out(table.group, *shares)
    else:
        split = takes_held_out(table.group * len(ACTIONS) + table.labels["action"], *shares)
    seen = Table(table.length, table.group, split, table.labels)
    return cells_held_out(info, seen, options.unseen_cells, options.seed)


def _info(options: PeopleOptions, source: str) -> Info:
    factors = (
        Factor("person", "identity", tuple(f"person {i}" for i in range(options.people))),
        Factor("action", "action", tuple(action.name for action in ACTIONS)),
    )
    made = provenance(
        "people",
        options,
        source=ORIGIN + source,
        licence="CC0-1.0",
        rooms=[room.name for room in ROOMS],
    )
    for name in ("workers", "source"):  # what has no bearing on the data
        del made["options"][name]
    return Info("people", options.size, 3, factors, made)


def draw_job(job: Job) -> tuple[Frames, Floats]:
    """Frames of a clip, and the truth of each frame."""
    figure = _figure(job.source, job.seed, job.person)
    take = take_of(job.seed, job.performer, job.action, job.take, job.frames)
    performance = take.performed(figure)
    frames = draw_clip(figure, performance.matrix, take.place, take.view, job.size)
    return frames, take.truth(performance)


@lru_cache(maxsize=1)
def _wardrobe(source: Path | None) -> Wardrobe:
    opened = open_source(source)
    return Wardrobe(Shaper(opened, read_body(opened)))


@lru_cache(maxsize=4)
def _figure(source: Path | None, seed: int, number: int) -> Figure:
    return _wardrobe(source).dress(person(seed, number))


def render_swap(
    folder: str | Path, identity_clip: int, action_clip: int, source: Path | None = None
) -> Frames:
    """uint8 [T, H, W, 3]: the person of one clip does what another shows, as the truth has it.

    Motion, camera, room and light are those of `action_clip`, body, hair and clothes those of
    `identity_clip`. source: the wheel, if the dataset was made from one; without, the installed
    package. InputError where it is another than the dataset's.
    """
    folder = Path(folder)
    info, columns = read_meta(folder)
    if info.made.get("maker") != "people":
        raise InputError(f"{folder} is no dataset of people: its swaps cannot be drawn")
    for clip in (identity_clip, action_clip):
        if not 0 <= clip < len(columns["length"]):
            raise InputError(f"there is no clip {clip} among {len(columns['length'])} of {folder}")
    opened = _wardrobe(source).shaper.source
    if info.made["source"] != ORIGIN + opened.name:
        raise InputError(
            f"{folder} was made from {info.made['source']}, and {opened.place} is {opened.name}:"
            " name the same wheel"
        )
    who = columns["label.person"][identity_clip]
    numbers = (columns[name][action_clip] for name in ("label.person", "label.action", TAKE))
    performer, action, take = (int(number) for number in numbers)
    length = int(columns["length"][action_clip])
    job = Job(
        source, info.made["options"]["seed"], int(who), performer, action, take, length, info.size
    )
    return draw_job(job)[0]
