"""Reading and writing videos and pictures: frames, times, shapes and colours come out right."""

import itertools
import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from media import encode, pattern, ramp
from vdsm.errors import InputError
from vdsm.video import (
    Fit,
    frames,
    grid,
    natural_key,
    parse_crop,
    read_video,
    resample,
    strips,
    timed_frames,
    write_clips,
    write_picture,
)

Frames = npt.NDArray[np.uint8]


def near(found: Frames, wanted: Frames, tolerance: float) -> bool:
    return bool(np.abs(found.astype(int) - wanted.astype(int)).max() <= tolerance)


# ---- every container and every way in


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".ts", ".wmv"])
def test_each_container_gives_every_frame(suffix: str, tmp_path: Path) -> None:
    clip = ramp(9)
    path = encode(tmp_path / f"clip{suffix}", clip)
    assert near(read_video(path), clip, 10)
    times = [time for time, _ in timed_frames(path)]
    assert times == pytest.approx([i / 10 for i in range(9)], abs=0.002)
    assert len(read_video(path, max_frames=4)) == 4
    assert read_video(path, size=16, grey=True).shape == (9, 16, 16, 1)


def test_vp8_with_hidden_frames(tmp_path: Path) -> None:
    # The reference frame that libvpx hides is a packet that gives no frame.
    clip = pattern(30, 64)
    options = {"auto-alt-ref": "1", "lag-in-frames": "16"}
    path = tmp_path / "clip.webm"
    encode(path, clip, codec="libvpx", setup={"options": options})
    assert len(read_video(path)) == 30


def test_fragmented_and_progressive_mp4(tmp_path: Path) -> None:
    for flags in ("frag_keyframe+empty_moov", "faststart"):
        path = encode(tmp_path / f"{flags}.mp4", ramp(9), options={"movflags": flags})
        assert near(read_video(path), ramp(9), 4)


def test_odd_sides(tmp_path: Path) -> None:
    clip = np.broadcast_to(ramp(3, 40)[:, :23, :37], (3, 23, 37, 3))
    path = encode(tmp_path / "odd.mkv", clip, pix_fmt="bgr0")
    assert np.array_equal(read_video(path), clip)


def test_named_text_or_playlist_is_no_video(tmp_path: Path) -> None:
    encode(tmp_path / "real.mp4", ramp(3))
    for text in ("hello\n" * 50, "ffconcat version 1.0\nfile real.mp4\n", "#EXTM3U\nreal.mp4\n"):
        (tmp_path / "text.mp4").write_text(text)
        with pytest.raises(InputError, match=r"text\.mp4 is no video"):
            read_video(tmp_path / "text.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "sound.mkv"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        sound.sample_rate = 8000
        out.mux(stream.encode(sound))
    with pytest.raises(InputError, match="no video in it"):
        read_video(tmp_path / "sound.mkv")


# ---- time


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0, 100, 150, 600, 640, 1000]
    path = encode(tmp_path / "clip.mkv", ramp(6), times=times, rate=25)
    assert [time for time, _ in timed_frames(path)] == pytest.approx([t / 1000 for t in times])
    taken = [int(np.argmin([abs(t - 100 * k) for t in times])) for k in range(14)]
    assert near(read_video(path, fps=10), ramp(6)[taken], 4)  # the last stands 360 ms


@given(
    gaps=st.lists(st.integers(1, 400), min_size=1, max_size=12),
    fps=st.floats(0.5, 60),
)
def test_resampling_takes_the_frame_nearest_in_time(gaps: list[int], fps: float) -> None:
    times = [0.0, *(np.cumsum(gaps) / 100)]
    images = [np.full((1, 1, 3), i, np.uint8) for i in range(len(times))]
    found = list(resample(iter(zip(times, images, strict=True)), fps))
    lasts = times[-1] + gaps[-1] / 100
    for k, (time, image) in enumerate(found):
        assert time == pytest.approx(k / fps)
        distance = [abs(t - k / fps) for t in times]
        assert distance[int(image[0, 0, 0])] <= min(distance) + 1e-6
    assert abs(len(found) - lasts * fps) <= 1 + gaps[-1] / 200 * fps


def test_equal_rate_keeps_every_frame_once() -> None:
    for rate, unit in itertools.product((24, 25, 30, 29.97, 60), (1e-3, 1 / 90000)):
        times = [round(i / rate / unit) * unit for i in range(200)]  # rounded as containers do
        images = [np.full((1, 1, 3), i, np.uint8) for i in range(200)]
        found = [int(x[0, 0, 0]) for _, x in resample(iter(zip(times, images, strict=True)), rate)]
        assert found == list(range(200))


