"""Pictures on their way into a dataset: opened with a clear error, cropped, resized."""

from pathlib import Path

import numpy as np
from PIL import Image

from vdsm.data.clips import Frames
from vdsm.errors import InputError

MAX_PIXELS = 64_000_000  # larger pictures are refused before they are decoded


def open_picture(path: Path) -> Image.Image:
    """A picture's pixels, RGB. Unreadable, damaged or huge ones are an InputError that names it.

    Transparent pixels are laid over black.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(f"picture {path} is too large: {width}x{height} pixels")
            image.load()
            if not image.has_transparency_data:
                return image.convert("RGB")
            black = Image.new("RGBA", image.size, (0, 0, 0, 255))
            return Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"no picture {path}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"cannot read picture {path}: {error}") from error


def centre_square(image: Image.Image, size: int) -> Frames:
    """uint8 [size, size, 3]: the largest square at the centre, resized."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0))


def scale(frames: Frames, size: int) -> Frames:
    """uint8 [..., S, S, C] at another size: means of blocks, or every pixel repeated.

    `size` and S must be multiples of one another.
    """
    side = frames.shape[-2]
    if size < side:
        by = side // size
        blocks = frames.reshape(*frames.shape[:-3], size, by, size, by, frames.shape[-1])
        total = blocks.sum(axis=(-4, -2), dtype=np.uint32)
        return np.asarray((total + by * by // 2) // (by * by), np.uint8)
    if size > side:
        return frames.repeat(size // side, axis=-3).repeat(size // side, axis=-2)
    return frames
