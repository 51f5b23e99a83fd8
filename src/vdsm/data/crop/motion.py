"""Boxes from motion before a standing camera, without weights: one, or spots to follow."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from vdsm.data.clips import Floats
from vdsm.data.crop.asked import Spots
from vdsm.data.crop.remarks import Remark
from vdsm.data.crop.scene import Mask, Scene
from vdsm.data.crop.survey import Survey, shrink
from vdsm.video.limits import Frames

SELDOM = 0.01  # share of pictures in which a pixel must differ; in two at the least
NEAR = 0.02  # of the longer side: places of motion nearer than this are one
SECOND = 0.25  # of the greatest place's motion: a second one of this much is another mover
SCATTERED = 0.5  # the greatest place's share of all motion, below which there is but noise
WEAK = 2.0  # noises: where it differs by this on average, two places hang together
MUCH = 50.0  # noises that count
SPOTS = 3  # of a frame, to follow one


Heat = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moving:
    """Where there is motion in a clip, and what is doubtful of it."""

    box: Floats | None  # [4] in pixels of the frame; None: there is none
    remarks: tuple[Remark, ...]


def steady(survey: Survey, scene: Scene) -> Moving:
    """One box around the place with the most motion."""
    camera: tuple[Remark, ...] = (Remark.CAMERA,) if scene.ring is not None else ()
    heat, weak = _heat(survey.small, scene)
    places = _places(heat, weak, len(survey.small))
    if not places:
        return Moving(None, (*camera, Remark.STILL))
    motion = [float(heat[place].sum()) for place in places]
    order = np.argsort(motion)[::-1]
    found = places[order[0]]
    total = sum(motion)
    if motion[order[0]] < SCATTERED * total and len(places) > 4:
        return Moving(None, (*camera, Remark.NOISE))
    several = len(order) > 1 and motion[order[1]] > SECOND * motion[order[0]]
    box = box_of(found) * np.array(survey.scale * 2)
    return Moving(box, (*camera, *((Remark.SEVERAL,) if several else ())))


def _heat(small: Frames, scene: Scene) -> tuple[Heat, Heat]:
    """[h, w] in which share of the pictures a pixel differs from what stands, and how much."""
    often, much = np.zeros((2, *scene.noise.shape))
    for picture in small:
        off, moved = scene.difference(picture)
        mask = scene.mask(off).astype(np.float32)
        often += ndimage.shift(mask, moved, order=0) if moved.any() else mask
        much += np.minimum(off, MUCH)
    return often / len(small), much / len(small)


def _places(heat: Heat, weak: Heat, pictures: int) -> list[Mask]:
    """The places of motion, each apart from the others: between them nothing moves, ever so little.

    A subject whose hands move alone is one place, since all of it sways.
    """
    often = heat > max(SELDOM, 1.5 / pictures)
    reach = max(1, round(NEAR * max(heat.shape)))
    together = ndimage.binary_dilation(often, iterations=reach) | (weak > WEAK)
    joined, _ = ndimage.label(together, np.ones((3, 3)))
    return [often & (joined == i) for i in np.unique(joined[often])]


def box_of(mask: Mask) -> Floats:
    """Left, top, right, bottom [4] of a mask's pixels."""
    y, x = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1], np.float64)


def spots(image: Frames, scene: Scene, scale: tuple[float, float]) -> Spots:
    """The largest places, at most `SPOTS`, that differ in one frame, with how much they do."""
    off, moved = scene.difference(shrink(image), roaming=True)
    mask = scene.mask(off)
    reach = max(1, round(NEAR * max(mask.shape)))
    joined, count = ndimage.label(ndimage.binary_dilation(mask, iterations=reach))
    numbers = np.where(mask, joined, 0)
    weight = np.bincount(numbers.ravel(), np.minimum(off, MUCH).ravel(), minlength=count + 1)[1:]
    largest = np.argsort(weight)[::-1][:SPOTS]
    shift = np.array([moved[1], moved[0]] * 2)
    boxes = [(box_of(numbers == i + 1) + shift) * np.array(scale * 2) for i in largest]
    return Spots(np.array(boxes).reshape(-1, 4), np.asarray(weight[largest], np.float64))
