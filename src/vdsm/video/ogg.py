"""Whether an Ogg file is whole: pages in their order, their checksums, and an end (RFC 3533)."""

import zlib
from pathlib import Path

from vdsm.video.limits import Bytes, damaged, truncated

LAST = 4  # the flag of the last page of a stream
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_ogg(path: Path, data: Bytes) -> None:
    """InputError where a page is missing, damaged, or cut, or a stream has no end."""
    at = 0
    expected: dict[int, int] = {}  # stream -> number of its next page
    ended: set[int] = set()
    while at < len(data):
        end = _end_of_page(data, at)
        if data[at : at + 4] != b"OggS"[: len(data) - at]:
            raise damaged(path, f"at byte {at}")
        if end > len(data):
            raise truncated(path, f"{len(data)} bytes of at least {end}")
        page = data[at:end]
        stream, number, stated = (int.from_bytes(page[i : i + 4], "little") for i in (14, 18, 22))
        if _checksum(page) != stated or expected.get(stream, number) != number:
            raise damaged(path, f"at byte {at}")
        expected[stream] = number + 1
        if page[5] & LAST:
            ended.add(stream)
        at = end
    if ended != expected.keys():
        raise truncated(path, "its last page is missing")


def _end_of_page(data: Bytes, at: int) -> int:
    """Where a page ends; beyond the end of the file if that cuts the header."""
    header = at + 27
    if header > len(data):
        return header
    sizes = data[header : header + data[at + 26]]
    return header + data[at + 26] + sum(sizes)


def _checksum(page: bytes) -> int:
    """CRC-32 as Ogg has it: zlib's polynomial from the other end, from 0, without the inversion."""
    body = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(body.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