def test_pictures_have_no_clock_to_resample(tmp_path: Path) -> None:
    for i in range(4):
        write_picture(tmp_path / f"{i}.png", ramp(4)[i])
    assert np.array_equal(read_video(tmp_path, fps=3), ramp(4))


def test_a_clock_that_jumps_is_refused() -> None:
    image = np.zeros((1, 1, 3), np.uint8)
    with pytest.raises(InputError, match="clock jumps by 5000 s"):
        list(resample(iter([(0.0, image), (5000.0, image)]), 30))


def greys(path: Path, **choice: float | None) -> list[int]:
    """Which frame of `ramp(20)` each frame is."""
    levels = ramp(20)[:, 0, 0, 0].astype(int)
    return [int(abs(levels - x[..., 0].mean()).argmin()) for x in frames(path, **choice)]


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        ({"start": 0.5}, range(5, 20)),
        ({"end": 0.5}, range(5)),
        ({"start": 0.45, "end": 0.7}, [5, 6]),
        ({"start": 0.3, "end": 0.4}, [3]),
        ({"start": 1.9, "end": 60.0}, [19]),
        ({"start": 0.5, "end": 1.5, "fps": 5.0}, range(5, 15, 2)),
        ({"start": 0.5, "fps": 5.0}, range(5, 20, 2)),
        ({"end": 0.15, "fps": 20.0}, [0, 0, 1]),
    ],
)  # fmt: skip
def test_a_span_is_half_open(
    choice: dict[str, float], taken: Iterable[int], tmp_path: Path
) -> None:
    path = encode(tmp_path / "clip.mp4", ramp(20))  # 10 a second
    assert greys(path, **choice) == list(taken)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"start": 2.5}, "no frame is shown at 2.5 s: the last one is shown at 1.9 s"),
        ({"start": 2.5, "fps": 5}, "no frame is shown at 2.5 s"),
        ({"start": 0.51, "end": 0.52}, "no frame is shown at 0.51 to 0.52 s"),
        ({"start": -1}, "start -1 is no time"),
        ({"start": float("nan")}, "start nan is no time"),
        ({"start": 1, "end": 1}, "end 1 s is not after start 1 s"),
        ({"end": float("nan")}, "end nan s is not after"),
    ],
)
def test_a_span_without_frames_is_refused(
    choice: dict[str, float], said: str, tmp_path: Path
) -> None:
    path = encode(tmp_path / "clip.mp4", ramp(20))
    with pytest.raises(InputError, match=said):
        list(frames(path, **choice))


def test_pictures_have_no_span(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", ramp(1)[0])
    with pytest.raises(InputError, match="pictures have no times"):
        list(frames(tmp_path, start=0.5))


# ---- upright, square, on black, right colours


MATRICES = [  # a, b, c, d of x' = ax + cy, y' = bx + dy
    (1, 0, 0, 1),
    (0, 1, -1, 0),
    (-1, 0, 0, -1),
    (0, -1, 1, 0),
    (-1, 0, 0, 1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, -1, -1, 0),
]


@pytest.mark.parametrize("matrix", MATRICES)
def test_display_matrix(matrix: tuple[int, int, int, int], tmp_path: Path) -> None:
    image = np.zeros((1, 32, 48, 3), np.uint8)  # flat blocks, so that coding does not blur them
    for i, (y, x) in enumerate(itertools.product((0, 16), (0, 16, 32))):
        image[0, y : y + 16, x : x + 16] = 40 * (i + 1)
    path = encode(tmp_path / "turned.mp4", image)
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # ISO 14496-12, 8.3.2: version 0
    a, b, c, d = (v * 65536 for v in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)

    moved = {}  # the slow way: where each pixel goes
    a, b, c, d = matrix
    for y, x in itertools.product(range(32), range(48)):
        moved[a * x + c * y, b * x + d * y] = image[0, y, x]
    left, top = min(x for x, _ in moved), min(y for _, y in moved)
    right, bottom = max(x for x, _ in moved), max(y for _, y in moved)
    wanted = np.zeros((bottom - top + 1, right - left + 1, 3), np.uint8)
    for (x, y), value in moved.items():
        wanted[y - top, x - left] = value
    found = read_video(path)[0]
    assert found.shape == wanted.shape
    assert near(found, wanted, 6)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    clip = np.zeros((2, 24, 24, 3), np.uint8)
    setup = {"sample_aspect_ratio": Fraction(2, 1)}
    path = encode(tmp_path / "wide.mp4", clip, setup=setup)
    assert read_video(path).shape == (2, 24, 48, 3)


@pytest.mark.parametrize(
    ("tag", "lines", "red", "blue"),
    [
        (1, 16, 0.2126, 0.0722),
        (5, 16, 0.299, 0.114),
        (2, 16, 0.299, 0.114),  # untold, and small
        (2, 720, 0.2126, 0.0722),
    ],
)
def test_colour_matrix(tag: int, lines: int, red: float, blue: float, tmp_path: Path) -> None:
    rgb = np.array([200.0, 60.0, 30.0])
    luma = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2]
    cb, cr = (rgb[2] - luma) / (2 - 2 * blue), (rgb[0] - luma) / (2 - 2 * red)
    yuv = [16 + 219 / 255 * luma, 128 + 224 / 255 * cb, 128 + 224 / 255 * cr]
    planes = np.stack([np.full((lines, 16), round(v), np.uint8) for v in yuv])
    path = encode(
        tmp_path / "c.mkv", planes[None], pix_fmt="yuv444p", source="yuv444p",
        setup={"colorspace": tag},
    )  # fmt: skip
    assert near(read_video(path)[0, 8, 8], rgb.astype(np.uint8), 3)


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le"])
def test_single_channel_video(pix_fmt: str, tmp_path: Path) -> None:
    # Laid out as it is stored: libswscale's own rgb24 to gray10le leaves pixels unwritten at times.
    levels = ramp(5)[..., 0].astype(np.uint32)
    grey = (levels if pix_fmt == "gray" else levels * 1023 // 255).astype(
        np.uint8 if pix_fmt == "gray" else np.uint16
    )
    path = encode(tmp_path / "grey.mkv", grey, pix_fmt=pix_fmt, source=pix_fmt)
    clip = read_video(path)
    assert near(clip, ramp(5), 2)
    assert np.array_equal(clip[..., 0], clip[..., 2])
    assert near(read_video(path, grey=True), ramp(5)[..., :1], 2)


