"""Video files, by libav: every frame, upright sRGB, with its time; else an error, never fewer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.codec
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from vdsm.errors import InputError
from vdsm.video.colours import on_black
from vdsm.video.fields import deinterlaced
from vdsm.video.hdr import HIGH_RANGE, is_wide, to_srgb
from vdsm.video.heic import is_heif
from vdsm.video.limits import MAX_PIXELS, Frames, TimedFrames, check_pixels, damaged
from vdsm.video.mpeg4 import Pictures
from vdsm.video.tally import Tally
from vdsm.video.times import Times
from vdsm.video.track import shown_track
from vdsm.video.whole import check_whole

# Containers that are read; others (playlists above all) can point at further files.
RAW = ("h264", "hevc", "mpegvideo", "m4v")  # without any times
JOINABLE = ("mpeg", "mpegts")  # whose length libav takes from their first and last time alone
FORMATS = ",".join(("mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,flv,asf,ogg,rm", *RAW))
LIMIT: Any = {"max_pixels": str(MAX_PIXELS)}
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # the native decoders drop alpha
UNTOLD = 2  # matrix, transfer or primaries that a file does not state


def decode(path: Path, threads: int = 1, *, standing: bool = False) -> TimedFrames:
    """The frames of a video with their times in seconds, from 0.

    standing: where a file says that the picture before stands on, it comes once more.
    """
    with open(path, "rb") as file:
        if is_heif(file.read(16)):
            raise InputError(f"{path} is a photo (HEIF), not a video: name it .heic or .avif")
    counts = check_whole(path)
    with _open(path) as c:
        stream = shown_track(c, path)
        raw = c.format.name in RAW
        rate = None if raw else stream.average_rate  # of raw ones libav's own
        step = 1 / float(rate or stream.guessed_rate or 25)
        tally = Tally(path, c, stream, counts)
        upright = _Upright(path, stream.sample_aspect_ratio)
        lasts = 0 if raw or c.format.name in JOINABLE else (c.duration or 0) / av.time_base
        clock = _Clock(path, stream, step, lasts)
        times = Times(max(1, round(step / stream.time_base)))
        image: Frames | None = None
        for time, frame in _shown(c, stream, times, tally, threads):
            if frame is not None:
                image = upright(frame)
            if image is not None and (standing or frame is not None):
                yield clock(time), image


def _open(path: Path) -> Any:
    formats = {"format_whitelist": FORMATS}
    try:
        try:
            return av.open(str(path), options=formats, stream_options=[LIMIT] * 8)
        except ValueError as error:
            if "stream_options" not in str(error):
                raise
            return av.open(str(path), options=formats)  # tracks are known after some packets only
    except av.FFmpegError as error:
        raise InputError(
            f"{path} is no video that can be read ({error.strerror}): expected mp4, mov, mkv,"
            " webm, avi, mpg, ts, flv, wmv, 3gp, ogv, rm or gif"
        ) from error


def _decoder(stream: Any, threads: int) -> Any:
    """The stream's decoder, or the one that keeps alpha where the stream has some."""
    decoder = stream.codec_context
    name = ALPHA_DECODERS.get(decoder.name)
    if stream.metadata.get("alpha_mode") == "1" and name in av.codec.codecs_available:
        decoder = av.codec.CodecContext.create(name, "r")
        decoder.extradata = stream.codec_context.extradata
    decoder.options = LIMIT
    decoder.thread_count, decoder.thread_type = threads, "AUTO"
    return decoder


def _shown(
    container: Any, stream: Any, times: Times, tally: Tally, threads: int
) -> Iterator[tuple[int, Any]]:
    """Frames with their times in units of the stream; None where the one before stands on."""
    context = stream.codec_context
    check_pixels(tally.path, context.width, context.height)
    decoder = _decoder(stream, threads)
    decoded = _decoded(container, stream, decoder, times, tally)
    for frame in deinterlaced(decoded, context):
        yield from times.picture(frame)
    for time in tally.empty_after():
        times.packet(time, coded=False)
    yield from times.rest()
    tally.check(times)


