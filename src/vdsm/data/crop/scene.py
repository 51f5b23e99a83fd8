"""What stands still before a camera, how noisy it is, and where a frame differs from it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from vdsm.data.clips import Floats
from vdsm.data.crop.shake import Ring, shifted
from vdsm.video.limits import Frames

Pixels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
MOST = 64  # pictures that the background is the median of
PAIRS = 24  # of neighbouring pictures, to see whether the camera moves
SHAKEN = 0.2  # share of them that moved, from which on it does
LEVELS = 8  # of brightness, each with a noise of its own
ABOVE = 6.0  # noises: a difference beyond is none
FLOOR = 6.0  # of 255: smaller differences are none
SMALLEST = 0.0015  # of a picture: smaller spots are none


@dataclass(frozen=True)
class Scene:
    """The background of a clip's small pictures."""

    background: Pixels  # [h, w, 3]
    noise: Pixels  # [h, w] usual difference from it, of all pixels about as bright
    own: Pixels  # [h, w] usual difference of each pixel
    usual: float  # median of a difference over noise, of most pictures
    shaken: float  # share of neighbouring pictures between which the camera moved
    ring: Ring | None  # to align pictures with; None where the camera stands

    @property
    def least(self) -> int:
        """Pixels of the smallest spot."""
        return max(3, round(SMALLEST * self.noise.size))

    def difference(self, picture: Frames, *, roaming: bool = False) -> tuple[Pixels, Floats]:
        """How many noises each pixel [h, w] is off, and how far the camera had moved [2].

        roaming: the subject is seldom in one place, so that what is off there often is noise too.
        """
        moved = np.zeros(2)
        seen = picture.astype(np.float32)
        if self.ring is not None:
            moved = self.ring.shift(seen.mean(2), self.background.mean(2))
            seen = shifted(seen, -moved) if moved.any() else seen
        off = _off(seen, self.background)
        wild = max(1.0, float(np.median(off / self.noise)) / self.usual)  # the whole frame is off
        noise = np.maximum(self.noise, self.own / 2) if roaming else self.noise
        most = wild * np.maximum(noise, FLOOR / ABOVE)
        return (off / most).astype(np.float32), moved

    def mask(self, off: Pixels) -> Mask:
        """Where it differs, in spots that are large enough."""
        near = ndimage.binary_dilation(off > ABOVE, iterations=2)
        near = ndimage.binary_erosion(near, iterations=2, border_value=1)
        spots, count = ndimage.label(near, np.ones((3, 3)))
        size = np.bincount(spots.ravel(), minlength=count + 1)
        size[0] = 0
        return np.asarray((size >= self.least)[spots])


def _off(picture: Pixels, background: Pixels) -> Pixels:
    """[h, w] the largest difference of any colour, of means over 3 x 3 pixels; light may change."""
    gap = picture - background
    gap -= np.median(gap, axis=(0, 1))
    return np.abs(ndimage.uniform_filter(gap, (3, 3, 0))).max(2)  # type: ignore[no-any-return]


def scene_of(small: Frames) -> Scene:
    """The scene that pictures [n, h, w, 3] show."""
    n, height, width = small.shape[:3]
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST)).astype(int))
    pictures = [small[i].astype(np.float32) for i in chosen]
    ring = Ring.of(height, width)
    shaken = _shaken(small, ring)
    if shaken > SHAKEN:
        middle = pictures[len(pictures) // 2].mean(2)
        pictures = [shifted(p, -ring.shift(p.mean(2), middle)) for p in pictures]
    light = [np.median(p - pictures[0], axis=(0, 1)) for p in pictures]
    even = np.stack([p - k for p, k in zip(pictures, light, strict=True)])
    background = np.median(even, axis=0)
    off = np.stack([_off(p, background) for p in pictures])
    own = np.median(off, axis=0)
    noise = _noise(own, background.mean(2))
    usual = float(np.median([np.median(o / noise) for o in off]))
    return Scene(background, noise, own, max(usual, 0.1), shaken, ring if shaken > SHAKEN else None)


def _noise(usual: Pixels, brightness: Pixels) -> Pixels:
    """[h, w] noise by brightness: the median of all pixels about as bright. A subject is few."""
    edges = np.quantile(brightness, np.linspace(0, 1, LEVELS + 1))
    level = np.clip(np.searchsorted(edges, brightness, side="right") - 1, 0, LEVELS - 1)
    heights = np.array(
        [np.median(usual[level == i]) if (level == i).any() else 0.0 for i in range(LEVELS)]
    )
    return np.maximum(heights[level], 0.3).astype(np.float32)  # type: ignore[no-any-return]


def _shaken(small: Frames, ring: Ring) -> float:
    """Share of pairs of neighbouring pictures between which the camera moved."""
    n = len(small)
    if n < 2:
        return 0.0
    first = np.unique(np.linspace(0, n - 2, min(n - 1, PAIRS)).astype(int))
    grey = {i: small[i].astype(np.float32).mean(2) for k in first for i in (k, k + 1)}
    return float(np.mean([ring.shift(grey[i + 1], grey[i]).any() for i in first]))
