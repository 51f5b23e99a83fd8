"""WebP: what its RIFF chunks say, since a decoder passes over chunks that it does not know."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from vdsm.video.limits import Bytes, damaged, truncated

PIXELS = (b"ALPH", b"VP8 ", b"VP8L")  # what the first chunk inside a frame can be
KNOWN = (*PIXELS, b"VP8X", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")
FRAME_HEADER = 16  # bytes: place, size, duration, flags


def count_webp_frames(path: Path) -> int:
    """How many pictures a WebP holds, by its chunks, all of which must be there."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = 8 + int.from_bytes(data[4:8], "little")
        if end > len(data):
            raise truncated(path, f"{len(data)} bytes of {end}")
        kinds = list(_chunks(path, data, end))
        if data.find(b"ANMF", end) >= 0:
            raise damaged(path, "frames after the end of the animation")
    frames = kinds.count(b"ANMF")
    if b"ANIM" in kinds and not frames:
        raise damaged(path, "an animation without a frame")
    last = len(kinds) - kinds[::-1].index(b"ANMF") if frames else 0
    if any(kind not in KNOWN for kind in kinds[:last]) or not all(map(_named, kinds)):
        raise damaged(path, "a chunk of an unknown kind")
    return max(1, frames)


def _named(kind: bytes) -> bool:
    return all(0x20 <= letter < 0x7F for letter in kind)


def _chunks(path: Path, data: Bytes, end: int) -> Iterator[bytes]:
    at = 12
    while at + 8 <= end:
        kind, inside = data[at : at + 4], at + 8 + FRAME_HEADER
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        at += at % 2
        if at > end + 1:
            raise truncated(path, f"{end} bytes of at least {at}")
        if kind != b"ANMF" and at > inside + 8 and data[inside : inside + 4] in PIXELS:
            raise damaged(path, "a frame of an unknown kind")
        yield kind
