"""Whether MPEG program and transport streams (mpg, vob; ts, mts, m2ts) are whole, by their packets.

ISO 13818-1. Neither says how long it is: one that was cut between two packets cannot be told.
"""

from pathlib import Path

from vdsm.video.limits import Bytes, damaged, truncated

SYNC = 0x47
PACKETS = {188: 0, 192: 4, 204: 0}  # bytes of a transport packet -> where its sync byte is
START = b"\0\0\1"
END, PACK = 0xB9, 0xBA


def transport_size(data: Bytes) -> int | None:
    """Bytes of a packet of a transport stream, None if it is none."""
    for size, at in PACKETS.items():
        places = range(at, min(len(data), 5 * size), size)
        if len(data) >= size and all(data[place] == SYNC for place in places):
            return size
    return None


def check_transport(path: Path, data: Bytes, size: int) -> None:
    """Every packet begins with the sync byte and the last one is whole."""
    for place in range(PACKETS[size], len(data), size):
        if data[place] != SYNC:
            raise damaged(path, f"at byte {place}")
    if rest := len(data) % size:
        raise truncated(path, f"{rest} bytes of the last {size}")


def check_program(path: Path, data: Bytes) -> None:
    """Packs and packets follow one another and the last one is whole; zeros may lie between."""
    at = 0
    while at < len(data):
        code = data[at : at + 3]
        if code != START and code[:1] == b"\0":
            at += 1
            continue
        if code != START:
            raise damaged(path, f"at byte {at}")
        end = _end_of_packet(data, at)
        if end > len(data):
            raise truncated(path, f"{len(data)} bytes of at least {end}")
        at = end


def _end_of_packet(data: Bytes, at: int) -> int:
    """Where what begins at a start code ends; beyond the file if that cuts its header."""
    header = data[at : at + 14].ljust(14, b"\0")
    if at + 4 > len(data) or header[3] == END:
        return at + 4
    if header[3] != PACK:
        return at + 6 + int.from_bytes(header[4:6], "big")
    if header[4] & 0xC0 == 0x40:  # of MPEG-2
        return at + 14 + (header[13] & 7)
    return at + 12
