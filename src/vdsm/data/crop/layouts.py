"""What comes out of detectors: the usual layouts as boxes and scores of one class.

Each is known by the shapes (and, of several outputs, the names) of one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.crop.runtime import Array

STRIDES = (8, 16, 32)  # of YOLOX
MOST_LISTED = 1000  # boxes that a network lists once it has chosen; more are all its places
Kind = Literal["yolox", "yolov5", "yolov8", "listed", "ssd", "labelled", "scored"]
Found = tuple[Floats, Floats]  # boxes [N, 4] left, top, right, bottom; scores [N]
KNOWN = (
    "[1, 4 + classes, N] (YOLOv8 and later), [1, N, 5 + classes] (YOLOX, YOLOv5), [1, N, 6] (boxes,"
    " score, class), or boxes [1, N, 4] with scores and classes [1, N] (SSD), or with scores"
    " [1, N, classes]"
)


@dataclass(frozen=True)
class Layout:
    """How to read the outputs of one network for pictures of height x width."""

    kind: Kind
    height: int
    width: int
    order: tuple[int, ...] = (0,)  # which outputs are boxes, scores, classes
    whole: bool = False  # pixels from 0 to 255; else to 1

    def read(self, outputs: Sequence[Array], label: int) -> Found:
        """Boxes in pixels of the network's input, and how sure it is of each; of one class."""
        parts = [np.asarray(outputs[i], np.float64)[0] for i in self.order]
        if self.kind in ("ssd", "scored", "labelled"):
            return self._of_parts(parts, label)
        rows = parts[0].T if self.kind == "yolov8" else parts[0]
        if self.kind == "listed":
            return self._in_pixels(rows[:, :4]), rows[:, 4] * (rows[:, 5] == label)
        if self.kind == "yolov8":
            return _corners(self._in_pixels(rows[:, :4])), rows[:, 4 + label]
        boxes = self._off_grid(rows[:, :4]) if self.kind == "yolox" else rows[:, :4]
        return _corners(self._in_pixels(boxes)), rows[:, 4] * rows[:, 5 + label]

    def _of_parts(self, parts: list[Floats], label: int) -> Found:
        if self.kind == "labelled":
            return self._in_pixels(parts[0][:, :4]), parts[0][:, 4] * (parts[1] == label)
        boxes = parts[0]
        if self.kind == "scored":
            return self._in_pixels(boxes), parts[1][:, label]
        upright = boxes[:, [1, 0, 3, 2]] if _is_share(boxes) else boxes  # TensorFlow: top, left
        return self._in_pixels(upright), parts[1] * (np.rint(parts[2]) == label)

    def classes(self, outputs: Sequence[Array]) -> int | None:
        """How many classes there are, where the shape says so."""
        first = outputs[self.order[0]].shape
        last = outputs[self.order[-1]].shape[-1]
        known = {"yolov8": first[1] - 4, "yolox": last - 5, "yolov5": last - 5, "scored": last}
        return known.get(self.kind)

    def _in_pixels(self, boxes: Floats) -> Floats:
        sides = np.array([self.width, self.height] * 2, np.float64)
        return boxes * sides if _is_share(boxes) else boxes

    def _off_grid(self, boxes: Floats) -> Floats:
        """Of a place's offset and log size its pixels; what is in pixels already stays so."""
        grid, stride = _grid(self.height, self.width)
        if (boxes[:, 2:] >= 0).all() and boxes[:, :2].max() > 1.5 * len(STRIDES) + grid.max():
            return boxes
        size = np.exp(np.minimum(boxes[:, 2:], 20)) * stride
        return np.concatenate([(boxes[:, :2] + grid) * stride, size], 1)


def _is_share(boxes: Floats) -> bool:
    """Whether coordinates are shares of the picture and no pixels."""
    return bool(len(boxes)) and float(np.abs(boxes).max()) <= 2


def _corners(boxes: Floats) -> Floats:
    """Left, top, right, bottom from centre and size."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """The places [N, 2] of YOLOX's three grids, across and down, and their strides [N, 1]."""
    places, strides = [], []
    for stride in STRIDES:
        down, across = np.mgrid[: height // stride, : width // stride]
        place = np.stack([across.ravel(), down.ravel()], 1)
        places.append(place)
        strides.append(np.full((len(place), 1), stride))
    return np.concatenate(places).astype(np.float64), np.concatenate(strides).astype(np.float64)


def layout_of(
    outputs: Sequence[Array], names: Sequence[str], height: int, width: int
) -> Layout | None:
    """The layout of one run's outputs; None for one that is not known."""
    sizes = [output.shape for output in outputs]
    places = sum((height // s) * (width // s) for s in STRIDES)
    if len(sizes) == 1 and len(sizes[0]) == 3 and sizes[0][0] == 1:
        return _of_one(sizes[0][1:], places, height, width)
    return _of_several(sizes, names, height, width)


def _of_one(shape: tuple[int, ...], places: int, height: int, width: int) -> Layout | None:
    first, last = shape
    if last == 6 and first <= MOST_LISTED:
        return Layout("listed", height, width)
    if 5 <= first < last:
        return Layout("yolov8", height, width)
    if 6 <= last < first:
        plain = first == places
        return Layout("yolox" if plain else "yolov5", height, width, whole=plain)
    return None


def _of_several(
    sizes: Sequence[tuple[int, ...]], names: Sequence[str], height: int, width: int
) -> Layout | None:
    boxes = next((i for i, s in enumerate(sizes) if len(s) == 3 and s[2] in (4, 5)), None)
    if boxes is None:
        return None
    count = sizes[boxes][1]
    flat = [i for i, s in enumerate(sizes) if len(s) == 2 and s[1] == count and i != boxes]
    if sizes[boxes][2] == 5:
        order = (boxes, flat[0]) if len(flat) == 1 else ()
        return Layout("labelled", height, width, order, whole=True) if order else None
    wide = [i for i, s in enumerate(sizes) if len(s) == 3 and s[1] == count and i != boxes]
    if len(wide) == 1 and not flat:
        return Layout("scored", height, width, (boxes, wide[0]))
    if len(flat) != 2:
        return None
    scores = [i for i in flat if "score" in names[i].lower()]
    classes = [i for i in flat if any(w in names[i].lower() for w in ("class", "label"))]
    if len(scores) == len(classes) == 1 and scores != classes:
        return Layout("ssd", height, width, (boxes, scores[0], classes[0]))
    return Layout("ssd", height, width, (boxes, flat[1], flat[0]))  # the order of TFLite's
