"""What an mp4 or mov says about a track (ISO 14496-12): how long its edit list shows it."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from vdsm.video.limits import Bytes


def edited_seconds(path: Path, track: int) -> float | None:
    """Seconds of media that the edit list of a track shows, without delays; None without a list."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start, end in _boxes(data, 0, len(data), b"moov"):
            scale = next((_scale(data, at) for at, _ in _boxes(data, start, end, b"mvhd")), 0)
            for inner, stop in _boxes(data, start, end, b"trak"):
                headers = _boxes(data, inner, stop, b"tkhd")
                if scale and any(_track(data, at) == track for at, _ in headers):
                    return _edits(data, inner, stop, scale)
    return None


def _boxes(data: Bytes, start: int, end: int, name: bytes) -> Iterator[tuple[int, int]]:
    """First byte and end of the content of each box of a name between two places."""
    at = start
    while at + 8 <= end:
        size, header = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else min(end, at + size)
        if size != 0 and size < header:
            return
        if data[at + 4 : at + 8] == name:
            yield at + header, stop
        at = stop


def _number(data: Bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big", signed=True)


def _scale(data: Bytes, at: int) -> int:
    return _number(data, at + (20 if data[at] == 1 else 12), 4)


def _track(data: Bytes, at: int) -> int:
    return _number(data, at + (20 if data[at] == 1 else 12), 4)


def _edits(data: Bytes, start: int, end: int, scale: int) -> float | None:
    """The sum of the edits that show something; None if one has no end."""
    total, found = 0, False
    for inner, stop in _boxes(data, start, end, b"edts"):
        for at, last in _boxes(data, inner, stop, b"elst"):
            wide = 8 if data[at] == 1 else 4
            for entry in range(at + 8, last - 2 * wide - 3, 2 * wide + 4):
                lasts, begins = _number(data, entry, wide), _number(data, entry + wide, wide)
                if begins >= 0 and lasts == 0:
                    return None
                total, found = total + (lasts if begins >= 0 else 0), True
    return total / scale if found else None
