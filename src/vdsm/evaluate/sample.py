"""From a dataset to what the panel takes: segments, labels, roles, and unseen combinations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vdsm.data.clips import SPLITS, Clips, Frames, Ints, Role
from vdsm.errors import InputError
from vdsm.evaluate.inputs import JUDGES_ONLY, factor_fault
from vdsm.evaluate.seeds import generator
from vdsm.words import counted

MOST_UNSEEN = 1000  # pairs
FEW = 400  # training segments up to which long clips give several
MANY = 4000  # the same, for judges
EARLY = 0.6  # share of a test clip that judges may see where they are allowed to


class Segments:
    """A segment of each chosen clip, read on demand: uint8 [N, T, H, W, C] to the panel."""

    def __init__(self, clips: Clips, rows: Ints, starts: Ints, frames: int) -> None:
        self.clips = clips
        self.rows = rows  # [N] clips of the dataset
        self.starts = starts  # [N] first frame of the segment
        size, channels = clips.info.size, clips.info.channels
        self.shape = (len(rows), frames, size, size, channels)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Ints) -> Frames:
        return self.clips.batch(self.rows[rows], self.starts[rows], self.shape[1])


@dataclass(frozen=True)
class Sample:
    """What `panel` takes of a dataset: `panel(**sample.arguments(), codes=..., decode=...)`."""

    real: Segments
    labels: Mapping[str, Ints]
    roles: Mapping[str, Role]
    split: Ints
    groups: Ints
    unseen: Ints | None
    left_out: Mapping[str, str]  # what cannot be measured, factors or clips, -> why

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `panel`."""
        names = ("real", "labels", "roles", "split", "groups", "unseen")
        return {name: getattr(self, name) for name in names} | {"recordings": self.real.rows}


def draw_sample(
    clips: Clips,
    frames: int,
    train: int,
    test: int,
    seed: int,
    early: bool = False,
    measured: str = "test",
) -> Sample:
    """A seeded choice of training and test clips, with one random segment of each.

    Of training clips nobody gives a second one before everybody has given one: what probes and
    judges can learn of individuals hangs on how many they meet.
    Where training clips are few and long, probes learn from several segments of each, judges from
    more still.
    frames: length of the segments; shorter clips are left out, and how many test clips these are
    is said in `left_out`. train, test: most clips of each.
    measured: the split of the dataset whose clips are measured.
    early: judges (and they alone) learn from the beginning of every test clip as well, and what
    is measured comes from the rest of it.
    Factors that cannot be judged (one value, or values that training clips lack) are left out,
    with the reason. InputError where the dataset has no such clips that are long enough.
    """
    if measured not in SPLITS:
        raise InputError(f"no split '{measured}' in this version: it is {' or '.join(SPLITS)}")
    order = {}
    for name in ("train", measured):
        found = clips.select(name, min_length=frames)
        if len(found) < 2:
            raise InputError(
                f"{clips.path or clips.info.name} has {counted(len(found), f'{name} clip')} of "
                f"{counted(frames, 'frame')} or more: evaluation needs at least 2"
            )
        order[name] = generator(seed, f"sample.{name}").permutation(found)
    turns = occurrence(clips.table.group[order["train"]])
    learnt = np.sort(order["train"][np.argsort(turns, kind="stable")][:train])
    asked = np.sort(order[measured][:test])
    main, starts, alone = _segments(clips, frames, learnt, asked, seed, early)
    chosen = np.append(main, alone)
    held = np.isin(main, asked).astype(np.int64)
    split = np.append(held, np.full(len(alone), JUDGES_ONLY))
    groups = clips.table.group[chosen]
    labels: dict[str, Ints] = {}
    roles: dict[str, Role] = {}
    left_out = _too_short(clips, frames, measured)
    for factor in clips.info.factors:
        column = clips.table.labels[factor.name][chosen]
        fault = factor_fault(column[split == 0], column[split == 1])
        if fault:
            left_out[factor.name] = fault
        else:
            labels[factor.name], roles[factor.name] = column, factor.role
    return Sample(
        real=Segments(clips, chosen, starts, frames),
        labels=labels,
        roles=roles,
        split=split,
        groups=groups,
        unseen=_unseen(clips, main, labels, roles, seed),
        left_out=left_out,
    )


def occurrence(values: Ints) -> Ints:
    """[N] how many of the values before each one equal it."""
    order = np.argsort(values, kind="stable")
    _, first, counts = np.unique(values[order], return_index=True, return_counts=True)
    found = np.empty(len(values), np.int64)
    found[order] = np.arange(len(values)) - first.repeat(counts)
    return found


