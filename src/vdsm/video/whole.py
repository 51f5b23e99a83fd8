"""Whether a file is whole, from the structure of its container: decoders shorten some in silence.

Each container says how long its parts are, so a file that was cut ends inside a part. Formats:
ISO 14496-12 boxes (mp4, mov); RIFF chunks (avi). See `matroska` for mkv and webm.
"""

import mmap
import re
from pathlib import Path

from vdsm.video.limits import truncated
from vdsm.video.matroska import count_blocks

BOX_TYPE = re.compile(rb"[\x20-\x7e\xa9]{4}")
Bytes = mmap.mmap | bytes


def check_whole(path: Path) -> list[int] | None:
    """Raise InputError if a video file ends before its own structure says that it should.

    Gives how many frames each track has by the structure; None where that does not say.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = 0
        if data[:4] == b"\x1a\x45\xdf\xa3":
            return list(count_blocks(path).values())
        if data[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            end = _end_of_boxes(data)
        elif data[:4] == b"RIFF":
            end = _end_of_chunks(data)
        if end > len(data):
            raise truncated(path, f"{len(data)} bytes of at least {end}")
    return None


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
    end = 0
    while data[(at := end + end % 2) : at + 4] == b"RIFF":
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    return end
