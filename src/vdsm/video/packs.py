"""Whether MPEG program and transport streams (mpg, vob; ts, mts, m2ts) are whole, by their packets.

ISO 13818-1. Neither says how long it is: one that was cut between two packets cannot be told.
"""

from pathlib import Path

from vdsm.video.limits import Bytes, damaged, truncated

SYNC = 0x47
DAMAGED, STARTS = 0x80, 0x40  # in the second byte of a transport packet
EXTRA, CONTENT = 0x20, 0x10  # in its fourth
PROGRAMS = 0  # the track of the table of programs
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
    """Every packet begins with the sync byte, the last one is whole, and none of video is missing.

    Packets of a track are numbered from 0 to 15. Where segments were joined the numbers begin
    anew, those of the table of programs too.
    """
    if rest := len(data) % size:
        raise truncated(path, f"{rest} bytes of the last {size}")
    last: dict[int, int] = {}  # number of the packet before, of each track of video and the table
    joined: set[tuple[int, int]] = set()  # tracks with numbers from which they may go on
    for at in range(PACKETS[size], len(data), size):
        sync, flags, low, state = data[at : at + 4]
        if sync != SYNC:
            raise damaged(path, f"at byte {at}")
        track, number = (flags & 0x1F) << 8 | low, state & 15
        known = track in last or track == PROGRAMS
        if not state & CONTENT or not (known or (flags & STARTS and _is_video(data, at))):
            continue
        before = last.get(track, number)
        follows = number in (before, before + 1 & 15)
        if track == PROGRAMS:
            begins = range(16) if not follows else range(1) if number == 0 else ()
            joined.update((other, begin) for other in last for begin in begins)
        elif flags & DAMAGED or not (
            follows or _is_told(data, at) or (flags & STARTS and (track, number) in joined)
        ):
            raise damaged(path, f"packets are missing at byte {at}")
        last[track] = number
        joined -= {(track, begin) for begin in range(16)} if joined else set()


def _is_video(data: Bytes, at: int) -> bool:
    """Whether a packet of a transport stream begins a packet of video (of VC-1: 0xfd)."""
    start = at + 4 + (1 + data[at + 4] if data[at + 3] & EXTRA else 0)
    content = data[start : start + 4]
    return content[:3] == START and (content[3] in range(0xE0, 0xF0) or content[3] == 0xFD)


def _is_told(data: Bytes, at: int) -> bool:
    """Whether a packet says that numbers begin anew with it."""
    return bool(data[at + 3] & EXTRA and data[at + 4] and data[at + 5] & 0x80)


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
