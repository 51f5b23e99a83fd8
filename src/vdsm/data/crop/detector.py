"""Boxes of one class by a detector in a file that the user names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vdsm.data.clips import Floats
from vdsm.data.crop.asked import Spots
from vdsm.data.crop.layouts import KNOWN, Layout, layout_of
from vdsm.data.crop.runtime import Array, Runtime, open_runtime
from vdsm.errors import InputError
from vdsm.video.limits import Frames

SURE = 0.35  # least score of a box
SAME = 0.5  # intersection over union, above which two boxes are of one subject
MOST = 5  # boxes of a frame
GREY = 114  # of what a picture leaves of the square


def open_detector(path: Path, label: int) -> Callable[[Frames], Spots]:
    """What finds the boxes of class `label` in a frame.

    InputError for a file that cannot be run, has an unknown layout, or too few classes.
    """
    network = open_runtime(path)
    grey = np.full((network.height, network.width, 3), GREY, np.float32)
    try:
        outputs = network(grey)
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path} cannot be run ({reason}): name another --detector") from error
    layout = layout_of(outputs, network.names, network.height, network.width)
    if layout is None:
        shapes = ", ".join(str(list(output.shape)) for output in outputs)
        raise InputError(f"{path} gives {shapes}, a layout that is not known: expected {KNOWN}")
    classes = layout.classes(outputs)
    if classes is not None and label >= classes:
        raise InputError(f"{path} has classes 0 to {classes - 1}, no {label}: see --detector-class")

    def look(image: Frames) -> Spots:
        picture, scale = fitted(image, network.height, network.width)
        boxes, scores = layout.read(network(_numbers(picture, network, layout)), label)
        return chosen(boxes / scale, scores, image.shape[1], image.shape[0])

    return look


def fitted(image: Frames, height: int, width: int) -> tuple[Frames, float]:
    """The picture in the upper left corner of height x width, and how it was scaled."""
    scale = min(height / image.shape[0], width / image.shape[1])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    canvas = Image.new("RGB", (width, height), (GREY,) * 3)
    scaled = Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.BILINEAR)
    canvas.paste(scaled, (0, 0))
    return np.asarray(canvas), scale


def _numbers(picture: Frames, network: Runtime, layout: Layout) -> Array:
    """Pixels as the network wants them: 0 to 255, 0 to 1, or -1 to 1 of float SSDs."""
    pixels = picture.astype(np.float32)
    if network.dtype == np.uint8 or layout.whole:
        return pixels
    return pixels / 127.5 - 1 if layout.kind == "ssd" else pixels / 255


def chosen(boxes: Floats, scores: Floats, width: int, height: int, least: float = SURE) -> Spots:
    """The surest boxes, each subject once, inside the picture; they weigh by score and area."""
    kept: list[int] = []
    limited = np.clip(boxes, 0, np.array([width, height] * 2))
    sides = limited[:, 2:] - limited[:, :2]
    usable = (scores >= least) & (sides > 1).all(1)
    for i in np.argsort(-scores, kind="stable"):
        if not usable[i] or len(kept) == MOST:
            break
        if all(overlap(limited[i], limited[k]) < SAME for k in kept):
            kept.append(int(i))
    return Spots(limited[kept], scores[kept] * sides[kept].prod(1))


def overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two boxes."""
    inner = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    both = float(np.maximum(inner, 0).prod())
    return both / float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - both)
