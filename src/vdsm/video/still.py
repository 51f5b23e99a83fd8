"""Pictures and GIFs, by Pillow: every mode to RGB, transparency on black, EXIF rotation applied."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vdsm.errors import InputError
from vdsm.video.gif import count_gif_frames
from vdsm.video.limits import MAX_PIXELS, Frames, TimedFrames, check_pixels

STILL_DELAY = 0.1  # s, of a GIF frame that states none or under 20 ms, as browsers have it


def pictures(path: Path) -> TimedFrames:
    """The frames of a picture or of an animation (GIF, WebP, PNG), with their times in seconds."""
    declared = count_gif_frames(path) if _is_gif(path) else None
    with _open(path) as image:
        check_pixels(path, *image.size)
        if image.format == "PNG":
            _check_sums(path)
        count = getattr(image, "n_frames", 1)
        if declared is not None and declared != count:
            raise InputError(f"{path} has {declared} images of which {count} decode: save it again")
        clock = 0.0
        for index in range(count):
            yield (clock if count > 1 else None), rgb(image, path, index)
            delay = float(image.info.get("duration", 0)) / 1000
            clock += delay if delay >= 0.02 else STILL_DELAY


def _is_gif(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"GIF8"


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
        yield


def _check_sums(path: Path) -> None:
    """Check every chunk of a PNG; decoding alone passes over a damaged one."""
    with _open(path) as image:
        image.verify()


def rgb(image: Image.Image, path: Path, index: int = 0) -> Frames:
    """uint8 [H, W, 3] of one frame of a picture, upright, transparent parts black."""
    with _quiet():
        image.seek(index)
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
            return np.repeat(grey[..., None], 3, axis=-1)
        if image.mode in ("I", "F"):
            raise InputError(f"{path} has pixels of 32 bits: save it with 8 or 16 bits a channel")
        if image.has_transparency_data:
            return on_black(np.asarray(image.convert("RGBA")))
        return np.asarray(image.convert("RGB"))


def on_black(rgba: Frames) -> Frames:
    """uint8 [H, W, 3]: RGBA [H, W, 4] with straight alpha, composited on black."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + 127) // 255).astype(np.uint8)
