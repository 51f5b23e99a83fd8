"""Animated PNG (PNG 3rd edition, 4.9 and 11.3.6): each image decoded by Pillow as a PNG alone.

Every checksum, sequence number and count is compared, so nothing is lost in silence.
"""

import io
import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from vdsm.video.colours import channels, turned
from vdsm.video.layers import Layer, compose
from vdsm.video.limits import TimedFrames, check_pixels, damaged, truncated

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DISPOSALS = ("keep", "clear", "restore")
Chunk = tuple[bytes, bytes]  # type, content


@dataclass
class _Image:
    """Width, height, x, y, delay as a fraction, disposal, blending; compressed pixels."""

    control: tuple[int, ...]
    data: list[bytes] = field(default_factory=list)


def count_apng_frames(path: Path) -> int | None:
    """How many pictures an animated PNG shows, by its header; None where it is not animated."""
    for kind, content in _chunks(path, until=b"IDAT"):
        if kind == b"IHDR":
            check_pixels(path, *struct.unpack(">II", content[:8]))
        if kind == b"acTL":
            return int.from_bytes(content[:4], "big") or None
    return None


def apng_frames(path: Path) -> TimedFrames:
    """Frames [H, W, 3] on black with their times, None for one alone.

    A default picture that is not part of the animation is no frame.
    """
    header: dict[bytes, bytes] = {}
    images = _images(path, header)
    width, height = struct.unpack(">II", header[b"IHDR"][:8])
    check_pixels(path, width, height)
    for image in images:
        w, h, x, y = image.control[:4]
        if not (w and h) or x + w > width or y + h > height:
            raise damaged(path, "an image that reaches beyond the picture")
    exif = Image.Exif()
    exif.load(header.get(b"eXIf", b""))
    layers = (_layer(image, header) for image in images)
    for time, frame in compose(width, height, layers):
        yield (time if len(images) > 1 else None), turned(frame, exif)


def _images(path: Path, header: dict[bytes, bytes]) -> list[_Image]:
    """The images of the animation; chunks that hold for all of them go into `header`."""
    images: list[_Image] = []
    numbers: list[int] = []
    kind = b""
    for kind, content in _chunks(path):
        if kind in (b"fcTL", b"fdAT"):
            numbers.append(int.from_bytes(content[:4], "big"))
        if kind == b"fcTL":
            images.append(_Image(struct.unpack(">IIIIHHBB", content[4:])))
        elif kind == b"fdAT" and images:
            images[-1].data.append(content[4:])
        elif kind == b"IDAT" and images:
            images[0].data.append(content)
        elif kind in (b"IHDR", b"PLTE", b"tRNS", b"acTL", b"eXIf"):
            header[kind] = content
    expected = int.from_bytes(header[b"acTL"][:4], "big")
    if len(images) < expected:
        raise truncated(path, f"{len(images)} of {expected} frames")
    if kind != b"IEND":
        raise truncated(path, "its last chunk is missing")
    if numbers != list(range(len(numbers))) or len(images) != expected:
        raise damaged(path, "frames out of order")
    return images


def _chunks(path: Path, until: bytes = b"") -> Iterator[Chunk]:
    """Chunks up to the last one, or to one of a kind, each with its checksum checked."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, kind = len(SIGNATURE), b""
        while at < len(data) and kind != b"IEND" and data[at + 4 : at + 8] != until:
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
            if end > len(data):
                raise truncated(path, f"{len(data)} bytes of at least {end}")
            kind = data[at + 4 : at + 8]
            if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise damaged(path, f"a wrong checksum at byte {at}")
            yield kind, data[at + 8 : end - 4]
            at = end


def _layer(image: _Image, header: dict[bytes, bytes]) -> Layer:
    width, height, x, y, delay, of, disposal, blend = image.control
    size = struct.pack(">II", width, height)
    alone = [(b"IHDR", size + header[b"IHDR"][8:])]
    alone += [(kind, header[kind]) for kind in (b"PLTE", b"tRNS") if kind in header]
    alone += [(b"IDAT", b"".join(image.data)), (b"IEND", b"")]
    content = SIGNATURE + b"".join(_chunk(kind, content) for kind, content in alone)
    with Image.open(io.BytesIO(content)) as opened:
        pixels = channels(opened)
    name = DISPOSALS[disposal]
    return Layer(pixels, x, y, delay / (of or 100), name, blend == 1)  # type: ignore[arg-type]


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
