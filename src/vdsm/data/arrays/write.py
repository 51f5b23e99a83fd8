"""Clips to a dataset folder: cropped, scaled, with their rows; made again after a kill."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from vdsm.data.arrays.options import ArraysOptions
from vdsm.data.clips import MAKING, ClipWriter, Frames, Info, half_made, resumable
from vdsm.data.maker import provenance
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, left_by_a_kill, read_json
from vdsm.progress import bar_columns
from vdsm.screen import screen
from vdsm.video import Fit

MAKER = "arrays"


@contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Claim the output before the work; what a killed run left there is removed first.

    Whatever fails inside leaves no folder behind.
    """
    if _left_by_us(out):
        for file in (
            *(out / n for n in ("frames.u8", "clips.npz", MAKING)),
            *left_by_a_kill(out, "*"),
        ):
            file.unlink(missing_ok=True)
    claim_folder(out)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            out.rmdir()
        raise


def _left_by_us(out: Path) -> bool:
    """Whether a killed run of this maker left a folder, or one that had just begun it."""
    if resumable(out):
        return read_json(out / MAKING).get("maker") == MAKER
    return half_made(out) and (out / "frames.u8").stat().st_size == 0


@contextmanager
def writer(out: Path, info: Info) -> Iterator[ClipWriter]:
    """A `ClipWriter` whose half-made folder says that the same command makes it again."""
    with ClipWriter(out, info) as clips:
        atomic_write(out / MAKING, json.dumps({"maker": MAKER}).encode())
        try:
            yield clips
        except BaseException:
            (out / MAKING).unlink(missing_ok=True)
            raise
    (out / MAKING).unlink(missing_ok=True)


def describe(options: ArraysOptions, found: Mapping[str, Any]) -> dict[str, Any]:
    """The record of how the data were made; `found` holds what was recognized."""
    name = options.source.name or options.source.resolve().name
    made = provenance(MAKER, options, source=name, licence="that of the source", **found)
    del made["options"]["max_broken"]  # it has no bearing on the data
    return made


def fitted(frames: Frames, options: ArraysOptions, channels: int) -> Frames:
    """uint8 [T, H, W, C] to [T, size, size, channels], by the same resampling as videos."""
    height, width, has = frames.shape[1:]
    square = height == width == options.size and options.crop in ("centre", "square")
    if square and has == channels:
        return np.ascontiguousarray(frames)
    fit = Fit(options.size, options.crop, channels == 1)
    return np.stack([fit(np.repeat(f, 3, -1) if has == 1 else f) for f in frames])


@contextmanager
def bar(total: int) -> Iterator[Any]:
    """A function to call after each clip, which moves a bar on a terminal."""
    console = screen(stderr=True)
    with Progress(*bar_columns(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("writing", total=total)
        yield lambda: progress.update(task, advance=1)


def say(text: str) -> None:
    """One line to the person at the terminal."""
    screen(stderr=True).print(" ".join(text.split()), soft_wrap=True)


def check_kept(kept: int, all_of_them: int, options: ArraysOptions) -> None:
    """InputError where no clip is left."""
    if not kept:
        raise InputError(
            f"{options.source}: none of {all_of_them} clips has {options.min_length} frames or"
            " more and a split"
        )
