"""Animations, stacks and deep pictures: every frame, its time and its colours come out right."""

import itertools
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, features

from media import pattern, ramp
from vdsm.errors import InputError
from vdsm.video import grid, read_video, timed_frames, write_clips
from vdsm.video.still import count_pictures
from vdsm.video.strip import looks_like_strip, split_strip

Frames = npt.NDArray[np.uint8]
AVIF = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")


def near(found: Frames, wanted: npt.NDArray[np.generic], tolerance: float) -> bool:
    assert found.shape == wanted.shape
    return bool(np.abs(found.astype(float) - wanted.astype(float)).max() <= tolerance)


def images(clip: Frames) -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in clip]


def save(path: Path, clip: Frames, **options: object) -> Path:
    first, *rest = images(clip)
    first.save(path, save_all=True, append_images=rest, **options)  # type: ignore[arg-type]
    return path


# ---- APNG, written chunk by chunk and composed with floats


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def scanlines(pixels: Frames) -> bytes:
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))


Part = tuple[Frames, int, int, int, int]  # RGBA, x, y, disposal, blending


def apng(
    size: tuple[int, int], parts: list[Part], *, default: Frames | None = None, count: int = -1
) -> bytes:
    """An APNG of RGBA parts, each of which stands for (its number + 1) tenths of a second."""
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 6, 0, 0, 0))
    out += chunk(b"acTL", struct.pack(">II", len(parts) if count < 0 else count, 0))
    numbers = itertools.count()
    if default is not None:
        out += chunk(b"IDAT", scanlines(default))
    for i, (pixels, x, y, disposal, blending) in enumerate(parts):
        h, w = pixels.shape[:2]
        control = struct.pack(
            ">IIIIIHHBB", next(numbers), w, h, x, y, i + 1, 10, disposal, blending
        )
        out += chunk(b"fcTL", control)
        data = scanlines(pixels)
        if i or default is not None:  # in two pieces
            for piece in (data[:9], data[9:]):
                out += chunk(b"fdAT", struct.pack(">I", next(numbers)) + piece)
        else:
            out += chunk(b"IDAT", data)
    return out + chunk(b"IEND", b"")


def composed(size: tuple[int, int], parts: list[Part]) -> npt.NDArray[np.float64]:
    """By the rules of PNG 3rd edition, 11.3.6.2, with straight alpha, in floats; then on black."""
    canvas = np.zeros((size[1], size[0], 4))
    shown = []
    for pixels, x, y, disposal, blending in parts:
        before = canvas.copy()
        for (row, column), _ in np.ndenumerate(pixels[..., 0]):
            new, old = pixels[row, column] / 255, canvas[y + row, x + column]
            if blending:
                alpha = new[3] + old[3] * (1 - new[3])
                colour = new[:3] * new[3] + old[:3] * old[3] * (1 - new[3])
                new = np.append(colour / alpha if alpha else colour, alpha)
            canvas[y + row, x + column] = new
        shown.append(canvas[..., :3] * canvas[..., 3:] * 255)
        if disposal == 1:
            canvas[y : y + pixels.shape[0], x : x + pixels.shape[1]] = 0
        elif disposal == 2:
            canvas = before
    return np.stack(shown)


def some_parts(size: tuple[int, int], ways: tuple[tuple[int, int], ...]) -> list[Part]:
    rng = np.random.default_rng(hash(ways) % 2**32)
    parts: list[Part] = []
    for i, way in enumerate(ways):
        w, h = (int(rng.integers(1, side + 1)) if i else side for side in size)
        x, y = int(rng.integers(size[0] - w + 1)), int(rng.integers(size[1] - h + 1))
        parts.append((rng.integers(0, 256, (h, w, 4)).astype(np.uint8), x, y, *way))
    return parts


def test_apng_every_short_sequence(tmp_path: Path) -> None:
    path, size = tmp_path / "a.png", (6, 5)
    ways = list(itertools.product(range(3), range(2)))  # disposal, blending
    for sequence in itertools.product(ways, ways, [(0, 0), (0, 1)]):
        parts = some_parts(size, sequence)
        path.write_bytes(apng(size, parts))
        # Rounded once a layer.
        assert near(read_video(path), composed(size, parts), 1.51), sequence


