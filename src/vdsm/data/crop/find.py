"""Where to crop a clip: which boxes, one square or a path of squares, and what looks wrong."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.crop import motion
from vdsm.data.crop.asked import Asked, Crop, Spots
from vdsm.data.crop.given import Given
from vdsm.data.crop.path import around, following, one_path
from vdsm.data.crop.remarks import Remark
from vdsm.data.crop.scene import scene_of
from vdsm.data.crop.seeing import Look, look_with
from vdsm.data.crop.square import Size, middle, of_box, squares, with_margin
from vdsm.data.crop.survey import Survey, survey
from vdsm.video.limits import BeyondPicture, Numbered

MOST = 0.75  # of the picture: a box of this area holds more than one subject, or no other
FEW = 0.6  # of the side of a frame: a smaller square is enlarged much
BLACK = 1.05  # of the shorter side: a larger square shows what is not there
LOST = 0.25  # share of frames without the subject, to be said where it is followed
SELDOM = 0.5  # share of frames in which one is found, below which it is said
OTHERS = 0.3  # share of frames with a second one about as large, from which on it is said
EVERY = 3  # frames from one that a detector is shown to the next, where it follows
THUMBS = 4  # whole pictures of a clip that are kept
Passes = Callable[[], Iterable[Numbered]]  # the frames of a clip, as often as they are asked for


def find_crop(asked: Asked, images: Passes, given: Given | None, whole: bool, size: int) -> Crop:
    """Where to crop a clip.

    images: called for every pass over its frames; given: boxes, where somebody else has made them;
    whole: all frames of a file are taken, so that their number must be that of the boxes; size:
    side of a frame of the dataset. InputError for boxes that do not belong to the clip.
    """
    if asked.by == "boxes" and given is None:
        raise BeyondPicture("no boxes were given of it: add them, or leave the clip out")
    look = look_with(asked.by, asked.detector, asked.label)
    seen = survey(images(), look)
    if given is not None:
        found, remarks = given.of(seen.numbers, seen.size, whole=whole)
        remarks += () if np.isfinite(found).any() else (Remark.NOTHING,)
    elif look is not None:
        found, remarks = _by_detector(seen, images, look, asked.follow)
    else:
        found, remarks = _by_motion(seen, images, asked.follow)
    path = _path(found, asked, seen.size)
    remarks += _of_path(found, path, seen.size, asked.follow, size)
    at = np.unique(np.linspace(0, len(seen.at) - 1, THUMBS).astype(int))
    shown = tuple(int(seen.at[i]) for i in at)
    return Crop(seen.size, path.astype(np.float32), remarks, shown, seen.small[at])


def _path(found: Floats, asked: Asked, size: Size) -> Floats:
    if not np.isfinite(found).any():
        return middle(size)
    if not asked.follow:
        return of_box(found[0] if len(found) == 1 else around(found), asked.margin, size)
    centres, side = following(found)
    return squares(centres, with_margin(side, asked.margin, size), size)


def _by_motion(seen: Survey, images: Passes, follow: bool) -> tuple[Floats, tuple[Remark, ...]]:
    """Boxes [1 or T, 4] of what moves, NaN where nothing does."""
    scene = scene_of(seen.small)
    moving = motion.steady(seen, scene)
    if moving.box is None:
        return np.full((1, 4), np.nan), moving.remarks
    if not follow:
        return moving.box[None], moving.remarks
    spots = [motion.spots(image, scene, seen.scale) for _, image in images()]
    remarks = [r for r in moving.remarks if r != Remark.SEVERAL]
    return _one(spots, seen.size, remarks, Remark.SEVERAL)


def _by_detector(
    seen: Survey, images: Passes, look: Look, follow: bool
) -> tuple[Floats, tuple[Remark, ...]]:
    """Boxes [n or T, 4] of what the detector finds, NaN where it finds none or is not asked."""
    spots = list(seen.seen.values())
    if follow:
        none = Spots(np.zeros((0, 4)), np.zeros(0))
        spots = [none if i % EVERY else look(image) for i, (_, image) in enumerate(images())]
    asked = spots[::EVERY] if follow else spots
    share = float(np.mean([len(s.weight) > 0 for s in asked]))
    if share == 0:
        return np.full((1, 4), np.nan), (Remark.NOTHING,)
    remarks = [Remark.SELDOM] if share < SELDOM else []
    boxes, told = _one(asked, seen.size, remarks, Remark.OTHERS)
    if follow:
        spread = np.full((len(spots), 4), np.nan)
        spread[::EVERY] = boxes
        boxes = filled_between(spread)
    return boxes, told


def filled_between(boxes: Floats) -> Floats:
    """[T, 4] with what lies between two frames that were looked at in a straight line."""
    known = np.flatnonzero(np.isfinite(boxes).all(1))
    filled = boxes.copy()
    for a, b in pairwise(known):
        if b - a <= EVERY:
            share = (np.arange(a, b + 1) - a)[:, None] / (b - a)
            filled[a : b + 1] = boxes[a] * (1 - share) + boxes[b] * share
    return filled


def _one(
    spots: Sequence[Spots], size: Size, remarks: Sequence[Remark], others: Remark
) -> tuple[Floats, tuple[Remark, ...]]:
    """One subject's boxes [T, 4], and a remark if there often is another about as large."""
    boxes = one_path(spots, float(np.hypot(*size)))
    several = float(np.mean([_has_rival(s) for s in spots]))
    return boxes, (*remarks, *((others,) if several > OTHERS else ()))


def _has_rival(spots: Spots) -> bool:
    """Whether a second box, apart from the first, is half as large at least."""
    if len(spots.weight) < 2:
        return False
    order = np.argsort(spots.weight)[::-1][:2]
    first, second = spots.boxes[order]
    return bool(spots.weight[order[1]] > 0.5 * spots.weight[order[0]]) and not _touch(first, second)


def _touch(one: Floats, other: Floats) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def _of_path(
    found: Floats, path: Floats, size: Size, follow: bool, wanted: int
) -> tuple[Remark, ...]:
    """What the boxes and squares themselves show to be doubtful."""
    if not np.isfinite(found).any():
        return ()
    remarks = []
    across, down = np.nanmedian(found[:, 2:] - found[:, :2], 0) if follow else _extent(found)
    if across * down > MOST * size[0] * size[1]:
        remarks.append(Remark.MOST)
    if path[0, 2] > BLACK * min(size):
        remarks.append(Remark.CUT)
    if path[0, 2] < FEW * wanted:
        remarks.append(Remark.SMALL)
    if follow and np.isnan(found[:, 0]).mean() > LOST:
        remarks.append(Remark.LOST)
    return tuple(remarks)


def _extent(found: Floats) -> Floats:
    box = found[0] if len(found) == 1 else around(found)
    return np.asarray(box[2:] - box[:2])
