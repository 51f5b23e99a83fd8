"""Label arrays to columns of text: one value a clip, "" where it is not known.

One-hot axes are counted off, axes along which nothing changes are dropped, columns of a table
become labels of their own. Floats that are whole numbers count as such; others stay values where
few of them occur, and fall into bins of equal number else.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from vdsm.data.arrays.values import Array, Stored
from vdsm.video import natural_key

Value = str | int | float | bool | None
LARGEST = 2**27  # values of an array that is looked at as labels
LARGEST_WHOLE = 2**1000  # of numbers that a float can stand for
COLUMNS = 64  # of a table
FEW = 20  # values of a float that stay as they are, if each has two clips on average
BINS = 5


def columns_of(name: str, stored: Stored, frames: int) -> dict[str, list[Value]] | str:
    """Labels [N] of an array whose first axis counts clips, by name; or why it has none.

    [N], [N, 1]; one-hot [N, K], [N, L, K]; the same in every frame [N, T, ...]; a table [N, L].
    """
    if int(np.prod(stored.shape)) > LARGEST or len(stored.shape) > 4:
        return "too large for labels"
    values = np.asarray(stored[...])
    if values.dtype.kind not in "biufSUO":
        return f"of type {values.dtype}"
    values, changes = _without_frames(values, frames)
    if changes:
        return "changes within clips"
    if values.ndim == 1:
        return {name: [_plain(value) for value in values.tolist()]}
    table = values.dtype.kind in "biSUO" or (values.dtype.kind == "f" and _whole(values))
    if values.ndim == 2 and values.shape[1] <= COLUMNS and table:
        columns = enumerate(values.T.tolist(), start=1)
        return {f"{name}{i}": [_plain(value) for value in column] for i, column in columns}
    return f"{values.dtype} {list(stored.shape)} is no label"


def _without_frames(values: Array, frames: int) -> tuple[Array, bool]:
    """Without one-hot axes and the axis of frames; and whether something changes along that."""
    counted_off = False
    while values.ndim > 1:
        if values.shape[-1] == 1:
            values = values[..., 0]
        elif not counted_off and is_one_hot(values):
            values, counted_off = values.argmax(-1), True
        elif values.shape[1] == frames and (values == values[:, :1]).all():
            values = values[:, 0]
        else:
            over_time = values.ndim > 2 and values.shape[1] == frames
            return values, over_time or (counted_off and values.shape[1] == frames)
    return values, False


def is_one_hot(values: Array) -> bool:
    """Whether along the last axis one value is 1 and the others are 0, everywhere."""
    if values.dtype.kind not in "biuf" or values.shape[-1] < 2 or not values.size:
        return False
    ones = values == 1
    return bool(((values == 0) | ones).all() and (ones.sum(-1) == 1).all())


def _whole(values: Array) -> bool:
    finite = values[np.isfinite(values)]
    return bool((finite == np.rint(finite)).all())


def _plain(value: Any) -> Value:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | float) or value is None else str(value)


def as_text(values: Sequence[Value]) -> tuple[list[str], bool]:
    """Each value as it is called, and whether numbers were put into bins.

    A bin is called by its smallest and largest value: "0.5 to 1.25".
    """
    numbers = [v for v in values if isinstance(v, float) and math.isfinite(v)]
    if all(number == int(number) for number in numbers):
        return [_text(value) for value in values], False
    known = [float(v) for v in values if v is not None and _is_number(v)]
    if len(set(known)) <= min(FEW, len(known) / 2):
        return [_text(value) for value in values], False
    bounds = np.unique(np.sort(known)[[i * len(known) // BINS for i in range(1, BINS)]])
    place = np.searchsorted(bounds, known, side="right")
    names: dict[int, str] = {}
    for number in np.unique(place).tolist():
        inside = [v for v, at in zip(known, place, strict=True) if at == number]
        names[number] = f"{min(inside):.6g} to {max(inside):.6g}"
    texts = iter([names[int(number)] for number in place])
    return [next(texts) if _is_number(value) else _text(value) for value in values], True


def in_order(texts: Iterable[str]) -> tuple[str, ...]:
    """The different values that are known: numbers and bins by size, else in natural order."""
    values = sorted(set(texts) - {""}, key=natural_key)  # a set has no order of its own
    try:
        sizes = {text: float(text.partition(" to ")[0]) for text in values}
    except ValueError:
        return tuple(values)
    return tuple(sorted(values, key=lambda text: (math.isnan(sizes[text]), sizes[text])))


def _is_number(value: Value) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < LARGEST_WHOLE
    return isinstance(value, float) and math.isfinite(value)


def _text(value: Value) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.6g}"
    return str(value).strip()
