"""Whether a file is whole, from the structure of its container: decoders shorten some in silence.

Each container says how long its parts are, so a file that was cut ends inside a part. Here are
ISO 14496-12 boxes (mp4, mov, 3gp); each other container has a file of its own.
"""

import mmap
import re
from collections.abc import Callable
from pathlib import Path

from vdsm.video.asf import count_objects
from vdsm.video.limits import Bytes, truncated
from vdsm.video.matroska import count_blocks
from vdsm.video.ogg import check_ogg
from vdsm.video.packs import check_program, check_transport, transport_size
from vdsm.video.riff import count_pictures
from vdsm.video.tags import check_flv, check_real

BOX_TYPE = re.compile(rb"[\x20-\x7e\xa9]{4}")
ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"
CHECKS: dict[bytes, Callable[[Path, Bytes], None]] = {
    b"\x00\x00\x01\xba": check_program,
    b"FLV": check_flv,
    b"OggS": check_ogg,
    b".RMF": check_real,
}


def check_whole(path: Path) -> list[int] | None:
    """Raise InputError if a video file ends before its own structure says that it should.

    Gives how many frames each track has by the structure; None where that does not say.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data[:16]
        if start[:4] == b"\x1a\x45\xdf\xa3":
            return list(count_blocks(path).values())
        if start[:4] == b"RIFF":
            return count_pictures(path, data)
        if start.startswith(ASF):
            return count_objects(path, data)
        if start[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            if (end := _end_of_boxes(data)) > len(data):
                raise truncated(path, f"{len(data)} bytes of at least {end}")
        elif size := transport_size(data):
            check_transport(path, data, size)
        else:
            for signature, check in CHECKS.items():
                if start.startswith(signature):
                    check(path, data)
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
