"""Small videos and pictures that tests make themselves."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]

# suffix -> codec and pixel format
CODECS = {
    ".mp4": ("libx264", "yuv420p"),
    ".m4v": ("mpeg4", "yuv420p"),
    ".mov": ("mjpeg", "yuvj420p"),
    ".mkv": ("ffv1", "yuv420p"),
    ".avi": ("mpeg4", "yuv420p"),
    ".webm": ("libvpx-vp9", "yuv420p"),
    ".mpg": ("mpeg1video", "yuv420p"),
    ".mpeg": ("mpeg2video", "yuv420p"),
    ".vob": ("mpeg2video", "yuv420p"),
    ".m1v": ("mpeg1video", "yuv420p"),
    ".m2v": ("mpeg2video", "yuv420p"),
    ".ts": ("libx264", "yuv420p"),
    ".mts": ("libx264", "yuv420p"),
    ".m2ts": ("mpeg2video", "yuv420p"),
    ".flv": ("flv", "yuv420p"),
    ".f4v": ("libx264", "yuv420p"),
    ".wmv": ("wmv2", "yuv420p"),
    ".asf": ("msmpeg4", "yuv420p"),
    ".3gp": ("mpeg4", "yuv420p"),
    ".3g2": ("libx264", "yuv420p"),
    ".ogv": ("libvpx", "yuv420p"),
    ".rm": ("rv20", "yuv420p"),
    ".rmvb": ("rv10", "yuv420p"),
    ".h264": ("libx264", "yuv420p"),
}
TAGS = {"colorspace", "color_range", "color_trc", "color_primaries"}  # of each frame, too
MUXERS = {".rmvb": "rm"}  # where libav does not know it by the suffix


def ramp(frames: int, size: int = 24) -> Frames:
    """uint8 [T, size, size, 3]: flat greys, each frame lighter than the last."""
    levels = np.linspace(20, 235, frames).round().astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (frames, size, size, 3)).copy()


def pattern(frames: int, size: int = 24) -> Frames:
    """uint8 [T, size, size, 3]: coloured slopes that move, so that every frame has content."""
    y, x = np.mgrid[:size, :size]
    clip = [np.stack([x * 10 + i * 9, y * 10 + i * 5, 0 * x + i * 20], -1) for i in range(frames)]
    return (np.stack(clip) % 256).astype(np.uint8)


def encode(
    path: Path,
    clip: Frames,
    *,
    codec: str | None = None,
    pix_fmt: str | None = None,
    source: str = "rgb24",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    rate: int = 10,
    options: dict[str, str] | None = None,
    setup: dict[str, Any] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write frames as a video; `times` in units of `time_base` make its rate variable.

    source: how `clip` is laid out, in libav's words; setup: attributes of the codec context.
    """
    usual_codec, usual_format = CODECS[path.suffix]
    with av.open(str(path), "w", format=MUXERS.get(path.suffix), options=options or {}) as out:
        stream: Any = out.add_stream(codec or usual_codec, rate=rate)
        planar = source.startswith("yuv")
        stream.height, stream.width = clip.shape[2:4] if planar else clip.shape[1:3]
        stream.pix_fmt = pix_fmt or usual_format
        stream.metadata.update(metadata or {})
        for name, value in (setup or {}).items():
            setattr(stream.codec_context, name, value)
        if times is not None:
            stream.codec_context.time_base = time_base
        for i, image in enumerate(clip):
            frame = av.VideoFrame.from_ndarray(image, format=source)
            if times is not None:
                frame.pts, frame.time_base = times[i], time_base
            for name in TAGS & (setup or {}).keys():
                setattr(frame, name, setup[name])
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    """A file with a tone alone: no video stream."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("aac", rate=44100)
        tone = np.sin(np.arange(4096) / 20, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), "fltp", "stereo")
        frame.rate, frame.pts, frame.time_base = 44100, 0, Fraction(1, 44100)
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def waves(frames: int = 30, height: int = 48, width: int = 64) -> Frames:
    """uint8 [T, H, W, 3]: soft coloured waves that move, which every codec keeps well."""
    y, x = np.mgrid[:height, :width]
    clip = [
        np.stack([np.sin(x / 9 + i / 5), np.sin(y / 7 - i / 4), np.sin((x + y) / 11 + i / 6)], -1)
        for i in range(frames)
    ]
    return (128 + 60 * np.stack(clip)).astype(np.uint8)


BARS = 6  # of a number, 16 pixels wide


def numbered(frames: int) -> Frames:
    """uint8 [T, 32, 96, 3]: each frame has its number in bars, black and white; see `number`."""
    bits = np.arange(frames)[:, None] >> np.arange(BARS) & 1
    rows = np.repeat((16 + 219 * bits).astype(np.uint8), 16, axis=1)
    return np.broadcast_to(rows[:, None, :, None], (frames, 32, 16 * BARS, 3)).copy()


def number(image: Frames) -> int:
    """Which frame of `numbered` it is."""
    bars = image.reshape(image.shape[0], BARS, -1).mean(axis=(0, 2)) > 128
    return int(bars @ (1 << np.arange(BARS)))


def packets(
    clip: Frames, codec: str, *, ticks: Sequence[int] | None = None, **options: str
) -> tuple[Any, list[av.Packet]]:
    """An encoder at 25 frames a second, and what it makes of a clip; `ticks` are 1/25 s."""
    encoder: Any = av.codec.CodecContext.create(codec, "w")
    encoder.height, encoder.width = clip.shape[1:3]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.framerate, encoder.options = Fraction(25), options
    found = []
    for i, image in enumerate(clip):
        frame = av.VideoFrame.from_ndarray(image)
        frame.pts, frame.time_base = ticks[i] if ticks else i, Fraction(1, 25)
        found += encoder.encode(frame)
    return encoder, found + encoder.encode()


def remux(path: Path, encoder: Any, coded: Sequence[tuple[bytes, int, int]]) -> Path:
    """Write packets (content, presentation and decoding time in 1/25 s) into a container."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(encoder.name, rate=25)
        stream.height, stream.width, stream.pix_fmt = encoder.height, encoder.width, "yuv420p"
        stream.codec_context.extradata = encoder.extradata
        for content, pts, dts in coded:
            packet = av.Packet(content)
            packet.pts, packet.dts, packet.duration = pts, dts, 1
            packet.time_base, packet.stream = Fraction(1, 25), stream
            packet.is_keyframe = dts == 0
            out.mux(packet)
    return path


def chunks(content: bytes) -> tuple[int, list[bytes]]:
    """Of an AVI: where the content of its movi list begins, and the chunks in it."""
    start = content.index(b"movi") + 4
    end = start - 4 + int.from_bytes(content[start - 8 : start - 4], "little")
    found, at = [], start
    while at < end:
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        found.append(content[at : at + 8 + size + size % 2])
        at += len(found[-1])
    return start, found


def with_chunks(content: bytes, found: Sequence[bytes]) -> bytes:
    """An AVI of other chunks, without an index; its lengths are set."""
    start, _ = chunks(content)
    body = b"".join(found)
    data = bytearray(content[:start] + body)
    lengths = {
        4: len(data) - 8,
        start - 8: len(body) + 4,
        data.index(b"avih") + 24: len(found),
        data.index(b"strh") + 40: len(found),
    }
    for at, number in lengths.items():
        data[at : at + 4] = number.to_bytes(4, "little")
    return bytes(data)
