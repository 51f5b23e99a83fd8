"""Clips as GIF, mp4 or a PNG strip, pictures as PNG: written whole or not at all."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.codec
import numpy as np
import numpy.typing as npt
from PIL import GifImagePlugin, Image

from vdsm.errors import InputError
from vdsm.files import atomic_write
from vdsm.video.limits import Frames
from vdsm.video.palette import indexed
from vdsm.video.tile import grid, to_uint8

CLIP_SUFFIXES = (".gif", ".mp4", ".png")


def write_clips(path: str | Path, clips: npt.NDArray[Any], fps: float = 8) -> None:
    """Write one clip [T, H, W, C], uint8 or floats in [0, 1], in the form that the suffix names.

    .gif  loops, every frame kept; .mp4  H.264 for any player; .png  a strip of frames side by side
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in CLIP_SUFFIXES:
        raise InputError(f"{path} ends in '{path.suffix}': clips are written as .gif, .mp4 or .png")
    pixels = np.asarray(clips)
    if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3) or 0 in pixels.shape:
        raise InputError(f"a clip of shape {list(pixels.shape)}: expected [T, H, W, 1 or 3]")
    if not 0.1 <= fps <= 100:
        raise InputError(f"{fps} frames a second: choose 0.1 to 100")
    images = np.broadcast_to(to_uint8(pixels), (*pixels.shape[:3], 3))
    if suffix == ".png":
        write_picture(path, grid(images, len(images), gap=0))
    else:
        _save(path, gif_bytes(images, fps) if suffix == ".gif" else mp4_bytes(images, fps))


def write_picture(path: str | Path, image: npt.NDArray[Any]) -> None:
    """Write a picture [H, W, C], uint8 or floats in [0, 1], as PNG."""
    pixels = to_uint8(image)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    _save(Path(path), buffer.getvalue())


def _save(path: Path, content: bytes) -> None:
    try:
        atomic_write(path, content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def gif_bytes(images: Frames, fps: float) -> bytes:
    """A GIF that loops, of frames [T, H, W, 3]: one palette for all, every frame whole.

    Pillow's own writer merges equal frames, so its blocks are put together here. Delays are
    hundredths of a second; they are rounded so that the clip as a whole keeps its rate.
    """
    frames, palette = indexed(images)
    height, width = images.shape[1:3]
    screen = np.array([width, height], "<u2").tobytes()
    out = [b"GIF89a", screen, b"\xf7\x00\x00", palette]  # 256 colours
    out.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")  # for ever
    ends = np.rint(np.arange(len(images) + 1) * 100 / fps).astype(int)
    for frame, delay in zip(frames, np.diff(ends), strict=True):
        out.append(b"\x21\xf9\x04\x04" + int(delay).to_bytes(2, "little") + b"\x00\x00")
        out += GifImagePlugin.getdata(frame)
    return b"".join(out) + b"\x3b"


def mp4_bytes(images: Frames, fps: float) -> bytes:
    """An mp4 of frames [T, H, W, 3] for any player: yuv420p, odd sides padded by repetition."""
    h, w = images.shape[1:3]
    even = np.pad(images, ((0, 0), (0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        codec = "libx264" if "libx264" in av.codec.codecs_available else "mpeg4"
        stream: Any = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = even.shape[2], even.shape[1], "yuv420p"
        stream.options = {"crf": "15"} if codec == "libx264" else {"qscale": "2"}
        for image in even:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode())
    return buffer.getvalue()
