"""Animations that are stored as layers (GIF, APNG), drawn one over another as browsers do it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vdsm.video.colours import on_black
from vdsm.video.limits import Frames, TimedFrames

STILL_DELAY = 0.1  # s, of a picture that states none or under 20 ms, as browsers have it


@dataclass(frozen=True)
class Layer:
    """One image of an animation, and what becomes of its place once its time is over."""

    pixels: Frames  # [h, w, 3], or with straight alpha [h, w, 4]
    x: int
    y: int
    delay: float  # s
    disposal: Literal["keep", "clear", "restore"] = "keep"
    over: bool = True  # False: what stood there is replaced, not blended with


def compose(width: int, height: int, layers: Iterable[Layer]) -> TimedFrames:
    """Frames [H, W, 3] on black with their times in seconds; what reaches beyond is cut off.

    The canvas starts transparent. On black it need not know where: a pixel times its alpha is
    what is seen, and blending (PNG 3rd edition, 13.16) needs no more of what lies below.
    """
    canvas = np.zeros((height, width, 3), np.uint8)
    clock = 0.0
    for layer in layers:
        h, w = layer.pixels.shape[:2]
        place = canvas[layer.y : layer.y + h, layer.x : layer.x + w]
        before = place.copy() if layer.disposal == "restore" else None
        _draw(place, layer.pixels[: place.shape[0], : place.shape[1]], layer.over)
        yield clock, canvas.copy()
        clock += held(layer.delay)
        if layer.disposal == "clear":
            place[:] = 0
        elif before is not None:
            place[:] = before


def _draw(place: Frames, pixels: Frames, over: bool) -> None:
    if pixels.shape[-1] == 3:
        place[:] = pixels
    elif not over:
        place[:] = on_black(pixels)
    else:
        alpha = pixels[..., 3:].astype(np.uint16)
        mixed = pixels[..., :3] * alpha + place * (255 - alpha)
        place[:] = (mixed + 127) // 255


def held(delay: float) -> float:
    """Seconds that a picture stands whose file says `delay`."""
    return delay if delay >= 0.02 else STILL_DELAY
