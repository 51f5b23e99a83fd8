"""Whether a file is whole, from the structure of its container: decoders shorten some in silence.

Each container says how long its parts are, so a file that was cut ends inside a part. Formats:
GIF89a; ISO 14496-12 boxes (mp4, mov); EBML, RFC 8794 (mkv, webm); RIFF chunks (avi).
"""

import mmap
import re
from pathlib import Path

from vdsm.errors import InputError
from vdsm.video.limits import check_pixels

BOX_TYPE = re.compile(rb"[\x20-\x7e\xa9]{4}")
SEGMENT, CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"  # EBML names of Matroska
Bytes = mmap.mmap | bytes


def check_whole(path: Path) -> None:
    """Raise InputError if a video file ends before its own structure says that it should."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            end = _end_of_boxes(data)
        elif data[:4] == b"\x1a\x45\xdf\xa3":
            end = _end_of_elements(data)
        elif data[:4] == b"RIFF":
            end = _end_of_chunks(data)
        else:
            return
        if end > len(data):
            raise truncated(path, f"{len(data)} bytes of at least {end}")


def truncated(path: Path, what: str) -> InputError:
    return InputError(f"{path} is truncated ({what}): copy or encode it again")


def _end_of_boxes(data: Bytes) -> int:
    """Where the last top-level box ends. What follows that is no box is ignored."""
    at = 0
    while at + 8 <= len(data) and BOX_TYPE.fullmatch(data[at + 4 : at + 8]):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0: up to the end of the file
            return len(data)
        at += size
    return at


def _end_of_chunks(data: Bytes) -> int:
    """Where the last RIFF list ends; a long AVI has several."""
    at = 0
    while data[at : at + 4] == b"RIFF":
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        at += at % 2
    return at - 1 if at == len(data) + 1 else at


def _end_of_elements(data: Bytes) -> int:
    """Where the last EBML element ends; a segment or cluster of unknown size is entered."""
    at = 0
    while at < len(data):
        size_at = at + _width(data[at])
        if size_at >= len(data):
            return size_at + 1
        start = size_at + _width(data[size_at])
        unknown = (1 << 7 * (start - size_at)) - 1
        size = int.from_bytes(data[size_at:start], "big") & unknown
        if 0 in (data[at], data[size_at]):  # no element: what follows the last is ignored
            return len(data)
        if size != unknown:
            at = start + size
        elif data[at:size_at] in (SEGMENT, CLUSTER):
            at = start
        else:
            return len(data)
    return at


def _width(first: int) -> int:
    """Bytes of an EBML variable-length integer, from its first byte (RFC 8794, section 4)."""
    return 9 - first.bit_length()


def count_gif_frames(path: Path) -> int:
    """How many images a GIF holds, by its blocks; every block and the trailer must be there."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _walk_gif(path, data)
        except IndexError:
            raise truncated(path, "the GIF ends inside a block") from None


def _walk_gif(path: Path, data: Bytes) -> int:
    at = 13 + _colours(data[10])
    count = 0
    while data[at] != 0x3B:  # trailer
        if data[at] == 0x21:  # extension
            at = _skip_blocks(data, at + 2)
        elif data[at] == 0x2C:  # image
            x, y, width, height = (
                int.from_bytes(data[at + i : at + i + 2], "little") for i in (1, 3, 5, 7)
            )
            check_pixels(path, x + width, y + height)
            at = _skip_blocks(data, at + 11 + _colours(data[at + 9]))
            count += 1
        else:
            raise InputError(f"{path} is damaged (no GIF block at byte {at}): save it again")
    if data.find(b"\x21\xf9\x04", at) >= 0:
        raise InputError(f"{path} is damaged (images after the end of the GIF): save it again")
    return count


def _colours(flags: int) -> int:
    """Bytes of the colour table that a flags byte announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(data: Bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1
