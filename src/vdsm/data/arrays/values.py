"""Axes and values of stored clips: blocks as [n, T, H, W, C], and the range that becomes 8 bits."""

import mmap
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Frames
from vdsm.errors import InputError

BLOCK = 2**25  # bytes of stored clips in memory at a time, but one clip at least
BY_256 = (0.0, 255 / 256)  # 8-bit values that were divided by 256
Range = tuple[float, float]  # the values that become 0 and 255
Array = npt.NDArray[Any]


class Stored(Protocol):
    """An array in memory or on the disk: NumPy's, or h5py's."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __getitem__(self, key: Any) -> Any: ...


@dataclass(frozen=True)
class Axes:
    """Stored clips under their name, with what each axis stands for: a permutation of nthwc."""

    name: str
    stored: Stored
    layout: str  # without n: one clip; without c: grey

    def size(self, axis: str) -> int:
        """Extent of one axis."""
        return self.stored.shape[self.layout.index(axis)] if axis in self.layout else 1

    @property
    def shape(self) -> tuple[int, ...]:
        """[N, T, H, W, C]."""
        return tuple(self.size(axis) for axis in "nthwc")

    def block(self, start: int, stop: int) -> Array:
        """Clips start .. stop as [n, T, H, W, C], values as they are stored."""
        if "n" not in self.layout:
            return self._ordered(np.asarray(self.stored[...])[None], f"n{self.layout}")
        before = (slice(None),) * self.layout.index("n")
        return self._ordered(np.asarray(self.stored[(*before, slice(start, stop))]), self.layout)

    def _ordered(self, block: Array, layout: str) -> Array:
        block = block.transpose([layout.index(axis) for axis in "nthwc" if axis in layout])
        return block if "c" in layout else block[..., None]

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """(number of its first clip, [n, T, H, W, C]) for all clips, a few MB at a time."""
        count, *rest = self.shape
        step = max(1, BLOCK // (int(np.prod(rest)) * self.stored.dtype.itemsize))
        for start in range(0, count, step):
            yield start, self.block(start, min(start + step, count))
            release(self.stored)


def release(stored: Stored) -> None:
    """Let go of the pages of a mapped file, which would count as memory of this process."""
    mapped = getattr(stored, "base", None)
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def parse_range(text: str) -> Range:
    """Low and high of a range written `LOW,HIGH`."""
    number = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
    match = re.fullmatch(f"{number},{number}", text)
    low, high = map(float, match.groups()) if match else (0.0, 0.0)
    if not low < high:
        raise InputError(
            f"range '{text}' is not one: give the values of black and white, as 0,1 or -1,1"
        )
    return low, high


class Extremes:
    """Least and largest value of clips as they are seen, and what range they make likely."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.low, self.high = np.inf, -np.inf
        self.dtypes: list[np.dtype[Any]] = []
        self.by_256 = True

    def settled(self, dtype: np.dtype[Any]) -> bool:
        """Whether more values of this type change nothing: truth values, and usual 8 bits."""
        self.dtypes += [] if dtype in self.dtypes else [dtype]
        return dtype.kind == "b" or (dtype == np.uint8 and self.high > 1)

    def see(self, name: str, start: int, block: Array) -> None:
        """Take in a block [n, T, ...]; InputError for what is not finite."""
        if block.dtype.kind == "f":
            check_finite(name, start, block)
            self.by_256 = self.by_256 and bool((block * 256.0 % 1 == 0).all())
        self.low = min(self.low, float(block.min()))
        self.high = max(self.high, float(block.max()))

    def range(self) -> Range:
        """InputError where the values could be of several ranges."""
        kinds = {dtype.kind for dtype in self.dtypes}
        if kinds == {"b"}:
            return 0, 1
        if set(self.dtypes) == {np.dtype(np.uint8)} and self.high > 1:
            return 0, 255
        types = " and ".join(map(str, self.dtypes))
        choices = _ranges(self.low, self.high, kinds <= {"f"})
        if len(choices) != 1:
            told = " or ".join(f"--range {a:g},{b:g}" for a, b in choices) or "--range LOW,HIGH"
            raise InputError(
                f"{self.name} holds {types} values from {self.low:g} to {self.high:g}: say what is"
                f" black and what is white, by {told}"
            )
        shared = self.by_256 and choices[0] == (0, 1) and 0 < self.high <= BY_256[1]
        return BY_256 if shared else choices[0]


def find_range(parts: Sequence[Axes]) -> Range:
    """The range of clips, from their type and all their values.

    InputError for what is not finite, and for values that could be of several ranges.
    """
    seen = Extremes(parts[0].name)
    for part in parts:
        for start, block in part.blocks():
            if seen.settled(block.dtype):
                break
            seen.see(part.name, start, block)
    return seen.range()


def _ranges(low: float, high: float, floats: bool) -> list[Range]:
    """The usual ranges that could have these extremes; none: something else."""
    if low < -1 or high > 255 or (low < 0 and high > 1):
        return []
    if low < 0:  # a little below zero: what was scaled to [0, 1] overshoots
        return [(-1, 1)] if low <= -0.5 else [(0, 1), (-1, 1)]
    if high <= 1:
        return [(0, 1)] if floats else [(0, 1), (0, 255)]
    return [(0, 255)] if high > 2 else [(0, 1), (0, 255)]


def check_finite(name: str, start: int, block: Array) -> None:
    """InputError that names the first value of [n, T, ...] that is no number."""
    finite = np.isfinite(block)
    if not finite.all():
        where = np.unravel_index(int(np.argmin(finite)), block.shape)
        raise InputError(
            f"{name} holds {block[where]} in clip {start + int(where[0])}, frame {int(where[1])}:"
            " mend the array, or leave that clip out"
        )


def to_bytes(name: str, start: int, block: Array, limits: Range) -> Frames:
    """uint8 of a block [n, T, H, W, C], whose values lie in a range; InputError outside of it."""
    if block.dtype == np.uint8 and limits == (0, 255):
        return block
    if block.dtype.kind == "f":
        check_finite(name, start, block)
    low, high = limits
    exact: npt.DTypeLike = np.float64 if block.dtype.itemsize > 4 else np.float32
    levels = np.subtract(block, low, dtype=exact) * (255 / (high - low))
    outside = (levels < -0.5) | (levels > 255.5)
    if outside.any():
        where = np.unravel_index(int(np.argmax(outside)), block.shape)
        raise InputError(
            f"{name} holds {block[where]} in clip {start + int(where[0])}, frame {int(where[1])},"
            f" outside of {low:g} to {high:g}: give the true --range, or mend the array"
        )
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)