def rgba_clip() -> Frames:
    """Columns of alpha 0, 85, 170, 255 in a bright colour."""
    clip = np.zeros((3, 16, 32, 4), np.uint8)
    clip[..., :3] = (240, 120, 60)
    clip[..., 3] = np.repeat([0, 85, 170, 255], 8)
    return clip


def on_black(rgba: Frames) -> Frames:
    return np.rint(rgba[..., :3] * (rgba[..., 3:] / 255)).astype(np.uint8)


def test_alpha_of_mov(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mov", rgba_clip(), codec="png", pix_fmt="rgba", source="rgba")
    assert near(read_video(path), on_black(rgba_clip()), 1)


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libvpx"])
def test_alpha_of_webm(codec: str, tmp_path: Path) -> None:
    # Of rgba, libswscale makes yuva420p; colours blur at edges, so the middles are compared.
    options = {"auto-alt-ref": "0", "crf": "4", "b": "4M"}
    path = encode(
        tmp_path / "a.webm", rgba_clip(), codec=codec, pix_fmt="yuva420p", source="rgba",
        setup={"options": options},
    )  # fmt: skip
    clip = read_video(path)
    assert len(clip) == 3
    assert near(clip[:, :, 3::8], on_black(rgba_clip())[:, :, 3::8], 16)


# ---- pictures and GIFs


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_pictures_of_every_mode(mode: str, tmp_path: Path) -> None:
    rgba = rgba_clip()[0]
    source = Image.fromarray(rgba)
    wanted = np.asarray(source.convert("RGB"))
    if mode == "I;16":
        deep = Image.fromarray((rgba[..., 0].astype(np.uint16) << 8) | 77)
        deep.save(tmp_path / "p.png")
        wanted = np.repeat(rgba[..., :1], 3, -1)
    else:
        kept = source if mode in ("LA", "RGBA") else source.convert("RGB")
        image = kept.convert(mode)
        image.save(tmp_path / ("p.tif" if mode == "CMYK" else "p.png"))
        if mode in ("1", "L", "P"):
            wanted = np.asarray(image.convert("RGB"))
        if mode in ("LA", "RGBA"):
            wanted = on_black(np.asarray(image.convert("RGBA")))
    found = read_video(next(tmp_path.iterdir()))
    assert found.shape == (1, 16, 32, 3)
    assert near(found[0], wanted, 1)


def test_transparent_palette(tmp_path: Path) -> None:
    image = Image.fromarray(np.repeat([[0, 1, 2, 3]], 4, 0).astype(np.uint8), "L").convert("P")
    image.putpalette([9, 8, 7, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "p.png", transparency=1)
    assert read_video(tmp_path / "p.png")[0, 0].tolist() == [
        [9, 8, 7], [0, 0, 0], [0, 255, 0], [0, 0, 255]
    ]  # fmt: skip


def test_exif_orientation(tmp_path: Path) -> None:
    image = Image.fromarray(pattern(1)[0, :12])
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    image.save(tmp_path / "p.png", exif=exif)
    assert np.array_equal(read_video(tmp_path / "p.png")[0], np.rot90(np.asarray(image), -1))


def test_gif_delays_transparency_and_disposal(tmp_path: Path) -> None:
    images = []
    for i in range(3):
        index = np.full((8, 8), 3, np.uint8)
        index[i, i] = 1
        images.append(Image.fromarray(index, "L").convert("P"))
        images[-1].putpalette([0, 0, 0, 250, 0, 0, 0, 250, 0, 0, 0, 0])
    images[0].save(
        tmp_path / "a.gif", save_all=True, append_images=images[1:], transparency=3,
        duration=[50, 200, 100], disposal=2,
    )  # fmt: skip
    timed = list(timed_frames(tmp_path / "a.gif"))
    assert [time for time, _ in timed] == pytest.approx([0, 0.05, 0.25])
    for i, (_, image) in enumerate(timed):
        wanted = np.zeros((8, 8, 3), np.uint8)
        wanted[i, i] = (250, 0, 0)
        assert np.array_equal(image, wanted)


def test_folder_of_pictures_in_natural_order(tmp_path: Path) -> None:
    names = ["f 1.png", "f 2.jpg", "f 10.png", "f 010b.bmp"]
    for i, name in enumerate(["f 1.png", "f 2.jpg", "f 10.png", "f 11.bmp"]):
        Image.fromarray(ramp(4)[i]).save(tmp_path / name)
    (tmp_path / "._f 3.png").write_bytes(b"resource fork")
    (tmp_path / "notes.txt").write_text("x")
    assert near(read_video(tmp_path), ramp(4), 1)
    assert sorted(["f 10.png", "f 2.jpg", "f 1.png"], key=natural_key) == names[:3]


def test_pictures_of_different_sizes_need_a_size(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", ramp(1, 8)[0])
    write_picture(tmp_path / "2.png", ramp(1, 9)[0])
    with pytest.raises(InputError, match="changes size at frame 1, from 8 x 8 to 9 x 9"):
        read_video(tmp_path)
    assert read_video(tmp_path, size=4).shape == (2, 4, 4, 3)


def test_frames_are_read_one_by_one(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", ramp(1)[0])
    (tmp_path / "2.png").write_bytes(b"")
    reader = frames(tmp_path)
    assert next(reader).shape == (24, 24, 3)
    with pytest.raises(InputError, match=r"2\.png is empty"):
        next(reader)


# ---- shape


def test_crops() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, 5:25] = 100  # the middle square
    image[4:8, 6:10] = 200
    assert near(Fit(10)(image)[6:], np.full((4, 10, 3), 100, np.uint8), 1)
    wide = Fit(30, "square")(image)
    assert np.array_equal(wide[5:25], image)
    assert wide[:5].max() == wide[25:].max() == 0
    assert (Fit(4, "6,4,4,4")(image) == 200).all()
    assert np.array_equal(Fit(20, "0,0,10,20")(image)[:, 5:15], image[:, :10])
    assert Fit(16, grey=True)(image).shape == (16, 16, 1)


def test_shrinking_averages() -> None:
    # A fine chequerboard has one mean; taking every n-th pixel would give black or white.
    board = np.indices((64, 64)).sum(0) % 2 * 255
    image = np.repeat(board[..., None].astype(np.uint8), 3, -1)
    assert near(Fit(8)(image), np.full((8, 8, 3), 128, np.uint8), 2)


@pytest.mark.parametrize("crop", ["center", "1,2,3", "a,b,c,d", "0,0,0,5", "-1,0,5,5", ""])
def test_wrong_crops_are_named(crop: str) -> None:
    with pytest.raises(InputError, match=f"crop.*'{crop}'"):
        parse_crop(crop)


def test_box_outside_of_the_picture(tmp_path: Path) -> None:
    write_picture(tmp_path / "p.png", ramp(1)[0])
    with pytest.raises(
        InputError, match=r"p\.png: crop box 20,0,10,10 reaches beyond a picture of 24"
    ):
        read_video(tmp_path / "p.png", size=8, crop="20,0,10,10")


# ---- writing


def test_gif_keeps_frames_and_colours(tmp_path: Path) -> None:
    clip = pattern(6) // 64 * 64
    clip[3:5] = clip[2]  # frames that are equal stay frames
    write_clips(tmp_path / "a.gif", clip, fps=8)
    assert np.array_equal(read_video(tmp_path / "a.gif"), clip)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["loop"] == 0
        assert image.n_frames == 6
    times = [time for time, _ in timed_frames(tmp_path / "a.gif")]
    assert times == pytest.approx([i / 8 for i in range(6)], abs=0.0051)


def test_gif_of_256_close_colours_is_exact(tmp_path: Path) -> None:
    """Shades that differ by one, which a search for the nearest colour may confuse."""
    shades = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    clip = np.concatenate([shades, shades // 2 + 60, shades // 4 + 90], axis=-1)
    write_clips(tmp_path / "a.gif", np.concatenate([clip, clip[:, ::-1]]))
    np.testing.assert_array_equal(read_video(tmp_path / "a.gif", size=None)[0], clip[0])


def test_gif_of_many_colours_is_close(tmp_path: Path) -> None:
    clip = pattern(6)
    assert len(np.unique(clip.reshape(-1, 3), axis=0)) > 256
    write_clips(tmp_path / "a.gif", clip)
    assert np.abs(read_video(tmp_path / "a.gif").astype(int) - clip).mean() < 12


def test_mp4_pads_odd_sides_and_plays_anywhere(tmp_path: Path) -> None:
    import av

    clip = ramp(7, 31)[:, :, :21]
    write_clips(tmp_path / "a.mp4", clip, fps=12.5)
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == Fraction(25, 2)
        assert stream.frames == 7
    found = read_video(tmp_path / "a.mp4")
    assert found.shape == (7, 32, 22, 3)
    assert near(found[:, :31, :21], clip, 4)


def test_png_strip_and_grey_and_floats(tmp_path: Path) -> None:
    clip = ramp(4)[..., :1]
    write_clips(tmp_path / "a.png", clip)
    write_clips(tmp_path / "b.PNG", clip / np.float32(255))
    strip = read_video(tmp_path / "a.png")[0]
    assert np.array_equal(strip, read_video(tmp_path / "b.PNG")[0])
    assert np.array_equal(strip[..., :1], np.concatenate(list(clip), axis=1))
    over = np.array([-0.5, 0.0, 0.5, 1.0, 1.5]).reshape(1, 1, 5, 1)
    write_clips(tmp_path / "c.png", over)
    assert read_video(tmp_path / "c.png")[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("name", ["a.webm", "a", "a.gif.zip"])
def test_other_suffixes_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"clips are written as \.gif, \.mp4 or \.png"):
        write_clips(tmp_path / name, ramp(2))


def test_wrong_clips_are_refused(tmp_path: Path) -> None:
    wrong = [ramp(2)[0], ramp(2)[..., :2], ramp(2)[:0], ramp(2).astype(int)]
    for clip in [*wrong, np.full((1, 4, 4, 1), np.nan)]:
        with pytest.raises(InputError):
            write_clips(tmp_path / "a.gif", clip)
    with pytest.raises(InputError, match="frames a second"):
        write_clips(tmp_path / "a.gif", ramp(2), fps=0)
    assert list(tmp_path.iterdir()) == []


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    write_clips(tmp_path / "a.gif", ramp(3))
    before = (tmp_path / "a.gif").read_bytes()
    with pytest.raises(InputError):
        write_clips(tmp_path / "a.gif", np.full((1, 4, 4, 1), np.nan))
    assert (tmp_path / "a.gif").read_bytes() == before
    with pytest.raises(InputError, match="cannot write"):
        write_clips(tmp_path / "nowhere" / "a.gif", ramp(3))
    assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]


# ---- sheets


def test_grid_and_strips_place_every_pixel() -> None:
    clips = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 6, 3)).astype(np.uint8)
    sheet = grid(clips, 2, gap=2, scale=3, background=7)
    assert sheet.shape == (3, 3 * 12 + 2 * 2, 2 * 18 + 2, 3)
    wanted = np.full_like(sheet, 7)
    for n, t, y, x in itertools.product(range(5), range(3), range(12), range(18)):
        wanted[t, n // 2 * 14 + y, n % 2 * 20 + x] = clips[n, t, y // 3, x // 3]
    assert np.array_equal(sheet, wanted)
    rows = strips(clips, gap=1)
    assert rows.shape == (5 * 5 - 1, 3 * 7 - 1, 3)
    for n, t in itertools.product(range(5), range(3)):
        assert np.array_equal(rows[n * 5 : n * 5 + 4, t * 7 : t * 7 + 6], clips[n, t])
