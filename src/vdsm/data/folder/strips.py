"""Which pictures are strips: the square frames of a clip side by side, or one below another."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from vdsm.video import in_order
from vdsm.video.limits import Frames
from vdsm.video.strip import looks_like_strip, split_strip

LONG_STRIP = 4  # frames, from which on a strip is known as one
Files = list[Path]


def strips_in(pictures: Files, told: bool | None) -> Files:
    """Those that are strips: of two frames or more where told, else all or none."""
    if told is False:
        return []
    if told:
        return [file for file in in_order(pictures) if strip_length(file) >= 2]
    if all(strip_length(file) >= LONG_STRIP for file in pictures):
        return in_order(pictures)
    return []


def strip_length(picture: Path) -> int:
    """How many squares side by side a picture is; 0 if it is not made of squares, or unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(picture) as image:
                short, long = sorted(image.size)
                if _has_room_for_lines(long, short):
                    lined = _without_lines(np.asarray(image.convert("RGB")))
                    return 0 if lined is None else (long + 1) // (short + 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0
    whole = looks_like_strip((long, short)) or long == 2 * short
    return long // short if whole else 0


def strip_frames(image: Frames) -> Frames:
    """uint8 [T, S, S, C]: the frames of a strip, with or without a line between each two.

    InputError where it is none.
    """
    plain = _without_lines(image)
    return split_strip(image if plain is None else plain)


def _has_room_for_lines(long: int, short: int) -> bool:
    """Whether squares with a line of one pixel between each two come to this length."""
    return long > short > 1 and (long + 1) % (short + 1) == 0


def _without_lines(image: Frames) -> Frames | None:
    """The strip without the lines between its frames, all of one colour; None if it has none."""
    upright = image.shape[0] > image.shape[1]
    wide = image.swapaxes(0, 1) if upright else image
    side, length = wide.shape[:2]
    if not _has_room_for_lines(length, side):
        return None
    line = np.arange(length) % (side + 1) == side
    if np.ptp(wide[:, line], axis=(0, 1)).any():
        return None
    plain = wide[:, ~line]
    return plain.swapaxes(0, 1) if upright else plain
