"""GIFs as browsers show them: written byte by byte here, and composed by a slow plain loop."""

import itertools
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from vdsm.errors import InputError
from vdsm.video import read_video, timed_frames
from vdsm.video.still import count_pictures

Frames = npt.NDArray[np.uint8]
RED, GREEN, BLUE, GREY = (250, 0, 0), (0, 250, 0), (0, 0, 250), (90, 90, 90)
SHARED_COLOURS = [RED, GREEN, BLUE, GREY]
WIDTH, HEIGHT = 9, 7


@dataclass
class Picture:
    """One image of a GIF: indices [h, w] of four colours at x, y."""

    indices: Frames
    x: int = 0
    y: int = 0
    disposal: int = 0
    clear: int | None = None  # the transparent index
    colours: list[tuple[int, int, int]] | None = None  # its own palette
    interlaced: bool = False
    delay: int | None = 10  # hundredths of a second; None: no control block


def lzw(indices: list[int]) -> bytes:
    """Codes of 3 bits, the table cleared so often that they never grow (GIF89a, appendix F)."""
    codes = [
        c for pair in (indices[i : i + 2] for i in range(0, len(indices), 2)) for c in (4, *pair)
    ] + [5]
    bits = sum(code << (3 * i) for i, code in enumerate(codes))
    raw = bits.to_bytes(-(-3 * len(codes) // 8), "little")
    blocks = [raw[i : i + 255] for i in range(0, len(raw), 255)]
    return b"\x02" + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def flat(colours: list[tuple[int, int, int]]) -> bytes:
    return bytes(itertools.chain.from_iterable(colours))


def image_block(picture: Picture) -> bytes:
    out = b""
    if picture.delay is not None:
        flags = picture.disposal << 2 | (picture.clear is not None)
        out += struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, picture.delay, picture.clear or 0, 0)
    rows = picture.indices.tolist()
    if picture.interlaced:
        passes = ((0, 8), (4, 8), (2, 4), (1, 2))
        rows = [row for first, step in passes for row in rows[first::step]]
    h, w = picture.indices.shape
    flags = (0x81 if picture.colours else 0) | (0x40 if picture.interlaced else 0)
    out += struct.pack("<BHHHHB", 0x2C, picture.x, picture.y, w, h, flags)
    return out + flat(picture.colours or []) + lzw([i for row in rows for i in row])


def gif(pictures: list[Picture], *, trailer: bytes = b"\x3b", background: int = 2) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", WIDTH, HEIGHT, 0x81, background, 0)
    return head + flat(SHARED_COLOURS) + b"".join(map(image_block, pictures)) + trailer


def composed(pictures: list[Picture]) -> Frames:
    """The slow way: pixel by pixel, None where the canvas is transparent, which shows as black."""
    canvas: dict[tuple[int, int], tuple[int, int, int] | None] = dict.fromkeys(
        itertools.product(range(HEIGHT), range(WIDTH))
    )
    shown = []
    for picture in pictures:
        before = dict(canvas)
        covered = []
        for (row, column), index in np.ndenumerate(picture.indices):
            spot = picture.y + row, picture.x + column
            if spot not in canvas:
                continue
            covered.append(spot)
            if index != picture.clear:
                canvas[spot] = (picture.colours or SHARED_COLOURS)[index]
        shown.append([canvas[spot] or (0, 0, 0) for spot in sorted(canvas)])
        if picture.disposal == 2:
            canvas.update(dict.fromkeys(covered))
        elif picture.disposal == 3:
            canvas = before
    return np.array(shown, np.uint8).reshape(len(pictures), HEIGHT, WIDTH, 3)


def some_pictures(disposals: tuple[int, ...], *, clear: bool, seed: int) -> list[Picture]:
    """Images at random places, the first over the whole screen or not, each one's last kept."""
    rng = np.random.default_rng(seed)
    pictures = []
    for i, disposal in enumerate((*disposals, 0)):
        w, h = int(rng.integers(1, WIDTH + 1)), int(rng.integers(1, HEIGHT + 1))
        if i == 0 and seed % 2:
            w, h = WIDTH, HEIGHT
        x, y = int(rng.integers(WIDTH - w + 1)), int(rng.integers(HEIGHT - h + 1))
        own = [tuple(c) for c in rng.integers(1, 256, (4, 3)).tolist()] if i % 2 else None
        pictures.append(
            Picture(
                rng.integers(0, 4, (h, w)).astype(np.uint8),
                x, y, disposal, int(rng.integers(4)) if clear else None, own, i % 3 == 1,
            )
        )  # fmt: skip
    return pictures


@pytest.mark.parametrize("clear", [False, True])
def test_every_short_sequence_of_disposals(clear: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    for number, disposals in enumerate(itertools.product(range(4), repeat=3)):
        for seed in (2 * number, 2 * number + 1):
            pictures = some_pictures(disposals, clear=clear, seed=seed)
            path.write_bytes(gif(pictures))
            found = read_video(path)
            assert np.array_equal(found, composed(pictures)), (disposals, seed)


def whole(value: int, **changes: object) -> Picture:
    picture = Picture(np.full((HEIGHT, WIDTH), value, np.uint8))
    return replace(picture, **changes)  # type: ignore[arg-type]


def test_the_background_colour_is_not_shown(tmp_path: Path) -> None:
    small = Picture(np.zeros((2, 2), np.uint8), 3, 3)
    (tmp_path / "a.gif").write_bytes(gif([small, whole(1, disposal=2), small], background=1))
    clip = read_video(tmp_path / "a.gif")
    assert (clip[0] > 0).any(-1).sum() == (clip[2] > 0).any(-1).sum() == 4


def test_disposal_4_is_3_as_early_encoders_wrote_it(tmp_path: Path) -> None:
    small = Picture(np.ones((3, 3), np.uint8), 1, 1, disposal=4)
    (tmp_path / "a.gif").write_bytes(gif([whole(0), small, replace(small, x=5)]))
    restored = [whole(0), replace(small, disposal=3), replace(small, x=5)]
    assert np.array_equal(read_video(tmp_path / "a.gif"), composed(restored))


def test_images_beyond_the_screen(tmp_path: Path) -> None:
    # The first one widens it; later ones are cut off.
    large = Picture(np.zeros((HEIGHT + 2, WIDTH + 1), np.uint8))
    late = Picture(np.ones((HEIGHT, WIDTH), np.uint8), 4, 4)
    (tmp_path / "a.gif").write_bytes(gif([large, late]))
    clip = read_video(tmp_path / "a.gif")
    assert clip.shape == (2, HEIGHT + 2, WIDTH + 1, 3)
    assert (clip[1, 4:, 4:] == GREEN).all()
    assert (clip[1, :4] == RED).all()
    (tmp_path / "b.gif").write_bytes(gif([whole(0), replace(late, x=40), whole(2, delay=7)]))
    assert np.array_equal(read_video(tmp_path / "b.gif"), composed([whole(0)] * 2 + [whole(2)]))


def test_delays(tmp_path: Path) -> None:
    # Under 20 ms is 100 ms in browsers; a control block holds for one image alone.
    delays = [0, 1, 2, 100, None, 3]
    (tmp_path / "a.gif").write_bytes(gif([whole(i % 4, delay=d) for i, d in enumerate(delays)]))
    times = [time for time, _ in timed_frames(tmp_path / "a.gif")]
    assert times == pytest.approx([0, 0.1, 0.2, 0.22, 1.22, 1.32])
    (tmp_path / "b.gif").write_bytes(gif([whole(1)]))
    assert [time for time, _ in timed_frames(tmp_path / "b.gif")] == [None]


def test_a_lost_trailer(tmp_path: Path) -> None:
    pictures = [whole(i) for i in range(3)]
    content = gif(pictures, trailer=b"")
    (tmp_path / "a.gif").write_bytes(content)
    assert np.array_equal(read_video(tmp_path / "a.gif"), composed(pictures))
    assert count_pictures(tmp_path / "a.gif") == 3
    for end in range(13, len(content)):
        pieces = [whole(i) for i in range(3) if len(gif(pictures[: i + 1], trailer=b"")) <= end]
        (tmp_path / "a.gif").write_bytes(content[:end])
        if end == len(gif(pieces, trailer=b"")) and pieces:
            assert np.array_equal(read_video(tmp_path / "a.gif"), composed(pieces))
        else:
            with pytest.raises(InputError, match=r"a\.gif is truncated|damaged"):
                read_video(tmp_path / "a.gif")


def test_pixels_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    short = image_block(whole(1))[: -len(lzw([1] * WIDTH * HEIGHT))] + lzw([1] * WIDTH)
    (tmp_path / "a.gif").write_bytes(gif([whole(0)], trailer=short + b"\x3b"))
    with pytest.raises(InputError, match=r"a\.gif"):
        read_video(tmp_path / "a.gif")


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("background_then_unspecified", 4),
        ("background_opaque", 3),
        ("notrailer", 12),
    ],
)
def test_the_files_that_users_reported(name: str, frames: int, shared: Path) -> None:
    path = shared / "faults" / f"{name}.gif"
    if not path.is_file():
        pytest.skip("no such file beside the repository")
    assert len(read_video(path)) == count_pictures(path) == frames
    if name.startswith("background"):
        cleared = read_video(path)[2]
        assert (cleared[:4, :4] == 0).all()  # what the second image cleared
