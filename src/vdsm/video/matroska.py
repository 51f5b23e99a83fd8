"""Whether an mkv or webm file is whole: its structure, its checksums, and how many frames it has.

Demuxers step over damage in search of the next readable block, so a clip loses frames in silence.
Elements and their numbers: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

import mmap
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vdsm.video.limits import damaged, truncated

SEGMENT, CLUSTER = bytes.fromhex("18538067"), bytes.fromhex("1f43b675")
CHECKSUM, GROUP, BLOCK, SIMPLE_BLOCK = b"\xbf", b"\xa0", b"\xa1", b"\xa3"


def _names(*numbers: str) -> frozenset[bytes]:
    return frozenset(map(bytes.fromhex, ("bf", "ec", *numbers)))  # with CRC-32 and Void


AT_TOP = _names("1a45dfa3", "18538067")
IN_CLUSTER = _names("e7", "5854", "a7", "ab", "a3", "a0", "af")
# With what is in a cluster: one of unknown size ends where an element of the segment begins.
IN_SEGMENT = IN_CLUSTER | _names(
    "114d9b74", "1549a966", "1654ae6b", "1043a770", "1f43b675", "1c53bb6b", "1941a469", "1254c367"
)
IN_GROUP = _names("a1", "a2", "75a1", "9b", "fa", "fb", "fd", "a4", "75a2", "8e", "c8")
CHUNK = 2**20


def count_blocks(path: Path) -> Counter[int]:
    """Track number -> its blocks: for video, its frames. InputError for a damaged file."""
    blocks: Counter[int] = Counter()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for name, start, end in _elements(path, data, 0, len(data), AT_TOP):
            if name == SEGMENT:
                blocks += _in_segment(path, data, start, end)
    return blocks


def _in_segment(path: Path, data: mmap.mmap, start: int, end: int) -> Counter[int]:
    blocks: Counter[int] = Counter()
    for name, inner, stop in _elements(path, data, start, end, IN_SEGMENT):
        if name == CLUSTER:
            for child, at, last in _elements(path, data, inner, stop, IN_CLUSTER):
                blocks += _track_of(path, data, child, at, last)
        else:
            blocks += _track_of(path, data, name, inner, stop)
    return blocks


def _track_of(path: Path, data: mmap.mmap, name: bytes, start: int, end: int) -> Counter[int]:
    """The track of one block, plain or within a group; of anything else, none."""
    if name == SIMPLE_BLOCK and start < end:
        return Counter([_number(data, start, start + _width(data[start]))])
    if name == GROUP:
        for child, at, last in _elements(path, data, start, end, IN_GROUP):
            if child == BLOCK and at < last:
                return Counter([_number(data, at, at + _width(data[at]))])
    return Counter()


def _elements(
    path: Path, data: mmap.mmap, start: int, end: int, known: frozenset[bytes]
) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and end of the content of each element between two places."""
    at = start
    while at < end:
        size_at = at + _width(data[at])
        inner = size_at + _width(data[min(size_at, end - 1)])
        if inner > end:
            raise truncated(path, f"{len(data)} bytes of at least {inner}")
        name = data[at:size_at]
        size = _number(data, size_at, inner)
        stop = inner + size
        if size == (1 << 7 * (inner - size_at)) - 1:  # unknown: a stream that was recorded live
            stop = {SEGMENT: end, CLUSTER: inner}.get(name, -1)
        if name not in known or stop < 0:
            raise damaged(path, f"at byte {at}")
        if stop > end:
            raise truncated(path, f"{len(data)} bytes of at least {stop}")
        if name == CHECKSUM and at == start and data[inner:stop] != _checksum(data, stop, end):
            raise damaged(path, f"at byte {at}")
        yield name, inner, stop
        at = stop


def _width(first: int) -> int:
    """Bytes of a variable-length integer, from its first byte (RFC 8794, section 4)."""
    return 9 - first.bit_length()


def _number(data: mmap.mmap, start: int, end: int) -> int:
    """A variable-length integer, without the bit that marks its width."""
    return int.from_bytes(data[start:end], "big") & ((1 << 7 * (end - start)) - 1)


def _checksum(data: mmap.mmap, start: int, end: int) -> bytes:
    value = 0
    for at in range(start, end, CHUNK):
        value = zlib.crc32(data[at : min(at + CHUNK, end)], value)
    return value.to_bytes(4, "little")
