"""Whether an ASF file (wmv) is whole, and how many pictures its tracks hold.

Advanced Systems Format 01.20.03: objects, of which one holds packets of one size, which hold parts
of pictures. A demuxer passes over a part that it cannot place, and over its picture.
"""

from collections import Counter
from pathlib import Path

from vdsm.video.limits import Bytes, damaged, truncated

DATA_OBJECT = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
INDEX = bytes.fromhex("90080033b1e5cf1189f400a0c90349cb")
BROADCAST = 1  # the flag of a live recording, whose sizes mean nothing
DATA_HEADER = 50  # bytes
SIZES = (0, 1, 2, 4)  # bytes of a number, by the two bits that say so


def count_objects(path: Path, data: Bytes) -> list[int] | None:
    """How many pictures (or pieces of sound) each track has; None where packets differ in size."""
    place = data[: 2**16].find(FILE_PROPERTIES)
    if place < 0 or place + 104 > len(data):
        raise damaged(path, "no properties of the file")
    declared, live = _number(data, place + 40, 8), data[place + 88] & BROADCAST
    size, largest = _number(data, place + 92, 4), _number(data, place + 96, 4)
    if not live and declared > len(data):
        raise truncated(path, f"{len(data)} bytes of {declared}")
    start, end = _data_object(path, data, bool(live))
    if not size or size != largest:
        return None
    counts: Counter[int] = Counter()
    parts = _Parts(path, data)
    if rest := (end - start) % size:
        raise truncated(path, f"{rest} bytes of a packet of {size}")
    for at in range(start, end, size):
        counts.update(parts.in_packet(at, at + size))
    return list(counts.values())


def _number(data: Bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _data_object(path: Path, data: Bytes, live: bool) -> tuple[int, int]:
    """Where the packets begin and end; every object of the file must be whole."""
    at, found = 0, (0, 0)
    while at + 24 <= len(data):
        size = _number(data, at + 16, 8)
        if data[at : at + 16] == DATA_OBJECT:
            if live or size == 0:
                index = data.rfind(INDEX)
                return at + DATA_HEADER, index if index > at else len(data)
            found = at + DATA_HEADER, at + size
        if size < 24:
            raise damaged(path, f"at byte {at}")
        at += size
    if at != len(data):
        raise truncated(path, f"{len(data)} bytes of at least {max(at, len(data) + 1)}")
    if not found[0]:
        raise damaged(path, "no data")
    return found


class _Parts:
    """Puts the parts of pictures together, in order and without gaps."""

    def __init__(self, path: Path, data: Bytes) -> None:
        self.path, self.data = path, data
        self.at = 0
        self.open: dict[int, tuple[int, int]] = {}  # track -> bytes that it has, and wants

    def in_packet(self, start: int, end: int) -> list[int]:
        """The track of each picture that begins in a packet."""
        self.at = start
        if self._take(1, peek=True) & 0x80:  # error correction
            self.at += 1 + (self.data[start] & 15)
        lengths, kinds = self._take(1), self._take(1)
        self._take(SIZES[lengths >> 5 & 3])
        self._take(SIZES[lengths >> 1 & 3])
        end -= self._take(SIZES[lengths >> 3 & 3])  # padding
        self.at += 6  # times
        several = self._take(1) if lengths & 1 else 0
        began = []
        for _ in range(several & 63 or 1):
            began += self._part(kinds, several, end)
        if self.at > end:
            raise damaged(self.path, f"at byte {start}")
        return began

    def _part(self, kinds: int, several: int, end: int) -> list[int]:
        place = self.at
        track = self._take(1) & 127
        self._take(SIZES[kinds >> 4 & 3])
        offset = self._take(SIZES[kinds >> 2 & 3])
        described = self._take(SIZES[kinds & 3])
        whole = self._take(4, peek=True) if described >= 8 else None
        self.at += described
        size = self._take(SIZES[several >> 6]) if several else end - self.at
        self.at += size
        if described == 1:  # several small ones, whole, each behind its size
            return [track] * self._small(self.at - size, self.at)
        has, wants = self.open.get(track, (0, 0))
        if offset == 0:
            fits, has, wants = has == wants, 0, size if whole is None else whole
        else:
            fits = offset == has
        self.open[track] = has + size, wants
        if not fits or has + size > wants or self.at > end:
            raise damaged(self.path, f"at byte {place}")
        return [track] if offset == 0 else []

    def _small(self, at: int, end: int) -> int:
        count = 0
        while at < end:
            at += 1 + self.data[at]
            count += 1
        return count

    def _take(self, size: int, *, peek: bool = False) -> int:
        number = _number(self.data, self.at, size)
        self.at += 0 if peek else size
        return number
