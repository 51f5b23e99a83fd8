"""Which arrays of a file are clips, which are their labels, and what they are split into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vdsm.data.arrays.containers import Container, listed
from vdsm.data.arrays.layout import could_be_clips
from vdsm.data.arrays.roles import split_ending, words
from vdsm.data.arrays.values import Stored
from vdsm.data.clips import SPLITS
from vdsm.data.folder.levels import split_of
from vdsm.errors import InputError

INDEX = {"indices", "index", "idx", "ids", "inds"}


@dataclass
class Part:
    """Clips in one array, with the arrays of their labels."""

    name: str
    clips: Stored
    labels: dict[str, Stored]
    split: str | None = None  # of all its clips, where names say so


@dataclass
class Found:
    """What lies in a file."""

    parts: list[Part]
    what: str = ""  # the packing, where it is known by name
    static: dict[str, bool] = field(default_factory=dict)  # label -> whether it says who
    layout: str | None = None
    passed: dict[str, str] = field(default_factory=dict)  # arrays passed over: why


def by_names(container: Container, clips: str | None) -> Found:
    """Clips by the name that the user gives, else the only array that could be clips.

    X_train and X_test are two parts of the same; y_train and y_test are their labels.
    """
    chosen = _chosen(container, clips)
    called = {split for _, split in chosen.values()}
    several = len(chosen) > 1
    parts = [
        Part(name, container.arrays[name], {}, split if len(called) > 1 else None)
        for name, (_, split) in chosen.items()
    ]
    passed = dict(container.faults)
    for name, array in container.arrays.items():
        stem, split = split_ending(name)
        if name in chosen:
            continue
        if several and split not in called:
            passed[name] = "of no split"
            continue
        part = parts[list(chosen).index(_partner(chosen, split))] if several else parts[0]
        shorter = stem if several or (split and split == chosen[part.name][1]) else name
        part.labels[shorter or name] = array
    return Found(parts, passed=passed)


def _partner(chosen: Mapping[str, tuple[str, str | None]], split: str | None) -> str:
    return next(name for name, (_, of) in chosen.items() if of == split)


def _chosen(container: Container, clips: str | None) -> dict[str, tuple[str, str | None]]:
    """The arrays of clips by name: stem and split."""
    ends = {name: split_ending(name) for name in container.arrays}
    if clips is not None:
        if clips in container.faults:
            raise InputError(f"{container.path}: {clips} is {container.faults[clips]}")
        if clips in ends:
            _check_kind(container, clips)
            return {clips: ends[clips]}
        found = {name: end for name, end in ends.items() if end[0] == clips and end[1]}
        if not found:
            raise InputError(f"{container.path} has no array '{clips}': it has {listed(container)}")
        return found
    likely = {name: ends[name] for name, a in container.arrays.items() if could_be_clips(a)}
    stems = {stem if split else name for name, (stem, split) in likely.items()}
    if len(stems) > 1:
        stems = {(stem or name) if split else name for name, (stem, split) in likely.items()}
        some = " or --clips ".join(sorted(stems)[:4])
        more = f", or {len(stems) - 4} others" if len(stems) > 4 else ""
        raise InputError(
            f"{container.path} holds several arrays that could be clips, choose one: --clips"
            f" {some}{more}"
        )
    if not likely:
        raise _no_clips(container)
    order = {split: i for i, split in enumerate(SPLITS)}
    return dict(sorted(likely.items(), key=lambda item: order.get(item[1][1] or "train", 0)))


def _no_clips(container: Container) -> InputError:
    """Why no array can be the clips: of the largest one, which was meant to be."""
    for name, why in container.faults.items():
        if why != "no array":
            return InputError(
                f"{container.path}: {name} is {why}: pad clips to one [N, T, H, W, C]"
            )
    arrays = container.arrays
    if not arrays:
        return InputError(f"{container.path} holds no array")
    name = max(arrays, key=lambda n: (arrays[n].dtype.kind == "O", int(np.prod(arrays[n].shape))))
    _check_kind(container, name)
    return InputError(
        f"{container.path} holds no clips [N, T, H, W, C], [N, T, C, H, W] or grey [N, T, H, W],"
        f" with sides of 8 pixels or more: it has {listed(container)}"
    )


def _check_kind(container: Container, name: str) -> None:
    """InputError for an array that holds no numbers, or nothing."""
    array = container.arrays[name]
    where = f"{container.path}: {name}"
    if 0 in array.shape:
        raise InputError(f"{where} is empty: {list(array.shape)}")
    if array.dtype.kind == "O":
        first: Any = np.asarray(array[...]).ravel()[0]
        seen = " ".join(repr(first)[:60].split())
        what = f"shape {list(first.shape)}" if isinstance(first, np.ndarray) else seen
        raise InputError(
            f"{where} is an array of objects, the first {what}: pad clips of different length to"
            " one array [N, T, H, W, C] of numbers, and give an array 'lengths'"
        )
    if array.dtype.kind not in "biuf":
        raise InputError(f"{where} holds {array.dtype}, where pixels should be numbers")


def by_indices(part: Part, count: int) -> list[str] | None:
    """The split of each clip from arrays such as train_indices or test_mask, which are taken out.

    count: of clips. "" for a clip that none names; but where one array stands alone, the rest is
    for testing, or for training. InputError for an index that is not there, or in two splits.
    """
    named = {}
    for name in list(part.labels):
        stem, split = split_ending(name)
        whole = split_of(name.lower().removeprefix("is_"))
        of = split or whole
        kind = part.labels[name].dtype.kind
        indices = kind in "iu" and set(words(stem)) <= INDEX and split is not None
        mask = kind == "b" and (whole is not None or words(stem) == ["mask"])
        if of and (indices or mask):
            named[name] = (of, np.asarray(part.labels.pop(name)[...]))
    if not named:
        return None
    alone = next(split for split, _ in named.values())
    rest = ("test" if alone == "train" else "train") if len(named) == 1 else ""
    splits = [""] * count
    for name, (split, values) in named.items():
        chosen = np.flatnonzero(values) if values.dtype.kind == "b" else values.ravel()
        for clip in chosen.tolist():
            if not 0 <= clip < count:
                raise InputError(f"{name} holds {clip}, but there are {count} clips, from 0")
            if splits[clip] not in ("", split):
                raise InputError(f"{name} holds clip {clip}, which is in {splits[clip]} already")
            splits[clip] = split
    return [split or rest for split in splits]
