"""Pictures and animations: every mode to RGB, transparency on black, EXIF rotation applied.

Pillow decodes. What a file shows in time is decided here, by its format: an animation or a stack
is a clip; the further pictures of other files (a stereo pair, a thumbnail) are not read.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from vdsm.errors import InputError
from vdsm.video.apng import apng_frames, count_apng_frames
from vdsm.video.colours import channels, on_black, turned
from vdsm.video.gif import count_gif_frames, gif_frames
from vdsm.video.layers import held
from vdsm.video.limits import MAX_PIXELS, Frames, TimedFrames, check_pixels, damaged
from vdsm.video.tiff import tiff_pages
from vdsm.video.webp import count_webp_frames

SILENT = logging.NullHandler()  # without one, what Pillow logs goes to the terminal
BEGINNING = 64  # bytes that tell a format
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def picture_format(start: bytes) -> str | None:
    """GIF, PNG, JPEG, WEBP, TIFF or AVIF by the first `BEGINNING` bytes of a file, else None."""
    if start[:4] == b"GIF8":
        return "GIF"
    if start[:4] == b"\x89PNG":
        return "PNG"
    if start[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:4] in TIFF:
        return "TIFF"
    box = start[: int.from_bytes(start[:4], "big")]
    brands = {box[i : i + 4] for i in range(8, len(box), 4)}
    return "AVIF" if start[4:8] == b"ftyp" and brands & {b"avif", b"avis"} else None


def count_pictures(path: Path) -> int:
    """How many pictures a file shows in time: 1, or the frames of an animation or a stack.

    From headers alone. InputError for a file whose headers are damaged, OSError for none at all.
    """
    try:
        return _count(path)
    except (InputError, OSError):
        raise
    except Exception as error:  # Pillow and struct raise many kinds
        raise damaged(path, str(error) or type(error).__name__) from error


def _count(path: Path) -> int:
    match _format(path):
        case "GIF":
            return count_gif_frames(path)
        case "PNG":
            return count_apng_frames(path) or 1
        case "WEBP":
            return count_webp_frames(path)
        case "TIFF":
            return len(tiff_pages(path)[0])
        case "AVIF":
            with _open(path) as image:
                return int(getattr(image, "n_frames", 1))
    return 1


def pictures(path: Path) -> TimedFrames:
    """The frames [H, W, 3] of a picture, an animation or a stack, with their times in seconds.

    A single picture, and a stack that states no rate, have no clock: their times are None.
    """
    kind = _format(path)
    if kind == "GIF":
        return gif_frames(path)
    if kind == "PNG" and count_apng_frames(path):
        return apng_frames(path)
    if kind == "TIFF":
        return _pages(path)
    count = count_pictures(path)
    return _moving(path, count) if count > 1 else _single(path, kind)


def _format(path: Path) -> str | None:
    with open(path, "rb") as file:
        return picture_format(file.read(BEGINNING))


def _single(path: Path, kind: str | None) -> TimedFrames:
    with _open(path) as image:
        if kind == "PNG":
            _check_sums(path)
        yield None, rgb(image, path)


def _moving(path: Path, count: int) -> TimedFrames:
    """WebP and AVIF, which Pillow composes; it tells a frame's duration once it is decoded."""
    clock = 0.0
    with _open(path) as image:
        found = getattr(image, "n_frames", 1)
        if found != count:
            raise damaged(path, f"{count} frames of which {found} can be decoded")
        for index in range(count):
            yield clock, rgb(image, path, index)
            clock += held(float(image.info.get("duration", 0)) / 1000)


def _pages(path: Path) -> TimedFrames:
    shown, step = tiff_pages(path)
    with _open(path) as image:
        for i, page in enumerate(shown):
            yield (i * step if step and len(shown) > 1 else None), rgb(image, path, page)


def _open(path: Path) -> Image.Image:
    """Open a picture, header only. Pillow's own limits are replaced by `check_pixels`."""
    try:
        with _quiet():
            return Image.open(path)
    except Image.DecompressionBombError as error:
        limit = f"{MAX_PIXELS // 10**6} million pixels"
        raise InputError(f"{path} is over the limit of {limit}: scale it down first") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that can be read: convert it") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Pillow's remarks on size, on odd EXIF and on odd palettes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        logging.getLogger("PIL").addHandler(SILENT)
        yield


def _check_sums(path: Path) -> None:
    """Check every chunk of a PNG; decoding alone passes over a damaged one."""
    with _open(path) as image:
        image.verify()


def rgb(image: Image.Image, path: Path, index: int = 0) -> Frames:
    """uint8 [H, W, 3] of one frame of a picture, upright, transparent parts black."""
    with _quiet():
        if index:  # a file may open at another picture than its first
            image.seek(index)
        check_pixels(path, *image.size)
        pixels = channels(image)
        pixels = on_black(pixels) if pixels.shape[-1] == 4 else pixels
        return turned(pixels, image.getexif())
