"""Rows of the dataset from decoded videos: segments, groups, splits, factors and their labels."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vdsm.data.clips import SPLITS, Factor, Ints, hold_out, hold_out_validation
from vdsm.data.folder.extract import Decoded
from vdsm.data.folder.item import GROUP_NAMES, Item
from vdsm.data.folder.levels import USUAL
from vdsm.data.folder.options import FolderOptions
from vdsm.files import atomic_write
from vdsm.video import natural_key

FILES = "files.csv"


@dataclass(frozen=True)
class Row:
    """One clip of the dataset: a whole video or a segment of one."""

    item: Item
    start: int  # in frames.u8
    first: int  # in its video
    length: int


def rows(items: list[Item], results: Mapping[str, Decoded], options: FolderOptions) -> list[Row]:
    """The clips of the dataset, in the order of the items."""
    found = []
    for item in items:
        entry = results[item.name]
        length = options.segment or entry.frames
        if entry.problem is not None or entry.frames < options.shortest:
            continue
        for first in range(0, entry.frames - length + 1, options.stride or length):
            found.append(Row(item, entry.start + first, first, length))
    return found


def factors(items: list[Item], *, by_tree: bool) -> tuple[Factor, ...]:
    """The labels that occur, with their values in natural order.

    Those that name the individual belong to identity, and action of a tree to action. Any other
    belongs to identity if no group has two values of it, and some group has two clips to show it.
    """
    found = []
    for name in dict.fromkeys(name for item in items for name in item.labels):
        values = {item.labels.get(name, "") for item in items} - {""}
        if values:
            action = by_tree and name == USUAL[1]
            fixed = not action and _fixed_ingroups(items, name)
            ordered = tuple(sorted(values, key=natural_key))
            found.append(Factor(name, "identity" if fixed else "action", ordered))
    return tuple(found)


def _fixed_ingroups(items: list[Item], name: str) -> bool:
    if name in GROUP_NAMES:
        return True
    values: dict[str, set[str]] = {}
    members: dict[str, set[str]] = {}
    for item in items:
        if item.group is not None:
            values.setdefault(item.group, set()).add(item.labels.get(name, ""))
            members.setdefault(item.group, set()).add(item.name)
    shown = any(len(clips) > 1 for clips in members.values())
    return shown and all(len(found - {""}) <= 1 for found in values.values())


def groups(rows: list[Row]) -> Ints:
    """[N] named groups in natural order from 0, then a number for each video without a group."""
    named = sorted({r.item.group for r in rows if r.item.group is not None}, key=natural_key)
    alone = dict.fromkeys(row.item.file for row in rows if row.item.group is None)
    number = {("group", name): i for i, name in enumerate(named)}
    number |= {("alone", name): len(named) + i for i, name in enumerate(alone)}
    keys = [
        ("group", g) if (g := r.item.group) is not None else ("alone", r.item.file) for r in rows
    ]
    return np.array([number[key] for key in keys], np.int64)


def split(rows: list[Row], group: Ints, options: FolderOptions) -> Ints:
    """[N] as table or folders say (where nothing: train), else seeded shares of groups or videos.

    Where they say of no clip that it is for validation, a share of those for training is.
    """
    names = list(dict.fromkeys(row.item.file for row in rows))
    number = {name: i for i, name in enumerate(names)}
    videos = np.array([number[row.item.file] for row in rows], np.int64)
    units = group if options.holdout == "group" else videos
    if any(row.item.split for row in rows):
        found = np.array([SPLITS.index(row.item.split or "train") for row in rows], np.int64)
        shared = np.intersect1d(group[found == 0], group[found == 1])
        units = videos if len(shared) else units
    else:
        found = hold_out(units, options.test_share, options.seed)
    if SPLITS.index("validation") in found:
        return found
    return hold_out_validation(found, units, options.validation_share, options.seed)


def list_clips(
    out: Path, rows: list[Row], columns: Mapping[str, Ints], factors: tuple[Factor, ...]
) -> None:
    """files.csv: which file, and which part of it, each clip comes from."""
    labels = [factor.name for factor in factors]
    parts = any(row.item.cut for row in rows)
    place = ["file", "part"] if parts else ["file"]
    head = ["clip", *place, "first_frame", "frames", "group_number", "split", *labels]
    lines = []
    for i, row in enumerate(rows):
        split = SPLITS[columns["split"][i]]
        values = [row.item.labels.get(name, "") for name in labels]
        file = [row.item.file, str(row.item.cut or "")] if parts else [row.item.file]
        where = [i, *file, row.first, row.length]
        lines.append([*where, columns["group"][i], split, *values])
    write_csv(out / FILES, head, lines)


def write_csv(path: Path, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """A CSV file at once or not at all; names that are no UTF-8 keep their bytes."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([head, *lines])
    atomic_write(path, buffer.getvalue().encode("utf-8", "surrogateescape"))