def _decoded(
    container: Any, stream: Any, decoder: Any, times: Times, tally: Tally
) -> Iterator[Any]:
    """What comes out of the decoder. Raises where packets or frames are damaged."""
    gives = _Gives(container, decoder)
    for packet in container.demux(stream):
        if container.format.name == "mpegts":
            packet.is_corrupt = False  # so where segments were joined; see `check_transport`
        if packet.is_corrupt:
            raise damaged(tally.path, f"packet {tally.packets}")
        ends = packet.pts is None and packet.dts is None and not packet.size
        if not ends:
            for time in tally.packet(packet):
                times.packet(time, coded=False)
            if (coded := gives.picture(packet)) is not None:
                times.packet(packet.pts, coded=coded)
        if not ends and not packet.size:
            continue
        for frame in decoder.decode(None if ends else packet):
            if frame.is_corrupt:
                raise damaged(tally.path, f"frame {tally.frames}")
            if ends and not decoder.has_b_frames and times.stands_at(frame.pts):
                continue  # libav gives the last one again where that is not coded
            tally.frame(frame)
            if gives.raw:
                frame.pts = None
            yield frame


class _Gives:
    """Whether a picture is to come of a packet, at its time; False where the one before stands.

    None where nothing is shown, or no time is known.
    """

    def __init__(self, container: Any, decoder: Any) -> None:
        self.raw = container.format.name in RAW
        self.vp8 = decoder.name in ("vp8", "libvpx")
        self.mpeg4 = Pictures(decoder.extradata or b"") if decoder.name == "mpeg4" else None

    def picture(self, packet: Any) -> bool | None:
        if packet.pts is None or packet.is_discard or self.raw:
            return None
        if not packet.size:
            return False
        if self.vp8 and not bytes(packet)[0] & 0x10:  # hidden (RFC 6386, 9.1)
            return None
        return self.mpeg4 is None or not self.mpeg4.is_not_coded(bytes(packet))


class _Clock:
    """Seconds since the first frame; where a clock stands still, an even rate."""

    def __init__(self, path: Path, stream: Any, step: float, lasts: float) -> None:
        self.path, self.unit, self.step = path, stream.time_base, step
        self.longest = 2 * lasts + 1 if lasts else None
        self.first: float | None = None
        self.previous = 0.0

    def __call__(self, time: int) -> float:
        seconds = float(time * self.unit)
        if self.first is None:
            self.first = self.previous = seconds
        elif seconds <= self.previous:
            seconds = self.previous + self.step
        self.previous = seconds
        since = seconds - self.first
        if self.longest is not None and since > self.longest:
            raise damaged(self.path, f"a clock that runs on to {since:.0f} s")
        return since


class _Upright:
    """Turns decoded frames into uint8 sRGB [H, W, 3]: square pixels, rotated, alpha on black."""

    def __init__(self, path: Path, aspect: Any) -> None:
        self.path = path
        self.aspect = float(aspect) if aspect and 1 / 8 <= aspect <= 8 else 1.0
        self.reformatter = VideoReformatter()

    def __call__(self, frame: Any) -> Frames:
        width = max(1, round(frame.width * self.aspect))
        check_pixels(self.path, width, frame.height)
        alpha = frame.format.name == "pal8" or any(c.is_alpha for c in frame.format.components)
        wide = is_wide(frame.color_trc, frame.color_primaries)
        layout = ("rgba64le" if alpha else "rgb48le") if wide else ("rgba" if alpha else "rgb24")
        converted = self.reformatter.reformat(
            frame, width=width, format=layout, src_colorspace=_matrix(frame)
        )
        pixels: Any = converted.to_ndarray()
        if wide:
            colours = to_srgb(pixels[..., :3], frame.color_trc, frame.color_primaries)
            pixels = np.concatenate([colours, (pixels[..., 3:] >> 8).astype(np.uint8)], axis=-1)
        return _turn(on_black(pixels) if alpha else pixels, frame.side_data.get("DISPLAYMATRIX"))


def _matrix(frame: Any) -> Any:
    """The colour matrix of a frame that states none; None leaves it as it is stated."""
    if frame.colorspace != UNTOLD:
        return None
    if frame.color_trc in HIGH_RANGE:
        return Colorspace.BT2020
    return Colorspace.ITU709 if frame.height >= 720 else None


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
