"""Which frames a step sees: a pure function of dataset, seed, stage and step."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from vdsm.config import RunConfig, Who
from vdsm.data.cells import Mask, left_out
from vdsm.data.clips import Clips, Floats, Frames, Ints
from vdsm.errors import InputError
from vdsm.who import Found, found_among
from vdsm.words import counted

ALL = slice(None)


@dataclass(frozen=True)
class Drawn:
    """The frames of one step."""

    target: Frames  # uint8 [B, T, H, W, C], what the model is to draw
    identity_view: Frames | None = None  # uint8 [B, M, H, W, C], another clip of the individuals
    positive: Frames | None = None  # the same, of one more clip
    donor: Frames | None = None  # the same, of any clip of anybody


@runtime_checkable
class Sampler(Protocol):
    """Draws the batch of one step."""

    def draw(self, rng: np.random.Generator, batch: int, mine: slice = ALL) -> Drawn:
        """`batch` groups or segments, and as many references where they are asked for.

        Of several processes each asks for the same batch and gets (and reads) its rows alone.
        """
        ...


class Individuals:
    """Which training clips show the same individual. Clips where `out` is true are left out."""

    def __init__(self, clips: Clips, out: Mask, by: Who = "labels") -> None:
        self.clips = clips
        train = clips.select("train")
        train = train[~out[train]]
        if len(train) == 0:
            raise InputError(f"{clips.info.name} has no training clips")
        said = clips.table.group[train]
        if by == "auto":
            by = "labels" if len(np.unique(said)) < len(said) else "found"
        self.by = by
        self.found: Found | None = None  # from looks, where the run asks for that
        if by == "found":
            self.found = found_among(clips, train)
        group = train if by == "clip" else said if self.found is None else self.found.individual
        order = np.argsort(group, kind="stable")
        _, first = np.unique(group[order], return_index=True)
        self.members: list[Ints] = np.split(train[order], first[1:])
        self.all = train
        self.sure: Floats | None = None  # [clips] where found
        if self.found is not None:
            self.sure = np.zeros(len(clips))
            self.sure[train] = self.found.sure
        self.of_clip = np.full(len(clips), -1)
        for number, members in enumerate(self.members):
            self.of_clip[members] = number

    @property
    def grouped(self) -> bool:
        """Whether two training clips show the same individual."""
        return any(len(clips) > 1 for clips in self.members)

    def together(self, rng: np.random.Generator, clip: int) -> Ints:
        """All clips of the same individual; that one alone as often as a find of looks is unsure.

        So pairs are soft: clips that stand hardly apart from strangers are seldom taken for one.
        """
        if self.sure is not None and rng.random() >= self.sure[clip]:
            return np.array([clip])
        members: Ints = self.members[self.of_clip[clip]]
        return members

    def another(self, rng: np.random.Generator, clip: int) -> int:
        """Another clip of the same individual; the same one where there is no other."""
        members = self.together(rng, clip)
        others = members[members != clip]
        return int(rng.choice(others)) if len(others) else clip

    def frames(self, rng: np.random.Generator, clips: Ints, mine: slice) -> Frames:
        """uint8 [B, T, H, W, C]: a random frame of each of clips [B, T], of the rows `mine`."""
        starts = rng.integers(0, self.clips.table.length[clips])[mine]
        frames = self.clips.batch(clips[mine].ravel(), starts.ravel(), 1)
        return frames.reshape(*starts.shape, *frames.shape[2:])

    def few(self, rng: np.random.Generator, clips: Ints, count: int, mine: slice) -> Frames:
        """uint8 [B, count, H, W, C]: random frames of one clip each."""
        return self.frames(rng, clips.repeat(count).reshape(len(clips), count), mine)


def individuals(clips: Clips, config: RunConfig, by: Who = "labels") -> Individuals:
    """The training clips of a run, but for cells held out, by who is in them."""
    out = left_out(clips, config.holdout_cells, config.seed)
    return Individuals(clips, out, by)


@dataclass(frozen=True)
class Others:
    """Which other clips, mostly of the same individuals, a step is to see as well."""

    frames: int = 8  # of each such clip
    identity_view: bool = False
    positive: bool = False
    donor: bool = False


NONE = Others()


class PairSampler:
    """Before stage 1: frames of a clip of each of several individuals, and of another clip."""

    def __init__(self, individuals: Individuals, frames: int) -> None:
        self.individuals, self.frames = individuals, frames
        if len(individuals.members) < 2:
            raise InputError(
                f"{individuals.clips.info.name} has a single individual to learn from, and nobody "
                "to tell them from: set --contrast.steps 0"
            )

    def draw(self, rng: np.random.Generator, batch: int, mine: slice = ALL) -> Drawn:
        members = self.individuals.members
        people = rng.choice(len(members), min(batch, len(members)), replace=False)
        one = np.array([rng.choice(members[person]) for person in people])
        other = np.array([self.individuals.another(rng, int(clip)) for clip in one])
        x, identity_view = (self.individuals.few(rng, c, self.frames, mine) for c in (one, other))
        return Drawn(x, identity_view)


class GroupSampler:
    """Stage 1: frames of one individual in no order, from any of their training clips.

    With a identity_view, that is one clip of the individual and the frames come from the others.
    """

    def __init__(self, individuals: Individuals, frames: int, others: Others = NONE) -> None:
        self.individuals, self.frames, self.others = individuals, frames, others

    def draw(self, rng: np.random.Generator, batch: int, mine: slice = ALL) -> Drawn:
        members = self.individuals.members
        groups = rng.choice(len(members), batch, replace=batch > len(members))
        shown = np.array([rng.choice(members[group]) for group in groups])
        clips = np.stack(
            [
                rng.choice(self._apart(self.individuals.together(rng, int(c)), c), self.frames)
                for c in shown
            ]
        )
        x = self.individuals.frames(rng, clips, mine)
        return Drawn(x, *look_elsewhere(self.individuals, self.others, rng, shown, mine))

    def _apart(self, members: Ints, shown: int) -> Ints:
        """The clips to draw frames from: with references, not the one that is referred to."""
        others = members[members != shown]
        return others if self.others.identity_view and len(others) else members


class SegmentSampler:
    """A random segment of a random training clip, frames in order.

    setting: what says how many frames, as errors name it.
    """

    def __init__(
        self,
        individuals: Individuals,
        frames: int,
        others: Others = NONE,
        setting: str = "stage2.frames",
    ) -> None:
        self.individuals, self.frames, self.others = individuals, frames, others
        self.clips = clips = individuals.clips
        pool = clips.select("train", min_length=frames)
        self.pool = pool[individuals.of_clip[pool] >= 0]
        if len(self.pool) == 0:
            longest = int(clips.table.length.max())
            raise InputError(
                f"no training clip of {clips.info.name} has {counted(frames, 'frame')} (the "
                f"longest of all has {longest}): lower --{setting}"
            )

    def draw(self, rng: np.random.Generator, batch: int, mine: slice = ALL) -> Drawn:
        clips, starts = self.choose(rng, batch)
        x = self.clips.batch(clips[mine], starts[mine], self.frames)
        shown = np.array([self.individuals.another(rng, int(c)) for c in clips])
        return Drawn(x, *look_elsewhere(self.individuals, self.others, rng, shown, mine))

    def choose(self, rng: np.random.Generator, batch: int) -> tuple[Ints, Ints]:
        """Clips [B], and the frames that their segments begin with."""
        clips = rng.choice(self.pool, batch, replace=batch > len(self.pool))
        return clips, rng.integers(0, self.clips.table.length[clips] - self.frames + 1)


def look_elsewhere(
    individuals: Individuals, others: Others, rng: np.random.Generator, shown: Ints, mine: slice
) -> tuple[Frames | None, Frames | None, Frames | None]:
    """Of the clips `shown`, of one more of each individual, of any clip: as far as asked for."""
    identity_view = positive = donor = None
    if others.identity_view:
        identity_view = individuals.few(rng, shown, others.frames, mine)
    if others.positive:
        more = np.array([individuals.another(rng, int(clip)) for clip in shown])
        positive = individuals.few(rng, more, others.frames, mine)
    if others.donor:
        anybody = rng.choice(individuals.all, len(shown))
        donor = individuals.few(rng, anybody, others.frames, mine)
    return identity_view, positive, donor


def step_seed(seed: int, stage: int, step: int, attempt: int) -> int:
    """A seed that is a function of these four numbers and of nothing else."""
    return seed_of(seed, stage, step, attempt)


def stage_seed(seed: int, stage: int) -> int:
    """For what is drawn once, before the first step of a stage."""
    return seed_of(seed, stage, 0, 0, 1)  # no step's: SeedSequence fills up with zeros


def seed_of(*key: int) -> int:
    """63 bits that depend on all of the key."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
