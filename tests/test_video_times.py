"""How many pictures a video has, at what times, and of which track, as FFmpeg and the files say."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from media import Frames, chunks, encode, number, numbered, packets, remux, waves, with_chunks
from vdsm.errors import InputError
from vdsm.video import frames, read_video, timed_frames

COUNT = 40
EMPTY = b"00dc" + bytes(4)


def shown_in(path: Path, fps: float | None = None) -> list[int]:
    """Which frame of `numbered` each picture is."""
    return [number(x) for x in frames(path, fps=fps)]


def times(path: Path) -> list[float]:
    return [time or 0.0 for time, _ in timed_frames(path)]


# ---- pictures that stand on


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4", "ffv1"])
@pytest.mark.parametrize("empty", [(), (5,), (1, 2, 3), (9, 10, 38, 39), tuple(range(1, 40, 2))])
def test_empty_chunks_of_an_avi_stand(codec: str, empty: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    shown = [i for i in range(COUNT) if i not in empty]
    encode(path, numbered(COUNT)[shown], codec=codec, pix_fmt=pix_fmt, rate=25)
    coded = iter(chunks(path.read_bytes())[1])
    places = [EMPTY if i in empty else next(coded) for i in range(COUNT)]
    path.write_bytes(with_chunks(path.read_bytes(), places))
    assert shown_in(path) == shown
    assert times(path) == pytest.approx([i / 25 for i in shown])
    stands = [max(i for i in shown if i <= k) for k in range(COUNT)]
    assert shown_in(path, fps=25) == stands


def not_coded(tick: int) -> bytes:
    """A picture of MPEG-4 that is not coded (ISO 14496-2, 6.2.5), at 25 ticks a second."""
    bits = "01" + "0" + "1" + f"{tick % 25:05b}" + "1" + "0"
    bits += "0" + "1" * (7 - len(bits) % 8)
    return b"\0\0\1\xb6" + int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".3gp"])
def test_pictures_that_are_not_coded_stand(suffix: str, tmp_path: Path) -> None:
    skipped = (3, 7, 8, 9, 19)
    shown = [i for i in range(20) if i not in skipped]
    encoder, coded = packets(numbered(COUNT)[shown], "mpeg4", ticks=shown)
    content = {packet.pts: bytes(packet) for packet in coded}
    places = [(content.get(i, not_coded(i)), i, i) for i in range(20)]
    path = remux(tmp_path / f"a{suffix}", encoder, places)
    assert shown_in(path) == shown
    assert times(path) == pytest.approx([i / 25 for i in shown], abs=1e-3)
    assert shown_in(path, fps=25) == [max(i for i in shown if i <= k) for k in range(20)]


def test_a_lost_picture_of_mpeg4_is_no_skipped_one(tmp_path: Path) -> None:
    encoder, coded = packets(numbered(COUNT)[:10], "mpeg4")
    places = [(bytes(packet), packet.pts, packet.pts) for packet in coded]
    places[5] = (b"\0\0\1\xb5" + bytes(20), 5, 5)  # no picture in it at all
    path = remux(tmp_path / "a.mp4", encoder, places)
    with pytest.raises(InputError, match=r"damaged|cannot be read"):
        read_video(path)


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mkv"])
def test_packed_bitstreams(suffix: str, tmp_path: Path) -> None:
    # DivX put a B picture behind the next P in one chunk, and a dummy in the place of its own.
    encoder, coded = packets(numbered(COUNT)[:21], "mpeg4", bf="1", b_strategy="0")
    found = [bytes(packet) for packet in coded]
    packed = [found[0].replace(b"\0\0\1\xb6", b"\0\0\1\xb2DivX503b1393p\0\0\1\xb6", 1)]
    for k in range(1, 21, 2):
        packed += [found[k] + found[k + 1], not_coded(k)]
    path = remux(tmp_path / f"a{suffix}", encoder, [(x, i, i) for i, x in enumerate(packed)])
    assert shown_in(path) == list(range(21))
    assert times(path) == pytest.approx([i / 25 for i in range(21)], abs=1e-3)
    assert shown_in(path, fps=5) == [0, 5, 10, 15, 20][: len(shown_in(path, fps=5))]


# ---- times


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".avi", "libx264"), (".avi", "mpeg4"), (".wmv", "mpeg4"), (".mkv", "mpeg4"),
        (".ts", "mpeg2video"), (".mpg", "mpeg2video"), (".m2v", "mpeg2video"), (".h264", "libx264"),
        (".flv", "libx264"), (".mp4", "libx265"),
    ],
)  # fmt: skip
def test_pictures_out_of_order_keep_an_even_rate(suffix: str, codec: str, tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none:bframes=3"} if codec == "libx265" else {"bf": "3"}
    path = tmp_path / f"a{suffix}"
    encode(path, numbered(COUNT), codec=codec, rate=25, setup={"options": options})
    assert times(path) == pytest.approx([i / 25 for i in range(COUNT)], abs=1e-3)
    assert shown_in(path, fps=25) == list(range(COUNT))
    assert shown_in(path, fps=5) == list(range(0, COUNT, 5))


@pytest.mark.parametrize("rate", [10, 24, 30, 50, 60])
def test_elementary_streams_have_the_rate_of_their_codec(rate: int, tmp_path: Path) -> None:
    for suffix in (".h264", ".m2v") if rate > 20 else (".h264",):
        path = encode(tmp_path / f"a{suffix}", numbered(20), rate=rate)
        assert times(path) == pytest.approx([i / rate for i in range(20)])


def with_edits(path: Path, edits: Sequence[tuple[int, int]]) -> None:
    """Give an mp4 whose boxes end with moov an edit list: (ms shown, first tick or -1)."""
    content = path.read_bytes()

    def box(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body) + 8, name) + body

    def inner(body: bytes) -> bytes:
        done, at = b"", 0
        while at < len(body):
            size, name = struct.unpack(">I4s", body[at : at + 8])
            part = body[at + 8 : at + size]
            if name == b"trak":
                part = inner(part)
            if name != b"edts":
                done += box(name, part)
            if name == b"tkhd":
                done += box(b"edts", box(b"elst", bytes(4) + listed))
            at += size
        return done

    listed = struct.pack(">I", len(edits))
    listed += b"".join(struct.pack(">iiI", lasts, first, 1 << 16) for lasts, first in edits)
    at = content.index(b"moov") - 4
    path.write_bytes(content[:at] + box(b"moov", inner(content[at + 8 :])))


@pytest.mark.parametrize(
    ("edits", "shown"),
    [
        ([(1600, 0)], range(40)),
        ([(800, 0)], range(20)),
        ([(400, 10)], range(10, 20)),
        ([(1000, -1), (1600, 0)], range(40)),
        ([(1000, -1), (400, 0)], range(10)),
        ([(2000, -1), (400, 15)], range(15, 25)),
        ([(400, 0), (400, 20)], [*range(10), *range(20, 30)]),
    ],
)
@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_edit_lists(
    edits: list[tuple[int, int]], shown: Sequence[int], codec: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    encode(path, numbered(COUNT), codec=codec, pix_fmt=pix_fmt, rate=25)
    with av.open(str(path)) as file:
        tick = round(Fraction(1, 25) / file.streams.video[0].time_base)
    with_edits(path, [(lasts, first * tick if first >= 0 else -1) for lasts, first in edits])
    assert shown_in(path) == list(shown)
    starts = 0.0
    wanted: list[float] = []
    for lasts, first in edits:
        if first >= 0:
            wanted += [starts + k / 25 for k in range(round(lasts / 40))]
        starts += lasts / 1000
    assert times(path) == pytest.approx([time - wanted[0] for time in wanted], abs=2e-3)


# ---- which track


def tracks(
    path: Path, *made: tuple[Frames, int], codec: str = "mpeg4", pix_fmt: str = "yuv420p"
) -> Path:
    """A file of several video tracks: frames, disposition."""
    with av.open(str(path), "w") as out:
        streams: list[Any] = []
        for clip, disposition in made:
            stream: Any = out.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = *clip.shape[1:3], pix_fmt
            stream.disposition = Disposition(disposition)
            streams.append(stream)
        longest = max(len(clip) for clip, _ in made)
        for i in range(longest):
            for stream, (clip, _) in zip(streams, made, strict=True):
                if i < len(clip):
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(clip[i])))
        for stream in streams:
            out.mux(stream.encode())
    return path


DEFAULT = int(Disposition.default)
SMALL, LARGE, SHORT = waves(12, 32, 32), waves(12, 64, 64), waves(1, 128, 128)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi", ".mov", ".ts", ".wmv"])
def test_more_frames_then_more_pixels(suffix: str, tmp_path: Path) -> None:
    for made in ([SHORT, SMALL, LARGE], [LARGE, SMALL, SHORT], [SMALL, SHORT, LARGE]):
        flag = DEFAULT if suffix in (".mp4", ".mov") else 0  # of none, libav takes the first
        path = tracks(tmp_path / f"a{suffix}", *((clip, flag) for clip in made))
        assert read_video(path).shape == LARGE.shape


def test_the_default_track_comes_first(tmp_path: Path) -> None:
    path = tracks(tmp_path / "a.mkv", (LARGE, 0), (SMALL, DEFAULT), (SHORT, 0))
    assert read_video(path).shape == SMALL.shape


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_covers_are_not_shown(suffix: str, tmp_path: Path) -> None:
    cover = int(Disposition.attached_pic)
    made = (SHORT, cover), (SMALL, 0)
    path = tracks(tmp_path / f"a{suffix}", *made, codec="png", pix_fmt="rgb24")
    with av.open(str(path)) as file:
        assert [s.disposition & cover for s in file.streams.video] != [0, 0]
    assert read_video(path).shape == SMALL.shape


# ---- the files of public reports


@pytest.mark.parametrize(
    ("name", "pictures", "at_25"),
    [
        ("null_mjpeg.avi", 54, 60), ("null_mpeg4.avi", 54, 60), ("nvop.mp4", 56, 60),
        ("h264b.avi", 60, 60), ("empty_then.mp4", 25, 25), ("thumb_first.mkv", 60, 60),
        ("m2.mpg", 60, 60), ("a.flv", 60, 60), ("a.wmv", 60, 60), ("a.3gp", 60, 60),
    ],
)  # fmt: skip
def test_reported_files(name: str, pictures: int, at_25: int, shared: Path) -> None:
    path = shared / "faults" / name
    found = times(path)
    assert len(found) == pictures
    assert np.allclose(np.array(found) * 25, np.rint(np.array(found) * 25), atol=0.03)
    assert len(list(frames(path, fps=25))) == at_25
