"""Frames to a dataset's shape: cropped, scaled to a square, grey if asked."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from vdsm.errors import InputError
from vdsm.video.limits import BeyondPicture, Frames

Box = tuple[int, int, int, int]


def parse_crop(crop: str) -> Box | None:
    """x, y, width, height in pixels of a crop written `x,y,w,h`; None for `centre`, `square`."""
    if crop in ("centre", "square"):
        return None
    try:
        x, y, width, height = (int(part) for part in crop.split(","))
    except ValueError:
        raise InputError(
            f"crop '{crop}' is not one: use centre, square, or a box in pixels as x,y,width,height"
        ) from None
    if x < 0 or y < 0 or width < 1 or height < 1:
        raise InputError(f"crop box '{crop}' is empty or starts outside of the picture")
    return x, y, width, height


@dataclass(frozen=True)
class Fit:
    """Brings RGB frames [H, W, 3] to [size, size, C], smoothing before it shrinks.

    crop    centre: the largest square in the middle; square: the whole frame, padded with black;
            x,y,w,h: this box in pixels, padded with black where it is not square
    grey    one channel, by the luma of Rec. 601, else three
    """

    size: int
    crop: str = "centre"
    grey: bool = False

    @cached_property
    def _box(self) -> Box | None:
        return parse_crop(self.crop)

    def __call__(self, image: Frames) -> Frames:
        height, width = image.shape[:2]
        left, top, right, bottom = self._region(width, height)
        picture = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
        picture = picture.convert("L") if self.grey else picture
        scale = self.size / max(picture.size)
        inner = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
        if inner != picture.size:
            picture = picture.resize(inner, Image.Resampling.BICUBIC, reducing_gap=3.0)
        if inner != (self.size, self.size):
            canvas = Image.new(picture.mode, (self.size, self.size))
            canvas.paste(picture, ((self.size - inner[0]) // 2, (self.size - inner[1]) // 2))
            picture = canvas
        return np.asarray(picture).reshape(self.size, self.size, -1)

    def within(self, image: Frames, square: tuple[float, float, float]) -> Frames:
        """uint8 [size, size, C] of a square left, top, side in pixels, wherever `crop` is.

        It need not lie on whole pixels. What is beyond the picture is black.
        """
        left, top, side = square
        corner = math.floor(left), math.floor(top)
        end = math.ceil(left + side), math.ceil(top + side)
        picture = Image.fromarray(np.ascontiguousarray(image)).crop((*corner, *end))
        picture = picture.convert("L") if self.grey else picture
        x, y = left - corner[0], top - corner[1]
        box = x, y, min(x + side, picture.width), min(y + side, picture.height)
        inner = (self.size, self.size)
        scaled = picture.resize(inner, Image.Resampling.BICUBIC, box, reducing_gap=3.0)
        return np.asarray(scaled).reshape(self.size, self.size, -1)

    def _region(self, width: int, height: int) -> Box:
        """Left, top, right, bottom of the part that is kept."""
        if self._box is not None:
            x, y, w, h = self._box
            if x + w > width or y + h > height:
                raise BeyondPicture(
                    f"crop box {self.crop} reaches beyond a picture of {width} x {height} pixels:"
                    " choose one inside of it"
                )
            return x, y, x + w, y + h
        if self.crop == "square":
            return 0, 0, width, height
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return left, top, left + side, top + side


def luma(image: Frames) -> Frames:
    """uint8 [H, W, 1]: the luma of RGB frames [H, W, 3] by Rec. 601."""
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]