def test_apng_times_and_default_picture(tmp_path: Path) -> None:
    size, path = (6, 5), tmp_path / "a.apng"
    parts = some_parts(size, ((0, 0), (1, 1), (0, 0)))
    default = np.full((5, 6, 4), 255, np.uint8)
    path.write_bytes(apng(size, parts, default=default))
    assert count_pictures(path) == 3
    assert near(read_video(path), composed(size, parts), 1.51)
    assert [time for time, _ in timed_frames(path)] == pytest.approx([0, 0.1, 0.3])
    # An animation of one frame beside a default picture: what browsers show is the animation.
    path.write_bytes(apng(size, parts[:1], default=default))
    assert near(read_video(path), composed(size, parts[:1]), 1)
    assert [time for time, _ in timed_frames(path)] == [None]
    path.write_bytes(apng(size, parts)[:-12])
    with pytest.raises(InputError, match=r"a\.apng is truncated \(its last chunk is missing"):
        read_video(path)


def test_apng_as_ffmpeg(tmp_path: Path) -> None:
    clip = pattern(6, 20)
    path = save(tmp_path / "a.png", clip, duration=[40, 80, 40, 40, 200, 40])
    with av.open(str(path), format="apng") as source:
        wanted = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    assert np.array_equal(read_video(path), np.stack(wanted))
    times = [time for time, _ in timed_frames(path)]
    assert times == pytest.approx([0, 0.04, 0.12, 0.16, 0.2, 0.4])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_apng_of_every_mode(mode: str, tmp_path: Path) -> None:
    frames = [frame.convert("RGB").convert(mode) for frame in images(pattern(3) // 51 * 51)]
    if mode == "P":  # Pillow gives the first one's palette to all
        frames = [frame.convert("RGB").quantize(palette=frames[0]) for frame in frames]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    wanted = np.stack([np.asarray(frame.convert("RGB")) for frame in frames])
    assert np.array_equal(read_video(tmp_path / "a.png"), wanted)


def test_deep_apng_as_ffmpeg(tmp_path: Path) -> None:
    deep = [Image.fromarray(frame[..., 0].astype(np.uint16) * 257) for frame in pattern(3)]
    deep[0].save(tmp_path / "a.png", save_all=True, append_images=deep[1:])
    with av.open(str(tmp_path / "a.png"), format="apng") as source:
        wanted = [frame.to_ndarray() // 257 for frame in source.decode(video=0)]
    assert np.array_equal(read_video(tmp_path / "a.png", grey=True)[..., 0], np.stack(wanted))


def test_apng_with_frames_lost_or_out_of_order(tmp_path: Path) -> None:
    size, path = (6, 5), tmp_path / "a.png"
    parts = some_parts(size, ((0, 0), (0, 0), (0, 0)))
    content = apng(size, parts)
    second = content.index(b"fcTL", content.index(b"fcTL") + 4) - 4
    third = content.index(b"fcTL", second + 8) - 4
    lost = content[:second] + content[third:]
    turned = content[:second] + content[third:-12] + content[second:third] + content[-12:]
    for wrong in (lost, turned, apng(size, parts, count=2), apng(size, parts, count=4)):
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=r"a\.png is (damaged|truncated)"):
            read_video(path)


# ---- WebP, AVIF


def test_webp_frames_and_times(tmp_path: Path) -> None:
    clip = pattern(7)
    durations = [40, 120, 40, 1, 200, 40, 40]
    path = save(tmp_path / "a.webp", clip, duration=durations, lossless=True)
    assert count_pictures(path) == 7
    assert np.array_equal(read_video(path), clip)
    times = [time for time, _ in timed_frames(path)]
    assert times == pytest.approx([0, 0.04, 0.16, 0.2, 0.3, 0.5, 0.54])
    assert len(read_video(path, fps=25)) == 15  # 0.58 s


def test_transparent_webp_is_on_black(tmp_path: Path) -> None:
    clip = np.zeros((4, 16, 16, 4), np.uint8)
    for i, frame in enumerate(clip):
        frame[2 * i : 2 * i + 4] = (250, 120, 60, (255, 200, 100, 50)[i])
    path = save(tmp_path / "a.webp", clip, lossless=True, duration=50)
    wanted = clip[..., :3] * (clip[..., 3:] / 255)
    assert near(read_video(path), wanted, 2)


def test_webp_chunks_that_a_decoder_passes_over(tmp_path: Path) -> None:
    path = save(tmp_path / "a.webp", pattern(5), duration=50)
    content = bytearray(path.read_bytes())
    at = content.index(b"ANMF", content.index(b"ANMF") + 4)
    content[at : at + 4] = b"ANMG"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.webp is damaged"):
        read_video(path)
    with pytest.raises(InputError, match=r"a\.webp is damaged"):
        count_pictures(path)


@AVIF
def test_avif_frames_and_times(tmp_path: Path) -> None:
    clip = ramp(6, 32)
    path = save(tmp_path / "a.avif", clip, duration=[40, 40, 200, 40, 40, 40], quality=95)
    assert count_pictures(path) == 6
    assert near(read_video(path), clip, 4)
    times = [time for time, _ in timed_frames(path)]
    assert times == pytest.approx([0, 0.04, 0.08, 0.28, 0.32, 0.36])


@AVIF
def test_avif_is_turned(tmp_path: Path) -> None:
    image = Image.fromarray(np.repeat(ramp(1, 32)[0], 2, axis=1))
    image.paste((250, 20, 20), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.avif", exif=exif, quality=95, subsampling="4:4:4")
    found = read_video(tmp_path / "a.avif")[0]
    assert near(found, np.rot90(np.asarray(image), -1), 20)


# ---- TIFF


def tiff_page(
    pixels: npt.NDArray[np.generic], tags: dict[int, int], at: int, *, last: bool
) -> bytes:
    """One directory (TIFF 6.0, little-endian, at byte `at`) and its uncompressed grey pixels."""
    data = pixels.tobytes()
    entries = {
        256: pixels.shape[1], 257: pixels.shape[0], 258: 8 * pixels.itemsize, 259: 1, 262: 1,
        273: 0, 277: 1, 278: pixels.shape[0], 279: len(data), **tags,
    }  # fmt: skip
    end = at + 2 + 12 * len(entries) + 4
    entries[273] = end
    out = struct.pack("<H", len(entries))
    for tag, value in sorted(entries.items()):
        out += struct.pack("<HHII", tag, 4, 1, value)
    return out + struct.pack("<I", 0 if last else end + len(data)) + data


def tiff(pages: list[tuple[npt.NDArray[np.generic], dict[int, int]]]) -> bytes:
    out = b"II*\0" + struct.pack("<I", 8)
    for i, (pixels, tags) in enumerate(pages):
        out += tiff_page(pixels, tags, len(out), last=i == len(pages) - 1)
    return out


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_stacks(compression: str | None, big: bool, tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", pattern(5), compression=compression, big_tiff=big)
    assert count_pictures(path) == 5
    assert np.array_equal(read_video(path), pattern(5))
    assert [time for time, _ in timed_frames(path)] == [None] * 5


def test_pages_that_are_no_frames(tmp_path: Path) -> None:
    full, small = np.full((6, 8), 200, np.uint8), np.full((3, 4), 90, np.uint8)
    path = tmp_path / "a.tif"
    pages = [
        (small, {254: 1}),
        (full, {254: 0}),
        (small, {254: 1}),
        (full, {254: 2}),
        (full, {254: 4}),
    ]
    path.write_bytes(tiff(pages))
    assert count_pictures(path) == 2
    assert read_video(path).shape == (2, 6, 8, 3)


def test_stacks_of_image_j(tmp_path: Path) -> None:
    def written(about: str) -> Path:
        return save(tmp_path / "a.tif", ramp(4), tiffinfo={270: about})

    path = written("ImageJ=1.53\nimages=4\nframes=4\nfinterval=0.25\n")
    assert [time for time, _ in timed_frames(path)] == [0, 0.25, 0.5, 0.75]
    path = written("ImageJ=1.53\nimages=4\nfps=20.0\n")
    assert [time for time, _ in timed_frames(path)] == pytest.approx([0, 0.05, 0.1, 0.15])
    with pytest.raises(InputError, match=r"a\.tif has more pictures than pages"):
        read_video(written("ImageJ=1.53\nimages=900\n"))
    with pytest.raises(InputError, match=r"a\.tif has more pictures than pages"):
        read_video(written('{"shape": [9, 24, 24], "truncated": true}'))
    about = "ImageJ=1.53\nimages=4\nchannels=2\nframes=2\n"
    assert len(read_video(written(about))) == 4  # of colours, whatever it says
    grey = ramp(4)[..., 0]
    for told in (about, '<OME><Pixels SizeZ="1" SizeT="2" SizeC="2"/></OME>'):
        with pytest.raises(InputError, match=r"a\.tif has a page for each channel"):
            read_video(save(tmp_path / "a.tif", grey, tiffinfo={270: told}))


def test_pages_in_a_circle(tmp_path: Path) -> None:
    page = np.full((6, 8), 200, np.uint8)
    content = bytearray(tiff([(page, {}), (page, {})]))
    end = 8 + 2 + 12 * 9
    second = struct.unpack("<I", content[end : end + 4])[0]
    content[second + 2 + 12 * 9 : second + 2 + 12 * 9 + 4] = struct.pack("<I", 8)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif is damaged \(pages that go in a circle"):
        read_video(tmp_path / "a.tif")


# ---- one picture alone


def test_mpo_shows_its_first_picture(tmp_path: Path) -> None:
    path = tmp_path / "stereo.jpg"
    first, *rest = images(ramp(3))
    first.save(path, "MPO", save_all=True, append_images=rest)
    with Image.open(path) as image:
        assert (image.format, image.n_frames) == ("MPO", 3)
    assert count_pictures(path) == 1
    assert near(read_video(path), ramp(3)[:1], 2)


@pytest.mark.parametrize("white", [200, 255, 256, 511, 1000, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("plain", [False, True])
def test_pgm_counts_by_its_maxval(white: int, plain: bool, tmp_path: Path) -> None:
    levels = np.linspace(0, white, 48).round().astype(int).reshape(6, 8)
    raw = levels.astype("u1" if white < 256 else ">u2").tobytes()
    body = " ".join(map(str, levels.ravel())).encode() if plain else raw
    (tmp_path / "a.pgm").write_bytes(f"P{2 if plain else 5}\n8 6\n{white}\n".encode() + body)
    wanted = np.repeat(levels[..., None] * 255 / white, 3, -1)
    assert near(read_video(tmp_path / "a.pgm")[0], wanted, 0.51)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_deep_tiff(bits: int, white_is_zero: bool, tmp_path: Path) -> None:
    levels = np.linspace(0, 2**bits - 1, 48).round().astype(np.uint16).reshape(6, 8)
    pixels: npt.NDArray[np.generic] = levels
    if bits == 12:  # two values in three bytes
        pairs = levels.reshape(-1, 2).astype(np.uint32)
        packed = pairs[:, 0] << 12 | pairs[:, 1]
        pixels = np.stack([packed >> 16, packed >> 8, packed], -1).astype(np.uint8).reshape(6, 12)
    tags = {256: 8, 258: bits, 262: 0 if white_is_zero else 1}
    (tmp_path / "a.tif").write_bytes(tiff([(pixels, tags)]))
    wanted = levels * (255 / (2**bits - 1))
    wanted = np.repeat((255 - wanted if white_is_zero else wanted)[..., None], 3, -1)
    if bits == 12 and white_is_zero:
        with pytest.raises(InputError, match=r"a\.tif"):  # Pillow knows no such file
            read_video(tmp_path / "a.tif")
    else:
        assert near(read_video(tmp_path / "a.tif")[0], wanted, 0.51)


def test_deep_png(tmp_path: Path) -> None:
    levels = np.linspace(0, 65535, 48).round().astype(np.uint16).reshape(6, 8)
    Image.fromarray(levels).save(tmp_path / "a.png", transparency=int(levels[2, 3]))
    wanted = np.repeat((levels * (levels != levels[2, 3]) * (255 / 65535))[..., None], 3, -1)
    assert near(read_video(tmp_path / "a.png")[0], wanted, 0.51)


@pytest.mark.parametrize(
    ("kind", "said"),
    [(np.float32, "floating-point"), (np.int32, "32-bit"), (np.int16, "signed or 32-bit")],
)
def test_pixels_without_a_white_are_refused(kind: type, said: str, tmp_path: Path) -> None:
    sample = {np.float32: 3, np.int32: 2, np.int16: 2}[kind]
    (tmp_path / "a.tif").write_bytes(tiff([(np.ones((6, 8), kind), {339: sample})]))
    with pytest.raises(InputError, match=rf"a\.tif.*{said}.*8 or 16 bits") as found:
        read_video(tmp_path / "a.tif")
    assert "\n" not in str(found.value)


def test_a_file_is_read_by_what_it_is(tmp_path: Path) -> None:
    clip = pattern(3)
    save(tmp_path / "a.webp", clip, lossless=True).rename(tmp_path / "a.mp4")
    save(tmp_path / "a.tif", clip).rename(tmp_path / "a.gif")
    save(tmp_path / "b.png", clip).rename(tmp_path / "b.jpg")
    for name in ("a.mp4", "a.gif", "b.jpg"):
        assert np.array_equal(read_video(tmp_path / name), clip)
        assert count_pictures(tmp_path / name) == 3


# ---- strips


def test_strips_into_frames(tmp_path: Path) -> None:
    clip = pattern(5, 16)
    write_clips(tmp_path / "a.png", clip)  # as `vdsm swap --out a.png`
    strip = read_video(tmp_path / "a.png")[0]
    assert np.array_equal(split_strip(strip), clip)
    assert np.array_equal(split_strip(grid(clip, 1, gap=0)), clip)
    assert np.array_equal(split_strip(clip[0]), clip[:1])
    for wrong in (strip[:, :-1], strip[:-1]):
        with pytest.raises(InputError, match="width is no whole multiple of its height"):
            split_strip(wrong)
    with pytest.raises(InputError, match="height is no whole multiple of its width"):
        split_strip(strip.transpose(1, 0, 2)[:-1])


def test_what_looks_like_a_strip() -> None:
    strips = [(64 * 12, 64), (64, 64 * 3), (300, 100)]
    others = [(64, 64), (128, 64), (1920, 1080), (301, 100), (4000, 3000), (0, 0)]
    assert all(map(looks_like_strip, strips))
    assert not any(map(looks_like_strip, others))


# ---- as users reported


@AVIF
def test_the_files_that_users_reported(shared: Path) -> None:
    faults = shared / "faults"
    if not faults.is_dir():
        pytest.skip("no faults/ beside the repository")
    counts = {"anim_default.png": 11, "mpo.jpg": 1, "g16.pgm": 1, "grid.avif": 1}
    animations = sorted((faults / "animations").glob("*/*.webp"))
    for path in [faults / name for name in counts] + animations:
        assert len(read_video(path)) == count_pictures(path) == counts.get(path.name, 20), path
    four = read_video(faults / "grid.avif")[0, 64::128, 64::128].reshape(4, 3).astype(int)
    assert len({tuple(colour // 64) for colour in four}) == 4
    deep = (faults / "g16.pgm").read_bytes()[-2 * 96 * 64 :]
    wanted = np.frombuffer(deep, ">u2").reshape(64, 96) / 257
    assert near(read_video(faults / "g16.pgm", grey=True)[0, ..., 0], wanted, 0.51)
