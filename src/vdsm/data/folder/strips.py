"""Which pictures are strips: the square frames of a clip side by side, or one below another."""

import warnings
from pathlib import Path

from PIL import Image

from vdsm.video import in_order
from vdsm.video.strip import looks_like_strip

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
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0
    whole = looks_like_strip((long, short)) or long == 2 * short
    return long // short if whole else 0
