"""Many pictures on one sheet: grids of frames or of clips, and strips with a clip in each row."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vdsm.errors import InputError
from vdsm.video.limits import Frames


def to_uint8(pixels: npt.NDArray[Any]) -> Frames:
    """Pixels as uint8: uint8 as they are; floats from [0, 1], what lies outside clipped."""
    if pixels.dtype == np.uint8:
        return pixels
    if not np.issubdtype(pixels.dtype, np.floating):
        raise InputError(f"pixels are {pixels.dtype}: give uint8, or floats in [0, 1]")
    if not np.isfinite(pixels).all():
        raise InputError("pixels are not finite: give uint8, or floats in [0, 1]")
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)  # type: ignore[no-any-return]


def grid(
    images: npt.NDArray[Any],
    columns: int | None = None,
    *,
    gap: int = 1,
    scale: int = 1,
    background: int = 255,
) -> Frames:
    """Tile images [N, H, W, C], or clips [N, T, H, W, C] frame by frame, row after row.

    Gives uint8 [H', W', C] or [T, H', W', C]. columns: None for a near-square sheet; gap: pixels
    between tiles; scale: how many times each pixel is repeated; background: grey of the gaps and
    of places left over.
    """
    images = to_uint8(images)
    assert images.ndim in (4, 5), images.shape
    assert len(images) > 0, images.shape
    images = images.repeat(scale, axis=-3).repeat(scale, axis=-2)
    n, (height, width, channels) = len(images), images.shape[-3:]
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    sheet = np.full((*images.shape[1:-3], *shape), background, np.uint8)
    for i, image in enumerate(images):
        y, x = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[..., y : y + height, x : x + width, :] = image
    return sheet


def strips(clips: npt.NDArray[Any], *, gap: int = 1, scale: int = 1) -> Frames:
    """uint8 [H', W', C]: clips [N, T, H, W, C] with a clip in each row, time to the right."""
    clips = np.asarray(clips)
    return grid(clips.reshape(-1, *clips.shape[2:]), clips.shape[1], gap=gap, scale=scale)
