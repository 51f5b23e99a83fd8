"""What the video modules share: types, the largest picture that is decoded, ways to refuse one."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vdsm.errors import InputError

Bytes = mmap.mmap | bytes
Frames = npt.NDArray[np.uint8]
Timed = tuple[float | None, Frames]  # seconds since the first frame (None: no clock), [H, W, 3]
TimedFrames = Iterator[Timed]
Numbered = tuple[int, Frames]  # which frame of its file it is, from 0

MAX_PIXELS = 2**26  # 8192 x 8192 or 11,585 x 5,792: above 8K video, 200 MB as RGB


class NoVideo(InputError):
    """A file with sound or text alone."""


class BeyondPicture(InputError):
    """A crop box that is not inside of the picture."""


def check_pixels(path: Path, width: int, height: int) -> None:
    """Refuse a picture that would not decode in reasonable memory, before decoding it."""
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path} is {width} x {height} pixels, over the limit of {MAX_PIXELS // 10**6} million:"
            " scale it down first"
        )
    if width < 1 or height < 1:
        raise InputError(f"{path} is {width} x {height} pixels: it holds no picture")


def truncated(path: Path, what: str) -> InputError:
    return InputError(f"{path} is truncated ({what}): copy or encode it again")


def damaged(path: Path, what: str) -> InputError:
    return InputError(f"{path} is damaged ({what}): copy or encode it again")