def _too_short(clips: Clips, frames: int, split: str) -> dict[str, str]:
    """The clips of a split that are too short to be measured, as an entry of `left_out`."""
    n, long = len(clips.select(split)), len(clips.select(split, min_length=frames))
    if long == n:
        return {}
    verb = "is" if n - long == 1 else "are"
    return {f"{split} clips": f"{n - long} of {n} {verb} shorter than {counted(frames, 'frame')}"}


def _segments(
    clips: Clips, frames: int, train: Ints, test: Ints, seed: int, early: bool
) -> tuple[Ints, Ints, Ints]:
    """[N] clips to learn from and to measure, starts of all [N + M], [M] clips for judges alone."""
    length = clips.table.length
    each = segments_each(length[train], frames)
    more = segments_each(length[train], frames, MANY) - each
    main = np.concatenate([train.repeat(each), test])
    first = np.zeros(len(main), np.int64)
    # For judges alone: the clips, and where in each what they may see ends.
    alone = {"judged": (train.repeat(more), length[train].repeat(more))}
    if early:
        end = first[each.sum() :] = beginning(length[test], frames)
        each = segments_each(length[test], frames)
        alone["early"] = test.repeat(each), end.repeat(each)
    starts = [generator(seed, "sample.starts").integers(first, length[main] - frames + 1)]
    for name, (_, until) in alone.items():
        starts.append(generator(seed, f"sample.{name}").integers(0, until - frames + 1))
    return main, np.concatenate(starts), np.concatenate([rows for rows, _ in alone.values()])


def beginning(lengths: Ints, frames: int) -> Ints:
    """[N] frames at the start of each clip that judges may see: `EARLY`, leaving one segment.

    InputError where a clip is too short for a segment of each part.
    """
    if len(lengths) and lengths.min() < 2 * frames:
        raise InputError(
            f"a clip of {counted(int(lengths.min()), 'frame')} is too short for judges to see its "
            f"beginning: that takes two segments of {frames}; leave --judge-early out"
        )
    return np.clip((EARLY * lengths).astype(np.int64), frames, lengths - frames)


def segments_each(lengths: Ints, frames: int, most: int = FEW) -> Ints:
    """How many segments to draw of each clip: as many as fit, and about `most` in all."""
    return np.clip(lengths // frames, 1, max(1, most // len(lengths)))


def unseen_pairs(
    groups: Ints, actions: Ints, split: Ints, seed: int, usable: Ints | None = None
) -> Ints:
    """[P, 2] rows: swaps of the first's identity with the second's motion are unseen combinations.

    A combination of individual and action is unseen where a test clip has it and no training clip
    does, though training clips have both the individual and the action. The identity comes from
    a training clip of the individual, which therefore does something else, the motion from any
    clip of another individual. Clips that training left out count as test clips.

    groups, actions, split: [N]. usable: rows that may be in pairs, all by default.
    """
    rng = generator(seed, "unseen")
    trained, allowed = split == 0, np.ones(len(split), np.bool_)
    if usable is not None:
        allowed[:] = False
        allowed[usable] = True
    seen = set(zip(groups[trained].tolist(), actions[trained].tolist(), strict=True))
    both = np.isin(groups, groups[trained]) & np.isin(actions, actions[trained]) & (actions >= 0)
    pairs = []
    for row in rng.permutation(np.flatnonzero(both & ~trained)):
        if (int(groups[row]), int(actions[row])) in seen:
            continue
        who = np.flatnonzero(allowed & trained & (groups == groups[row]))
        what = np.flatnonzero(allowed & (groups != groups[row]) & (actions == actions[row]))
        if len(who) and len(what):
            pairs.append((rng.choice(who), rng.choice(what)))
        if len(pairs) == MOST_UNSEEN:
            break
    return np.array(pairs, np.int64).reshape(-1, 2)


def pairs_within(chosen: Ints, groups: Ints, actions: Ints, split: Ints, seed: int) -> Ints | None:
    """`unseen_pairs` of chosen clips, by position among them; None where there are none."""
    pairs = unseen_pairs(groups, actions, split, seed, chosen)
    order = np.argsort(chosen)
    return order[np.searchsorted(chosen, pairs, sorter=order)] if len(pairs) else None


def _unseen(
    clips: Clips, chosen: Ints, labels: Mapping[str, Ints], roles: Mapping[str, Role], seed: int
) -> Ints | None:
    """Pairs by position in the sample, of the action factor with most values."""
    actions = [name for name in labels if roles[name] == "action"]
    if not actions:
        return None
    main = max(actions, key=lambda name: len(np.unique(labels[name])))
    return pairs_within(
        chosen, clips.table.group, clips.table.labels[main], clips.table.split, seed
    )
