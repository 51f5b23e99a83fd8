"""Whether an AVI is whole, and how many pictures each of its streams holds, by its chunks.

RIFF and its lists, chunks `NNxx` of stream NN, and OpenDML's further RIFF parts. An empty chunk
says that the picture before stands on.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vdsm.errors import InputError
from vdsm.video.limits import Bytes, damaged, truncated

CHUNK_NAME = re.compile(rb"[\x20-\x7e]{4}")
OF_STREAM = re.compile(rb"([0-9]{2})(?!pc|tx|sb)[A-Za-z0-9_]{2}")
LISTS = (b"movi", b"rec ", b"hdrl", b"strl")
OPEN = (0, 2**32 - 1)  # sizes that a writer leaves until it knows better


def count_pictures(path: Path, data: Bytes) -> list[int]:
    """How many packets each stream has that are not empty. InputError for a damaged file."""
    walk = _Walk(path, data)
    at = 0
    while data[at : at + 4] == b"RIFF":
        at = walk.part(at)
    for stream, declared in enumerate(walk.lengths):
        if (found := walk.chunks[stream]) < declared:
            raise truncated(path, f"{found} frames found, expected {declared}")
    if walk.unfinished and not walk.indexed and not any(walk.lengths):
        raise InputError(
            f"{path} was never finished by its writer, so its end is not known: save what is there"
            f" with ffmpeg -i {path.name} -c copy mended.avi"
        )
    return [walk.sized[stream] for stream in walk.chunks]


class _Walk:
    """Goes through the chunks of a file and counts those of each stream."""

    def __init__(self, path: Path, data: Bytes) -> None:
        self.path, self.data = path, data
        self.chunks: Counter[int] = Counter()
        self.sized: Counter[int] = Counter()
        self.lengths: list[int] = []  # pictures that each stream declares, 0 for sound
        self.unfinished = self.indexed = False

    def part(self, at: int) -> int:
        """Go through the RIFF at a place; gives where it ends."""
        size = self._number(at + 4)
        self.unfinished |= size in OPEN
        end = len(self.data) if size in OPEN else at + 8 + size
        if end > len(self.data):
            raise truncated(self.path, f"{len(self.data)} bytes of at least {end}")
        self._list(at + 12, end)
        return end + end % 2

    def _list(self, start: int, end: int) -> None:
        for name, inner, stop in self._chunks(start, end):
            if name == b"LIST" and self.data[inner : inner + 4] in LISTS:
                self._list(inner + 4, stop)
            elif name == b"idx1":
                self.indexed = True
            elif name == b"strh":
                pictures = self.data[inner : inner + 4] == b"vids"
                self.lengths.append(self._number(inner + 32) if pictures else 0)
            elif found := OF_STREAM.fullmatch(name):
                self.chunks[int(found[1])] += 1
                self.sized[int(found[1])] += stop > inner

    def _chunks(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Name, first byte and end of the content of each chunk."""
        at = start
        while at + 8 <= end:
            name, size = self.data[at : at + 4], self._number(at + 4)
            if name[:2] == b"\0\0":  # padding
                at += 2
                continue
            if not CHUNK_NAME.fullmatch(name):
                raise damaged(self.path, f"at byte {at}")
            stop = at + 8 + size
            if name == b"LIST" and size in OPEN:
                stop = end
            if stop > end:
                raise truncated(self.path, f"{len(self.data)} bytes of at least {stop}")
            yield name, at + 8, stop
            at = stop + stop % 2

    def _number(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 4], "little")
