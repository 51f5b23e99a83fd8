"""One row a clip: its place in the arrays, length, split, group and labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vdsm.data.arrays.labels import Value, as_text, columns_of, in_order
from vdsm.data.arrays.options import ArraysOptions
from vdsm.data.arrays.parts import Found, Part, by_indices
from vdsm.data.arrays.roles import (
    GROUP,
    LENGTH,
    PLACES,
    SPLIT,
    identities,
    is_general,
    joined,
    splits_of,
)
from vdsm.data.arrays.values import Axes
from vdsm.data.clips import SPLITS, Factor, Ints, three_splits
from vdsm.errors import InputError
from vdsm.video import natural_key


@dataclass(frozen=True)
class Rows:
    """The table, with clips of all parts in a row."""

    length: Ints  # [N]; 0: left out
    group: Ints
    split: list[str]
    factors: tuple[Factor, ...]
    labels: dict[str, Ints]


@dataclass
class Columns:
    """What label arrays say of each clip, before it is sorted out."""

    length: list[int]
    values: dict[str, list[Value]]
    split: list[str]  # "" unknown
    group: list[str]


def read_columns(found: Found, axes: Sequence[Axes]) -> Columns:
    """The label arrays of all parts, joined; what is none is added to `found.passed`."""
    joint = Columns([], {}, [], [])
    for part, stored in zip(found.parts, axes, strict=True):
        count, frames = stored.shape[:2]
        before = len(joint.length)
        split = by_indices(part, count) or [part.split or ""] * count
        lengths, group = [frames] * count, [""] * count
        columns: dict[str, list[Value]] = {}
        for name, array in part.labels.items():
            if array.shape[:1] != (count,):
                found.passed[name] = f"{list(array.shape)}, not one for each of {count} clips"
                continue
            read = columns_of(name, array, frames)
            if isinstance(read, str):
                found.passed[name] = read
            else:
                columns |= read
        for name in [name for name in columns if joined(name) in LENGTH]:
            lengths = _lengths(name, columns.pop(name), frames)
        for name in [name for name in columns if joined(name) in SPLIT]:
            split = splits_of(name, as_text(columns.pop(name))[0])
        for name in [name for name in columns if joined(name) in GROUP]:
            group = as_text(columns[name])[0]
        joint.length += lengths
        joint.split += split
        joint.group += group
        for name in columns.keys() - joint.values.keys():
            joint.values[name] = [None] * before
        for name, values in joint.values.items():
            values += columns.get(name, [None] * count)
    joint.values = {name: joint.values[name] for name in _in_order(found.parts, joint.values)}
    return joint


def _in_order(parts: Sequence[Part], values: Mapping[str, list[Value]]) -> list[str]:
    """Names as the file has them, since a set has no order of its own."""
    first = list(dict.fromkeys(name for part in parts for name in part.labels))

    def place(name: str) -> tuple[int, object]:
        stems = [i for i, known in enumerate(first) if name.startswith(known)]
        return first.index(name) if name in first else min(stems, default=0), natural_key(name)

    return sorted(values, key=place)


def _lengths(name: str, values: Sequence[Value], frames: int) -> list[int]:
    for clip, value in enumerate(values):
        number = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if not number or not 0 <= int(value or 0) <= frames:
            raise InputError(f"{name} holds {value} for clip {clip}: expected 0 to {frames} frames")
    return [int(value or 0) for value in values]


def sort_out(found: Found, columns: Columns, options: ArraysOptions) -> Rows:
    """Factors with their roles, groups and split, from what the arrays say."""
    length = np.array(columns.length, np.int64)
    length[length < options.min_length] = 0
    known = any(columns.split)
    if known:
        length[np.array([not split for split in columns.split])] = 0
    texts: dict[str, list[str]] = {}
    for name, values in columns.values.items():
        text, binned = as_text(values)
        if joined(name) in PLACES and len(set(text)) == len(text):
            found.passed[name] = "another value in every clip"
            continue
        if binned:
            found.passed[name] = "kept in bins of equal number"
        texts[name.replace(".", "_")] = text
    who = identities(texts, options.identity, found.static, _fixed(texts, columns.group))
    if options.identity is None:
        for name in sorted(name for name in who if is_general(name)):
            found.passed[name] = "taken to say who: --identity none if it says what they do"
    factors, labels = [], {}
    for name, text in texts.items():
        ordered = in_order(text)
        if ordered:
            factors.append(Factor(name, "identity" if name in who else "action", ordered))
            number = {value: i for i, value in enumerate(ordered)}
            labels[name] = np.array([number.get(value, -1) for value in text], np.int64)
    group = _groups(columns.group, [labels[n] for n in labels if n in who])
    split = columns.split if known else _held_out(group, length, options)
    return Rows(length, group, split, tuple(factors), labels)


def _fixed(texts: Mapping[str, list[str]], group: Sequence[str]) -> set[str]:
    """Labels that have one value in each named group, where some group has two clips."""
    named = [g for g in group if g]
    if len(set(named)) == len(named):
        return set()
    fixed = set()
    for name, text in texts.items():
        pairs = {(g, value) for g, value in zip(group, text, strict=True) if g and value}
        if pairs and len(pairs) == len({g for g, _ in pairs}):
            fixed.add(name)
    return fixed


def _groups(named: Sequence[str], who: Sequence[Ints]) -> Ints:
    """[N] by the names of groups, else by all labels of identity; unknown: a group of its own."""
    count = len(named)
    keys: list[tuple[object, ...]]
    if any(named):
        order = {name: i for i, name in enumerate(sorted(set(named) - {""}, key=natural_key))}
        keys = [(0, order[g]) if g else (1, i) for i, g in enumerate(named)]
    elif who:
        rows = np.stack(who, 1)
        keys = [(0, *row) if min(row) >= 0 else (1, i) for i, row in enumerate(rows.tolist())]
    else:
        return np.arange(count, dtype=np.int64)
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in keys], np.int64)


def _held_out(group: Ints, length: Ints, options: ArraysOptions) -> list[str]:
    """Seeded shares of groups, or of clips, of those that are kept."""
    kept = np.flatnonzero(length)
    split = np.zeros(len(group), np.int64)
    by_group = options.holdout == "group"
    if by_group and options.test_share > 0 and len(kept) > 1 and len(np.unique(group[kept])) == 1:
        raise InputError(
            "all clips are of one individual, so none can be held out: use --holdout clip, or"
            " --test-share 0"
        )
    units = group[kept] if by_group else kept
    shares = options.test_share, options.validation_share
    split[kept] = three_splits(units, *shares, options.seed)
    return [SPLITS[number] for number in split.tolist()]
