"""Video files, by libav: every frame, upright RGB, with its time; else an error, never fewer."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.codec
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Colorspace, VideoReformatter

from vdsm.errors import InputError
from vdsm.video.colours import on_black
from vdsm.video.limits import (
    MAX_PIXELS,
    Frames,
    NoVideo,
    TimedFrames,
    check_pixels,
    damaged,
    truncated,
)
from vdsm.video.whole import check_whole
from vdsm.words import counted

# Containers that are read; others (playlists above all) can point at further files.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
LIMIT: Any = {"max_pixels": str(MAX_PIXELS)}
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # the native decoders drop alpha


def decode(path: Path, threads: int = 1) -> TimedFrames:
    """The frames of a video with their times in seconds, from 0."""
    counts = check_whole(path)
    with _open(path) as c:
        stream = _video_stream(c, path)
        decoder = _decoder(stream)
        check_pixels(path, stream.codec_context.width, stream.codec_context.height)
        decoder.options = LIMIT
        decoder.thread_count, decoder.thread_type = threads, "AUTO"
        upright = _Upright(path, stream.sample_aspect_ratio)
        step = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        first = previous = None
        lasts = (c.duration or 0) / av.time_base
        for frame in _shown(path, c, stream, decoder, counts):
            time = None if frame.pts is None else float(frame.pts * stream.time_base)
            if previous is not None and (time is None or time <= previous):
                time = previous + step  # no usable clock: an even rate
            previous = time if time is not None else 0.0
            first = previous if first is None else first
            if lasts and previous - first > 2 * lasts + 1:
                raise damaged(path, f"a clock that runs on to {previous:.0f} of {lasts:.0f} s")
            yield previous - first, upright(frame)


def _open(path: Path) -> Any:
    try:
        return av.open(str(path), options={"format_whitelist": FORMATS}, stream_options=[LIMIT] * 8)
    except av.FFmpegError as error:
        raise InputError(
            f"{path} is no video that can be read ({error.strerror}): expected mp4, mov, mkv,"
            " webm, avi or gif"
        ) from error


def _video_stream(container: Any, path: Path) -> Any:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise InputError(f"{path} has video of an unknown codec: convert it to H.264 mp4")
            return stream
    raise NoVideo(f"{path} has no video in it")


def _decoder(stream: Any) -> Any:
    """The stream's decoder, or the one that keeps alpha where the stream has some."""
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    if stream.metadata.get("alpha_mode") != "1" or name not in av.codec.codecs_available:
        return stream.codec_context
    decoder = av.codec.CodecContext.create(name, "r")
    decoder.extradata = stream.codec_context.extradata
    return decoder


def _shown(
    path: Path, container: Any, stream: Any, decoder: Any, counts: list[int] | None
) -> Iterator[Any]:
    """Decoded frames. Raises where packets are missing, damaged, or yield no frame."""
    tally = _Tally(path, container, stream, counts)
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise damaged(path, f"packet {tally.packets}")
        if packet.size:
            tally.packet(packet, shown=_gives_frame(packet, decoder.name))
        for frame in decoder.decode(packet if packet.size else None):
            if frame.is_corrupt:
                raise damaged(path, f"frame {tally.frames}")
            tally.frame(frame)
            yield frame
    tally.check()


def _gives_frame(packet: Any, decoder: str) -> bool:
    """Whether a frame should come of a packet; VP8 has hidden ones (RFC 6386, 9.1)."""
    hidden = decoder in ("vp8", "libvpx") and not bytes(packet)[0] & 0x10
    return not packet.is_discard and not hidden


class _Tally:
    """Counts what goes into the decoder and what comes out, and finds what is missing.

    counts: how many packets the tracks have by the file's structure, where that says it.
    """

    def __init__(self, path: Path, container: Any, stream: Any, counts: list[int] | None) -> None:
        self.path, self.container, self.stream = path, container, stream
        self.counts = counts
        self.packets = self.frames = self.dropped = 0
        self.lasts = 0  # all packets together, in units of the stream
        self.waiting: set[int] = set()  # times of packets whose frame is yet to come
        self.start = math.inf

    def packet(self, packet: Any, *, shown: bool) -> None:
        self.dropped += bool(packet.is_discard and self.packets)
        self.packets += 1
        self.lasts += packet.duration or 0
        if shown and packet.pts is not None:
            self.waiting.add(packet.pts)

    def frame(self, frame: Any) -> None:
        self.frames += 1
        if frame.pts is not None:
            self.start = min(self.start, frame.pts)
            self.waiting.discard(frame.pts)

    def check(self) -> None:
        """After the last packet."""
        stream, kind = self.stream, self.container.format.name
        if self.counts is None:
            indexed = "mp4" in kind and stream.duration  # without what edit lists leave out
            declared = len(stream.index_entries) if indexed else stream.frames
            self.counts = [max(self.packets, declared)]
        if self.packets not in self.counts:
            what = f"{counted(self.packets, 'frame')} found, expected {max(self.counts, default=0)}"
            raise truncated(self.path, what)
        if len(self.counts) > len(self.container.streams):
            raise damaged(self.path, "frames of a track that is not declared")
        if self.dropped and stream.duration and self.lasts <= stream.duration:
            raise damaged(self.path, f"times outside of it for {counted(self.dropped, 'frame')}")
        lost = sum(time >= self.start for time in self.waiting)
        if lost and kind != "avi":  # its times are those of decoding
            raise damaged(self.path, f"{lost} of {counted(self.packets, 'frame')} did not decode")


class _Upright:
    """Turns decoded frames into uint8 RGB [H, W, 3]: square pixels, rotated, alpha on black."""

    def __init__(self, path: Path, aspect: Any) -> None:
        self.path = path
        self.aspect = float(aspect) if aspect and 1 / 8 <= aspect <= 8 else 1.0
        self.reformatter = VideoReformatter()

    def __call__(self, frame: Any) -> Frames:
        width = max(1, round(frame.width * self.aspect))
        check_pixels(self.path, width, frame.height)
        alpha = frame.format.name == "pal8" or any(c.is_alpha for c in frame.format.components)
        # Video of 720 lines and more that states no colour matrix means BT.709.
        untold = frame.colorspace == 2 and frame.height >= 720
        converted = self.reformatter.reformat(
            frame,
            width=width,
            format="rgba" if alpha else "rgb24",
            src_colorspace=Colorspace.ITU709 if untold else None,
        )
        pixels: Any = converted.to_ndarray()
        return _turn(on_black(pixels) if alpha else pixels, frame.side_data.get("DISPLAYMATRIX"))


def _turn(image: Frames, matrix: Any) -> Frames:
    """Apply a display matrix (ISO 14496-12, 8.3.2.3), to the nearest quarter turn and mirror."""
    if matrix is None:
        return image
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()  # x' = ax + cy, y' = bx + dy
    if max(abs(b), abs(c)) > max(abs(a), abs(d)):
        image, right, down = image.transpose(1, 0, 2), c, b
    else:
        right, down = a, d
    image = image[:, ::-1] if right < 0 else image
    return np.ascontiguousarray(image[::-1] if down < 0 else image)
