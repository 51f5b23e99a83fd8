"""What the motion head of S3VAE is taught, a row for every frame; NaN where nothing is known.

cells       which `MOST` of 3 x 3 cells of the frame move most since the frame before, 1 or 0: by
            absolute differences, or by optical flow (Le Besnerais and Champagnat 2005)
landmarks   distances between landmarks of a face: `landmarks.npy` beside the frames of a dataset,
            [clips, frames, numbers], which the user brings; standardized over the training clips
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F

from vdsm.data.clips import Clips, Floats, Frames
from vdsm.errors import InputError

Kind = Literal["difference", "flow", "landmarks", "none"]
SIDE, MOST = 3, 3  # rows and columns of cells, and how many of these are labelled
FILE = "landmarks.npy"
INSTEAD = "or give --train.motion_label difference"
ADVICE = f"install it, {INSTEAD}"
Amount = Callable[[Frames, Frames], Floats]  # two frames [H, W, C] -> movement of pixels [H, W]


def difference(before: Frames, after: Frames) -> Floats:
    """Mean absolute change of the channels, [H, W]."""
    changed: Floats = np.abs(after.astype(np.float64) - before).mean(-1)
    return changed


def flow(before: Frames, after: Frames) -> Floats:
    """Length of the optical flow, [H, W], by iterative Lucas-Kanade."""
    import skimage.registration  # of an extra

    registration: Any = skimage.registration
    with np.errstate(all="ignore"):  # where there is no texture its equations are singular
        field = registration.optical_flow_ilk(before.mean(-1), after.mean(-1), dtype=np.float64)
    length: Floats = np.hypot(*np.nan_to_num(field))
    return length


def cells(amount: Floats) -> Floats:
    """[SIDE * SIDE]: 1 for the `MOST` cells that move most; NaN where nothing moves."""
    mean = F.adaptive_avg_pool2d(torch.from_numpy(amount)[None], SIDE).flatten().numpy()
    if not mean.max() > 0:
        return np.full(SIDE * SIDE, np.nan)
    label = np.zeros(SIDE * SIDE)
    label[np.argsort(-mean, kind="stable")[:MOST]] = 1
    return label


class Cells:
    """Labels of cells of clips, found as they are asked for and kept."""

    outputs = SIDE * SIDE

    def __init__(self, amount: Amount) -> None:
        self.amount = amount
        self.known: dict[tuple[int, int], Floats] = {}  # clip, frame

    def of(self, clip: int, start: int, frames: Frames) -> Floats:
        """[T, 9] of a segment uint8 [T, H, W, C] that begins at frame `start` of a clip."""
        rows = [np.full(self.outputs, np.nan)]
        for t in range(1, len(frames)):
            at = (clip, start + t)
            if at not in self.known:
                self.known[at] = cells(self.amount(frames[t - 1], frames[t]))
            rows.append(self.known[at])
        return np.stack(rows)


class Landmarks:
    """Distances that the user brings."""

    def __init__(self, clips: Clips) -> None:
        table = read(clips)
        train = table[clips.select("train")]
        scale = np.nanstd(train, axis=(0, 1))
        self.table = (table - np.nanmean(train, axis=(0, 1))) / np.where(scale > 0, scale, 1)
        self.outputs = table.shape[-1]

    def of(self, clip: int, start: int, frames: Frames) -> Floats:
        """[T, M] of a segment uint8 [T, H, W, C] that begins at frame `start` of a clip."""
        rows: Floats = self.table[clip, start : start + len(frames)]
        return rows


def read(clips: Clips) -> Floats:
    """[clips, frames, numbers] of `landmarks.npy`; InputError where it is missing or another's."""
    path = (clips.path or Path(clips.info.name)) / FILE
    shape = f"[{len(clips)}, {clips.table.length.max()} or more, numbers]"
    if not path.is_file():
        raise InputError(
            f"{clips.path or clips.info.name} has no landmarks: write distances between them to "
            f"{path}, an array {shape}, {INSTEAD}"
        )
    try:
        table: Floats = np.load(path).astype(np.float64)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no array of numbers as numpy.save writes it") from error
    fits = table.ndim == 3 and len(table) == len(clips) and table.shape[2] > 0
    if not fits or table.shape[1] < clips.table.length.max():
        raise InputError(f"{path} is an array {list(table.shape)}: it should be {shape}")
    if np.isnan(table[clips.select("train")]).all((0, 1)).any() or np.isinf(table).any():
        raise InputError(f"{path} has numbers that no training clip has, or that are infinite")
    return table


def labels(kind: Kind, clips: Clips) -> Cells | Landmarks | None:
    """What is to be predicted of these clips."""
    if kind == "flow":
        require_flow()
    makers = {"difference": difference, "flow": flow}
    if kind == "landmarks":
        return Landmarks(clips)
    return Cells(makers[kind]) if kind in makers else None


def require_flow() -> None:
    """InputError where scikit-image is not installed."""
    try:
        import skimage.registration  # noqa: F401
    except ImportError as error:
        raise InputError(f"optical flow needs scikit-image (vdsm[flow]): {ADVICE}") from error
