"""Damaged files: a clip or one clear error, never a crash, a hang, or frames lost in silence.

VDSM_FUZZ_CASES sets how many damaged files of each kind are tried.
"""

import io
import os
import signal
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from media import Frames, chunks, encode, pattern, ramp, with_chunks
from vdsm.errors import InputError
from vdsm.video import MAX_PIXELS, read_video, timed_frames, write_clips

CASES = int(os.environ.get("VDSM_FUZZ_CASES", "40"))
LONGEST = 20  # s for one damaged file of a few kB
KINDS = (
    "mp4", "progressive.mp4", "fragmented.mp4", "webm", "vp8.webm", "mkv", "avi", "mov", "mpg",
    "vob", "ts", "m2ts", "flv", "f4v", "wmv", "asf", "3gp", "ogv", "rm", "b.avi", "null.avi",
)  # fmt: skip
STREAMS = ("m1v", "m2v", "h264")  # which say nothing of their length
PICTURES = ("gif", "png", "jpg")
# Bytes of a packet: what was cut between two is whole, as far as it says.
PACKETS = {"ts": 188, "m2ts": 192, "mpg": 2048, "vob": 2048}
FRAMES = 10


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    clip = pattern(FRAMES)
    flags = {"progressive.mp4": "faststart", "fragmented.mp4": "frag_keyframe+empty_moov"}
    codecs = {"vp8.webm": "libvpx", "mkv": "libx264", "mov": "mjpeg", "b.avi": "libx264"}
    files = {}
    for kind in (*KINDS, *STREAMS):
        options = {"movflags": flags[kind]} if kind in flags else None
        path = folder / f"clip.{kind}"
        rate = (
            25 if kind.endswith(("mpg", "vob", "m1v", "m2v", "m2ts")) else 10
        )  # not all are legal
        encode(path, clip, codec=codecs.get(kind), options=options, rate=rate)
        files[kind] = path.read_bytes()
    parts = chunks(files["null.avi"])[1]
    for at in (3, 4, 8):
        parts.insert(at, b"00dc" + bytes(4))
    files["null.avi"] = with_chunks(files["null.avi"], parts)
    write_clips(folder / "clip.gif", clip)
    files["gif"] = (folder / "clip.gif").read_bytes()
    for kind, name in (("png", "PNG"), ("jpg", "JPEG")):
        buffer = io.BytesIO()
        Image.fromarray(clip[0]).save(buffer, name)
        files[kind] = buffer.getvalue()
    return files


def named(folder: Path, kind: str, content: bytes) -> Path:
    path = folder / f"damaged.{kind.rpartition('.')[2]}"
    path.write_bytes(content)
    return path


@contextmanager
def no_hang() -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"reading took more than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# ---- cut short


