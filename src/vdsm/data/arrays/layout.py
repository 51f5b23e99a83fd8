"""Which axis of stored clips is which: from the shape, the labels beside, and what is alike."""

from collections.abc import Sequence

import numpy as np

from vdsm.data.arrays.values import Array, Stored
from vdsm.errors import InputError

CHANNELS = (1, 3)
SMALLEST = 8  # pixels: an axis below this is no side of a frame
USUAL = {5: ("nthwc", "ntchw", "ncthw"), 4: ("nthw",)}
SAMPLE = 8  # clips and frames that are compared
MOVING_MNIST = "mnist_test_seq"  # [20, 10000, 64, 64] of N. Srivastava et al., by any name
LIKELY, CLEARLY = 1.25, 2.0  # times as different


def parse_layout(text: str, name: str, shape: tuple[int, ...]) -> str:
    """A layout that the user names, checked against the array."""
    layout = text.lower()
    if len(set(layout)) != len(layout) or not set("thw") <= set(layout) <= set("nthwc"):
        raise InputError(
            f"layout '{text}' is not one: name each axis once, n clips, t frames, h, w, c channels"
            " (n and c may be absent), as ntchw"
        )
    if len(layout) != len(shape):
        raise InputError(f"{name} is {list(shape)}: it has {len(shape)} axes, not those of {text}")
    channels = dict(zip(layout, shape, strict=True)).get("c", 1)
    if channels not in CHANNELS:
        raise InputError(f"{name} is {list(shape)}: {channels} channels by {text}, not 1 or 3")
    return layout


def could_be_clips(stored: Stored) -> bool:
    """Whether an array of numbers has the axes of clips, whatever their order."""
    shape = stored.shape
    kinds = stored.dtype.kind in "biuf"
    return kinds and len(shape) in USUAL and sum(side >= SMALLEST for side in shape) >= 2


def find_layout(name: str, stored: Stored, lengths: Sequence[int]) -> str:
    """The layout of an array of clips; InputError that asks for it where several are possible.

    lengths: of the label arrays beside, which tell how many clips there are.
    """
    shape = tuple(stored.shape)
    fitting = [layout for layout in USUAL.get(len(shape), ()) if _fits(layout, shape)]
    if not fitting:
        raise InputError(_why_not(name, shape))
    if len(fitting) > 1:
        told = " or ".join(f"--layout {layout}" for layout in fitting)
        raise InputError(f"{name} is {list(shape)}, channels on either axis: say which by {told}")
    layout = fitting[0]
    if layout[:2] != "nt":
        return layout
    return _time_first(name, stored, layout, set(lengths))


def _fits(layout: str, shape: tuple[int, ...]) -> bool:
    sizes = dict(zip(layout, shape, strict=True))
    return sizes.get("c", 1) in CHANNELS and min(sizes["h"], sizes["w"]) >= SMALLEST


def _time_first(name: str, stored: Stored, layout: str, lengths: set[int]) -> str:
    """The layout, or the same with its first two axes exchanged."""
    swapped = f"tn{layout[2:]}"
    first, second = stored.shape[:2]
    if first != second and (first in lengths) != (second in lengths):
        return layout if first in lengths else swapped
    if layout == "nthw" and (name.endswith(MOVING_MNIST) or (first, second) == (20, 10000)):
        return swapped
    likely, clearly = _smooth_axis(stored)
    if likely == 1 or (likely is None and (layout != "nthw" or first >= second)):
        return layout
    if likely == 0 and clearly and layout == "nthw" and first < second:
        return swapped
    raise InputError(
        f"{name} is {list(stored.shape)}: clips may be on its first axis or on its second: say"
        f" which by --layout {layout} or --layout {swapped}"
    )


def _smooth_axis(stored: Stored) -> tuple[int | None, bool]:
    """The one of the first two axes along which neighbours are more alike, time; and if clearly."""
    sample: Array = np.asarray(stored[:SAMPLE, :SAMPLE]).astype(np.float32)
    if min(sample.shape[:2]) < 2:
        return None, False
    steps = [float(np.abs(np.diff(sample, axis=axis)).mean()) for axis in (0, 1)]
    if not np.isfinite(steps).all() or steps[0] == steps[1]:
        return None, False
    axis = int(np.argmin(steps))
    if steps[1 - axis] < LIKELY * steps[axis]:
        return None, False
    return axis, steps[1 - axis] >= CLEARLY * steps[axis]


def _why_not(name: str, shape: tuple[int, ...]) -> str:
    """What is wrong with a shape, in one line."""
    what = f"{name} is {list(shape)}"
    if len(shape) == 5 and 4 in (shape[2], shape[4]):
        return f"{what}: four channels, where 1 or 3 may be: leave the transparency out"
    if len(shape) == 4 and shape[-1] in (*CHANNELS, 4):
        return (
            f"{what}: pictures, or one clip: expected clips [N, T, H, W, C]; --layout thwc for one"
        )
    return (
        f"{what}: expected clips [N, T, H, W, C], [N, T, C, H, W] or grey [N, T, H, W], C 1 or 3,"
        f" sides of {SMALLEST} pixels or more; or name its axes by --layout"
    )


def find_clip_layout(name: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """The layout of clips that lie in an array each, one that fits all their shapes."""
    wanted = ("thwc", "tchw", "cthw", "thw")
    fitting = [
        layout
        for layout in wanted
        if all(len(shape) == len(layout) and _fits(layout, shape) for shape in shapes)
    ]
    if not fitting:
        different = ", ".join(str(list(shape)) for shape in sorted(set(shapes))[:4])
        raise InputError(
            f"{name}: arrays of {different}: expected each clip as [T, H, W, C], [T, C, H, W] or"
            f" grey [T, H, W], C 1 or 3, sides of {SMALLEST} pixels or more"
        )
    if len(fitting) > 1:
        told = " or ".join(f"--layout {layout}" for layout in fitting)
        raise InputError(f"{name}: arrays of {list(shapes[0])}: say which axis is which by {told}")
    return fitting[0]
