"""Clips in batches: read from the caller's array, or decoded by the caller's model."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch

from vdsm.data.clips import Ints
from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.evaluate.inputs import CodeArrays, Inputs, to_numpy
from vdsm.notation import Video

Decode = Callable[[CodeArrays], Any]  # codes of B clips -> clips [B, T, C, H, W] in [0, 1]
Progress = Callable[[str, int, int], None]  # what, done, total
SLACK = 1e-3  # a decoder may overshoot [0, 1] by rounding; it is clipped


def cuts(n: int, batch: int) -> Iterator[slice]:
    """Slices that cover n rows in order, the last one as short as it comes."""
    for start in range(0, n, batch):
        yield slice(start, min(start + batch, n))


def read(real: Any, rows: Ints) -> Video:
    """Real clips of ascending rows, in [0, 1]."""
    clips = np.asarray(real[rows])
    expected = (len(rows), *real.shape[1:])
    if clips.dtype != np.uint8 or clips.shape != expected:
        raise InputError(
            f"real gave {clips.dtype} {clips.shape} for {len(rows)} rows, expected uint8 {expected}"
        )
    return as_video(np.ascontiguousarray(clips)).contiguous()


def read_any(real: Any, rows: Ints) -> Video:
    """Real clips of rows in any order, in [0, 1]."""
    distinct, place = np.unique(rows, return_inverse=True)
    return read(real, distinct)[torch.from_numpy(place)]


def real_clips(inputs: Inputs, rows: Ints, batch: int) -> Iterator[Video]:
    """Real clips of ascending rows, batch by batch."""
    for cut in cuts(len(rows), batch):
        yield read(inputs.real, rows[cut])


def watch(clips: Iterable[Video], *observers: Callable[[Video], None]) -> Iterator[Video]:
    """The same batches, each shown to every observer on its way."""
    for batch in clips:
        for observe in observers:
            observe(batch)
        yield batch


def mix(codes: CodeArrays, who: Ints, what: Ints) -> dict[str, Any]:
    """Identity codes of rows `who`, and every other code of rows `what`."""
    return {name: code[who if name == "s" else what] for name, code in codes.items()}


def decode_checked(decode: Decode | None, codes: CodeArrays, inputs: Inputs) -> Video:
    """Decoded clips as the panel takes them; InputError that says what the decoder gave instead."""
    if not callable(decode):
        raise InputError(f"decode is a {type(decode).__name__}: give a function of codes")
    _, frames, height, width, channels = inputs.real.shape
    n = len(next(iter(codes.values())))
    return check_clips("decode", decode(codes), (n, frames, channels, height, width))


def check_clips(source: str, made: Any, expected: tuple[int, ...]) -> Video:
    """Clips that a caller's function made: [B, T, C, H, W] in [0, 1], or uint8 [B, T, H, W, C]."""
    clips = to_numpy(made)
    b, t, c, h, w = expected
    if clips.dtype == np.uint8 and clips.shape == (b, t, h, w, c):
        return as_video(clips).contiguous()
    if clips.shape != expected or not np.issubdtype(clips.dtype, np.floating):
        raise InputError(
            f"{source} gave {clips.dtype} {clips.shape}, expected floats {expected} "
            "as clips, frames, channels, rows, columns"
        )
    low, high = float(clips.min()), float(clips.max())
    if not (low >= -SLACK and high <= 1 + SLACK):
        raise InputError(f"{source} gave values from {low:.3g} to {high:.3g}, expected [0, 1]")
    return torch.from_numpy(np.ascontiguousarray(clips, np.float32)).clamp(0, 1)


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
