"""GIF89a: how many images a file holds, by its blocks."""

import mmap
from pathlib import Path

from vdsm.video.limits import check_pixels, damaged, truncated

# Extensions and the size of their first block, None for any.
EXTENSIONS = {0xF9: 4, 0xFF: 11, 0x01: 12, 0xFE: None}
Bytes = mmap.mmap | bytes


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
        if data[at] == 0x21 and data[at + 1] in EXTENSIONS:
            size = EXTENSIONS[data[at + 1]]
            if size and data[at + 2] != size:
                raise damaged(path, f"an extension of a wrong size at byte {at}")
            at = _skip_blocks(data, at + 2)
        elif data[at] == 0x2C:  # image
            x, y, width, height = (
                int.from_bytes(data[at + i : at + i + 2], "little") for i in (1, 3, 5, 7)
            )
            check_pixels(path, x + width, y + height)
            at = _skip_blocks(data, at + 11 + _colours(data[at + 9]))
            count += 1
        else:
            raise damaged(path, f"no GIF block at byte {at}")
    if data.find(b"\x21\xf9\x04", at) >= 0:
        raise damaged(path, "images after the end of the GIF")
    return count


def _colours(flags: int) -> int:
    """Bytes of the colour table that a flags byte announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(data: Bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1
