"""Pillow's pictures of every mode as uint8 channels, and turned upright."""

import numpy as np
from PIL import ExifTags, Image, ImageOps

from vdsm.errors import InputError
from vdsm.video.limits import Frames

WHITE_IS_ZERO = 0  # TIFF 6.0, PhotometricInterpretation


def channels(image: Image.Image) -> Frames:
    """uint8 [H, W, 3], or [H, W, 4] with straight alpha where a picture has transparent parts.

    Deeper pixels are scaled: black stays 0, the whitest value of the file's format becomes 255.
    Floating-point, signed and 32-bit pixels say no white: InputError.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _deep_grey(image)
    if image.mode == "F" or image.mode.startswith("I"):
        kind = "floating-point" if image.mode == "F" else "signed or 32-bit"
        raise InputError(f"{kind} pixels, which say no white: save them as 8 or 16 bits, unsigned")
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _deep_grey(image: Image.Image) -> Frames:
    """9 to 16 bits of grey; Pillow has scaled those of PGM to 16 by their maxval."""
    levels = np.asarray(image).astype(np.uint32)
    tags = getattr(image, "tag_v2", {})
    white = (1 << tags.get(258, (16,))[0]) - 1  # BitsPerSample
    grey = np.minimum((levels * 255 + white // 2) // white, 255).astype(np.uint8)
    if tags.get(262) == WHITE_IS_ZERO:
        grey = 255 - grey
    pixels = np.repeat(grey[..., None], 3, axis=-1)
    clear = image.info.get("transparency")
    if clear is None:
        return pixels
    return np.dstack([pixels, np.where(levels == clear, 0, 255).astype(np.uint8)])


def on_black(rgba: Frames) -> Frames:
    """uint8 [H, W, 3]: RGBA [H, W, 4] with straight alpha, composited on black."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + 127) // 255).astype(np.uint8)


def turned(pixels: Frames, exif: Image.Exif) -> Frames:
    """A picture [H, W, 3] turned as the file's EXIF says."""
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    if orientation == 1:
        return pixels
    image = Image.fromarray(pixels)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))
