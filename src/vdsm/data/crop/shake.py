"""How the camera moved: the shift of what surrounds the subject from one picture to another.

Phase correlation (Kuglin and Hines 1975) of the outer ring, believed only where the shift makes the
ring agree and the opposite shift does not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from vdsm.data.clips import Floats

Picture = npt.NDArray[np.float32]  # [h, w], grey
RING = 0.22  # of the shorter side: how far the outer ring reaches inwards
LEAST = 0.4  # pixels: smaller shifts are none
AGREES = 0.75  # a shift is one if it leaves less than this share of the difference
FARTHEST = 0.25  # of a side: longer shifts are not looked for


@dataclass(frozen=True)
class Ring:
    """The outer ring of pictures of one size."""

    weight: Picture  # [h, w] 1 in the ring, 0 inside, softly

    @classmethod
    def of(cls, height: int, width: int) -> "Ring":
        y, x = np.mgrid[:height, :width]
        edge = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
        reach = RING * min(height, width)
        soft = np.clip((1.25 * reach - edge) / (0.5 * reach), 0, 1)
        fade = np.clip((edge + 1) / (0.3 * reach + 1), 0, 1)  # a picture is not periodic
        return cls((soft * fade).astype(np.float32))

    def shift(self, here: Picture, there: Picture) -> Floats:
        """Down, right [2]: how far `here` lies from `there`; 0 where that cannot be told."""
        found = self._peak(here, there)
        if np.abs(found).max() < LEAST:
            return np.zeros(2)
        still = self._difference(here, there)
        moved = self._difference(shifted(here, -found), there)
        against = self._difference(shifted(here, found), there)
        believed = moved < AGREES * min(still, against)
        return found if believed else np.zeros(2)

    def _peak(self, here: Picture, there: Picture) -> Floats:
        a, b = (fft.rfft2(self.weight * _edges(picture)) for picture in (here, there))
        cross = a * np.conj(b)
        even = np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-9
        plane = fft.irfft2(cross / even, s=here.shape)
        plane = ndimage.gaussian_filter(plane, 0.7, mode="wrap")
        rows, columns = (np.abs(fft.fftfreq(n)) for n in here.shape)
        near = (rows[:, None] <= FARTHEST) & (columns[None] <= FARTHEST)
        top = np.unravel_index(np.argmax(np.where(near, plane, -np.inf)), plane.shape)
        return np.array([_finer(plane, top, axis) for axis in (0, 1)])

    def _difference(self, here: Picture, there: Picture) -> float:
        inner = slice(4, -4)  # what comes in at the edge belongs to neither
        weight = self.weight[inner, inner]
        gap = np.abs(here - there)[inner, inner]
        return float((weight * gap).sum() / max(weight.sum(), 1e-6))


def _edges(picture: Picture) -> Picture:
    """The picture without what is even: light may change, edges stay."""
    return picture - ndimage.gaussian_filter(picture, 3)  # type: ignore[no-any-return]


def _finer(plane: npt.NDArray[np.float64], top: tuple[np.intp, ...], axis: int) -> float:
    """Where a parabola through the peak and its neighbours has its top, as a signed shift."""
    size = plane.shape[axis]
    at = int(top[axis])
    row = np.take(plane, top[1 - axis], axis=1 - axis)
    before, here, after = (float(row[(at + k) % size]) for k in (-1, 0, 1))
    bend = before - 2 * here + after
    at_top = at + (0.5 * (before - after) / bend if bend < 0 else 0.0)
    return at_top - size if at_top > size / 2 else at_top


def shifted(picture: npt.NDArray[np.float32], by: Floats) -> npt.NDArray[np.float32]:
    """The picture [h, w] or [h, w, C] moved down and right by [2] pixels; edges are repeated."""
    along = (*by, *[0.0] * (picture.ndim - 2))
    return ndimage.shift(picture, along, order=1, mode="nearest")  # type: ignore[no-any-return]
