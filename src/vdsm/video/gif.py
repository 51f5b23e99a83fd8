"""GIF89a as browsers show it: the images of a file by its blocks, decoded by Pillow, composed.

A file that lost its trailer, a single byte, is shown whole by browsers, and read here too. So one
that was cut exactly between two images cannot be told from a whole one.
"""

import io
import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vdsm.video.layers import Layer, compose
from vdsm.video.limits import Frames, TimedFrames, check_pixels, damaged, truncated

# Extensions and the size of their first block, None for any.
EXTENSIONS = {0xF9: 4, 0xFF: 11, 0x01: 12, 0xFE: None}
CONTROL, EXTENSION, IMAGE, TRAILER = 0xF9, 0x21, 0x2C, 0x3B
NEXT = re.compile(rb"\x00\x21\xf9\x04....\x00[\x21\x2c]", re.DOTALL)  # what begins an image
Bytes = mmap.mmap | bytes


@dataclass(frozen=True)
class _Image:
    """One image: its place, its colours, and where its compressed indices lie."""

    box: tuple[int, int, int, int]  # x, y, width, height
    interlace: int  # 0x40 or 0
    palette: bytes | None
    control: bytes  # flags, delay (2), transparent index
    start: int
    end: int


def count_gif_frames(path: Path) -> int:
    """How many images a GIF holds, by its blocks; every block must be there."""
    with _mapped(path) as data:
        return len(_images(path, data))


def gif_frames(path: Path) -> TimedFrames:
    """Frames [H, W, 3] on black with their times in seconds; None for an image alone.

    The first image may widen the screen.
    """
    with _mapped(path) as data:
        images = _images(path, data)
        x, y, w, h = images[0].box
        width, height = (max(a, b) for a, b in zip(_screen(data), (x + w, y + h), strict=True))
        check_pixels(path, width, height)
        for time, frame in compose(width, height, (_layer(image, data) for image in images)):
            yield (time if len(images) > 1 else None), frame


@contextmanager
def _mapped(path: Path) -> Iterator[Bytes]:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _screen(data: Bytes) -> tuple[int, int]:
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _images(path: Path, data: Bytes) -> list[_Image]:
    try:
        images = list(_walk(path, data, _screen(data)))
    except IndexError:
        raise truncated(path, "the GIF ends inside a block") from None
    if not images:
        raise damaged(path, "a GIF without an image")
    return images


def _walk(path: Path, data: Bytes, screen: tuple[int, int]) -> Iterator[_Image]:
    at = 13 + _colours(data[10])
    shared = data[13:at] or None
    control = bytes(4)
    whole = False  # whether the file may end here without its trailer
    while not (at == len(data) and whole) and data[at] != TRAILER:
        if data[at] == EXTENSION and data[at + 1] in EXTENSIONS:
            size = EXTENSIONS[data[at + 1]]
            if size and data[at + 2] != size:
                raise damaged(path, f"an extension of a wrong size at byte {at}")
            if data[at + 1] == CONTROL:
                if data[at + 7]:
                    raise damaged(path, f"a control block that goes on at byte {at}")
                control, whole = data[at + 3 : at + 7], False
            at = _skip_blocks(path, data, at + 2)
        elif data[at] == IMAGE:
            x, y, w, h = (int.from_bytes(data[at + i : at + i + 2], "little") for i in (1, 3, 5, 7))
            box = x, y, w or screen[0], h or screen[1]
            check_pixels(path, x + box[2], y + box[3])
            flags, start = data[at + 9], at + 10 + _colours(data[at + 9])
            palette = data[at + 10 : start] or shared
            at = _skip_blocks(path, data, start + 1)
            yield _Image(box, flags & 0x40, palette, control, start, at)
            control, whole = bytes(4), True
        else:
            raise damaged(path, f"no GIF block at byte {at}")
    if data.find(b"\x21\xf9\x04", at) >= 0:
        raise damaged(path, "images after the end of the GIF")


def _colours(flags: int) -> int:
    """Bytes of the colour table that a flags byte announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(path: Path, data: Bytes, start: int) -> int:
    """Where a chain of blocks ends; a damaged one swallows the images that follow."""
    at = start
    while data[at]:
        at += data[at] + 1
    if NEXT.search(data, start, at):
        raise damaged(path, f"images inside of the block at byte {start}")
    return at + 1


def _layer(image: _Image, data: Bytes) -> Layer:
    flags, delay = image.control[0], int.from_bytes(image.control[1:3], "little") / 100
    palette = np.full((256, 4), 255, np.uint8)
    if image.palette is None:
        palette[:, :3] = np.arange(256)[:, None]
    else:
        colours = np.frombuffer(image.palette, np.uint8).reshape(-1, 3)
        palette[:, :3] = 0
        palette[: len(colours), :3] = colours
    if flags & 1:
        palette[image.control[3], 3] = 0
    method = (flags >> 2) & 7
    # Early encoders wrote 4 for 3, and browsers know.
    disposal = {2: "clear", 3: "restore", 4: "restore"}.get(method, "keep")
    x, y = image.box[:2]
    return Layer(palette[_indices(image, data)], x, y, delay, disposal)  # type: ignore[arg-type]


def _indices(image: _Image, data: Bytes) -> Frames:
    """uint8 [h, w]: a GIF of this image alone and without colours, which Pillow keeps as it is."""
    size = b"".join(side.to_bytes(2, "little") for side in image.box[2:])
    place = b"\x2c\0\0\0\0" + size + bytes([image.interlace])
    alone = b"GIF89a" + size + b"\0\0\0" + place + data[image.start : image.end] + b"\x3b"
    with Image.open(io.BytesIO(alone)) as opened:
        return np.asarray(opened)