@pytest.mark.parametrize("kind", [*KINDS, *PICTURES])
def test_a_file_that_was_cut_is_never_shorter_in_silence(
    kind: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    content = whole[kind]
    # A PNG is whole before its empty last chunk, a JPEG before its last two bytes, a GIF before
    # its last one.
    slack = {"png": 12, "jpg": 2, "gif": 1}.get(kind, 0)
    ends = np.linspace(0, len(content) - 1 - slack, 60).astype(int)
    for end in (*ends, len(content) - 1 - slack):
        if end and end % PACKETS.get(kind, len(content)) == 0:
            continue
        with pytest.raises(InputError, match=r"damaged\.") as found:
            read_video(named(tmp_path, kind, content[:end]))
        assert "\n" not in str(found.value)


def test_a_gif_is_whole_without_its_last_byte_alone(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    # Browsers show a GIF whose trailer is lost. One that was cut between two images looks the same.
    content = whole["gif"]
    path = named(tmp_path, "gif", content)
    assert len(read_video(path)) == FRAMES
    path.write_bytes(content[:-1])
    assert len(read_video(path)) == FRAMES
    last = content.rindex(b"\x21\xf9\x04")
    before = content.rindex(b"\x21\xf9\x04", 0, last)
    for end in (*range(before + 1, last), *range(last + 1, len(content) - 1)):
        path.write_bytes(content[:end])
        with pytest.raises(InputError, match="truncated"):
            read_video(path)


def test_live_recordings_without_sizes_are_read(whole: dict[str, bytes], tmp_path: Path) -> None:
    # A recorder that cannot go back leaves the sizes of segment and clusters unknown.
    path = tmp_path / "live.webm"
    encode(path, ramp(FRAMES), options={"live": "1"})
    assert b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" in path.read_bytes()
    assert len(read_video(path)) == FRAMES
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match="truncated"):
        read_video(path)


def unfinished(content: bytes, parts: list[bytes], *, declared: bool) -> bytes:
    """An AVI as it lies on the disk before its writer ends it."""
    data = bytearray(with_chunks(content, parts))
    places = [4, chunks(content)[0] - 8]
    if not declared:
        places += [data.index(b"avih") + 24, data.index(b"strh") + 40]
    for at in places:
        data[at : at + 4] = bytes(4)
    return bytes(data)


def test_an_avi_whose_writer_was_killed(whole: dict[str, bytes], tmp_path: Path) -> None:
    content = whole["avi"]
    parts = chunks(content)[1]
    path = named(tmp_path, "avi", unfinished(content, parts, declared=True))
    assert len(read_video(path)) == FRAMES
    half = unfinished(content, parts, declared=False)
    for end in (len(half), len(half) - 1, len(half) - len(parts[-1]), len(half) - 200):
        path.write_bytes(half[:end])
        with pytest.raises(InputError, match=r"never finished.*-c copy mended\.avi|truncated"):
            read_video(path)
    with_index = bytearray(content)  # all is there but the sizes
    for at in (4, chunks(content)[0] - 8):
        with_index[at : at + 4] = bytes(4)
    path.write_bytes(with_index)
    assert len(read_video(path)) == FRAMES


@pytest.mark.parametrize("kind", ["ts", "m2ts", "mpg"])
def test_joined_segments_are_one_video(kind: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    path = named(tmp_path, kind, whole[kind] * 8)
    once = read_video(named(tmp_path, f"once.{kind}", whole[kind]))
    path.write_bytes(whole[kind] * 8)
    assert np.array_equal(read_video(path), np.concatenate([once] * 8))
    times = [time or 0.0 for time, _ in timed_frames(path)]
    assert np.diff(times).min() > 0


@pytest.mark.parametrize("kind", ["ts", "m2ts"])
def test_lost_packets_are_noticed(kind: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    size, content = PACKETS[kind], whole[kind]
    heads = {at: content[at + size - 187 : at + size - 185] for at in range(0, len(content), size)}
    tracks = {at: (high & 0x1F) << 8 | low for at, (high, low) in heads.items()}
    shown = {"ts": 0x100, "m2ts": 0x1011}[kind]  # the numbers that libav gives to video
    video = [at for at, track in tracks.items() if track == shown]
    assert len(video) > FRAMES
    for at in video[1:-1]:  # at the start and the end it cannot be told
        with pytest.raises(InputError, match="damaged"):
            read_video(named(tmp_path, kind, content[:at] + content[at + size :]))


# ---- damaged anywhere


@st.composite
def damage(draw: st.DrawFn, size: int) -> list[tuple[str, int, bytes]]:
    place = st.integers(0, size - 1)
    kind = st.sampled_from(["flip", "put", "insert", "delete"])
    edit = st.tuples(kind, place, st.binary(min_size=1, max_size=8))
    return draw(st.lists(edit, min_size=1, max_size=4))


def damaged(content: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    data = bytearray(content)
    for kind, at, new in edits:
        if kind == "flip":
            data[min(at, len(data) - 1)] ^= 1 << new[0] % 8
        elif kind == "delete":
            del data[at : at + len(new)]
        else:
            data[at : at + (len(new) if kind == "put" else 0)] = new
    return bytes(data)


def attempt(path: Path, size: int | None) -> tuple[Frames | None, str]:
    """The clip, or what the error says."""
    try:
        return read_video(path, size=size), ""
    except InputError as error:
        return None, str(error)


@pytest.mark.parametrize("kind", [*KINDS, *STREAMS, *PICTURES])
def test_damage_gives_a_clip_or_an_error(
    kind: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    content = whole[kind]

    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(edits=damage(len(content)), size=st.sampled_from([None, 16]))
    def check(edits: list[tuple[str, int, bytes]], size: int | None) -> None:
        path = named(tmp_path, kind, damaged(content, edits))
        with no_hang(), warnings.catch_warnings():
            warnings.simplefilter("error")
            clip, error = attempt(path, size)
        if clip is None:
            assert path.name in error
            assert "\n" not in error
            return
        assert clip.dtype == np.uint8
        assert clip.ndim == 4
        assert 1 <= len(clip) <= 2 * FRAMES

    check()


@pytest.mark.parametrize("kind", ["png", "mkv"])
def test_checksums_are_checked(kind: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    content = bytearray(whole[kind])
    content[len(content) // 2] ^= 1  # in the pixels, far from any header
    with pytest.raises(InputError, match="damaged"):
        read_video(named(tmp_path, kind, bytes(content)))


def test_a_lost_frame_in_the_middle_is_noticed(whole: dict[str, bytes], tmp_path: Path) -> None:
    # Demuxers skip a block whose track does not exist.
    content = bytearray(whole["webm"])
    at = content.rindex(b"\xa3", 0, content.rindex(b"\x1c\x53\xbb\x6b"))
    content[at + 2] = 0x82  # track 2
    with pytest.raises(InputError, match=r"damaged|truncated"):
        read_video(named(tmp_path, "webm", bytes(content)))


# ---- what is no clip at all


@pytest.mark.parametrize("kind", ["mp4", "webm", "gif", "png", "mov"])
def test_empty_files(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"damaged\.\w+ is empty \(0 bytes\)"):
        read_video(named(tmp_path, kind, b""))


def test_missing_files_and_links_in_circles(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4 cannot be read \(No such file"):
        read_video(tmp_path / "gone.mp4")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "b.mp4")
    (tmp_path / "b.mp4").symlink_to(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"a\.mp4 cannot be read \(Too many levels"):
        read_video(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="holds no picture"):
        read_video(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", ramp(2))
    path.chmod(0)
    with pytest.raises(InputError, match=r"a\.mp4 cannot be read \(Permission denied"):
        read_video(path)


def test_one_frame_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    for suffix in (".mp4", ".webm", ".avi", ".mkv"):
        path = encode(tmp_path / f"one{suffix}", ramp(1))
        assert read_video(path).shape == (1, 24, 24, 3)
        assert len(read_video(path, fps=30)) >= 1


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk


def test_bombs_are_refused_from_their_header(tmp_path: Path) -> None:
    million = MAX_PIXELS // 10**6
    for side in (8200, 30_000):
        path = named(tmp_path, "png", png_header(side, side) + b"\0\0\0\0IDAT" + bytes(4))
        with pytest.raises(InputError, match=f"over the limit of {million} million"):
            read_video(path)
    size = struct.pack("<HH", 30_000, 30_000)
    gif = b"GIF89a" + size + b"\0\0\0" + b"\x2c\0\0\0\0" + size + b"\0\x02\x02\x4c\x01\0\x3b"
    with pytest.raises(InputError, match=r"30000 x 30000 pixels"):
        read_video(named(tmp_path, "gif", gif))
    video = bytearray(encode(tmp_path / "a.mov", ramp(2)).read_bytes())
    while (at := video.find(b"\xff\xc0")) >= 0:  # the frame headers of motion JPEG
        video[at : at + 9] = b"\xff\xc1" + video[at + 2 : at + 5] + struct.pack(">HH", 30000, 30000)
    with pytest.raises(InputError):
        read_video(named(tmp_path, "mov", bytes(video)))


def test_broken_picture_in_a_folder_is_named(tmp_path: Path) -> None:
    for i in range(3):
        Image.fromarray(ramp(3)[i]).save(tmp_path / f"{i}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:60])
    with pytest.raises(InputError, match=r"1\.png"):
        read_video(tmp_path)
