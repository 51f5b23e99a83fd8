"""One subject through many boxes, and a smooth path for what follows it."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from vdsm.data.clips import Floats
from vdsm.data.crop.asked import Spots

JUMP = 0.15  # of the diagonal: a jump as long as this between two frames costs as much as ...
WORTH = 2.0  # ... a weight e^2 times as high is worth
MISSED = 3.0  # what a frame without the subject costs, though it has spots
SMOOTH = 4.0  # frames: standard deviation of the window in which a path is averaged
REACH = 0.98  # share of frames in which the subject is wholly inside


def one_path(spots: Sequence[Spots], diagonal: float) -> Floats:
    """[T, 4] the box of one subject in each frame, NaN where it is not seen.

    The best way through all frames: spots of great weight, near one another (Viterbi 1967). A
    frame may be passed over; the place is then kept from the frame before.
    """
    top = max((float(s.weight.max()) for s in spots if len(s.weight)), default=1.0)
    place, cost = np.full((1, 2), np.nan), np.zeros(1)
    kept: list[tuple[list[int], list[int]]] = []
    for frame in spots:
        here = (frame.boxes[:, :2] + frame.boxes[:, 2:]) / 2
        price = -np.log(np.maximum(frame.weight, 1e-6) / top)
        step = np.linalg.norm(here[:, None] - place[None], axis=2) / (JUMP * diagonal)
        reach = cost[None] + WORTH * np.nan_to_num(step) ** 2  # [k, states]
        came = reach.argmin(1) if len(here) else np.zeros(0, int)
        best = int(cost.argmin())
        idle = cost[best] + (MISSED if len(here) else 0.0)
        cost = np.append(reach[np.arange(len(here)), came] + price, idle)
        place = np.vstack([here, place[best : best + 1]])
        kept.append(([*came.tolist(), best], [*range(len(here)), -1]))
    found = np.full((len(spots), 4), np.nan)
    state = int(cost.argmin())
    for t in range(len(spots) - 1, -1, -1):
        came_from, which = kept[t]
        if which[state] >= 0:
            found[t] = spots[t].boxes[which[state]]
        state = came_from[state]
    return found


def filled(boxes: Floats) -> Floats:
    """[T, 4] with gaps bridged in a straight line; the first and last box stand before and after.

    Some frame must have a box.
    """
    times, known = np.arange(len(boxes)), np.isfinite(boxes).all(1)
    columns = [np.interp(times, times[known], boxes[known, i]) for i in range(4)]
    return np.stack(columns, 1)


def around(boxes: Floats) -> Floats:
    """[4] what holds the boxes [T, 4] of a clip, but for the outermost 1 % on each side."""
    low, high = np.nanquantile(boxes, (1 - REACH) / 2, 0), np.nanquantile(boxes, (1 + REACH) / 2, 0)
    return np.array([*low[:2], *high[2:]])


def following(boxes: Floats) -> tuple[Floats, float]:
    """A smooth path of centres [T, 2], and the side of a square that holds the subject on it."""
    whole = filled(boxes)
    centre = ndimage.median_filter((whole[:, :2] + whole[:, 2:]) / 2, (5, 1), mode="nearest")
    path = ndimage.gaussian_filter1d(centre, SMOOTH, axis=0, mode="nearest")
    far = np.maximum(path - whole[:, :2], whole[:, 2:] - path).max(1)
    return path, 2 * float(np.quantile(far[np.isfinite(boxes).all(1)], REACH))
