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
            if setup and "colorspace" in setup:
                frame.colorspace = setup["colorspace"]
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
