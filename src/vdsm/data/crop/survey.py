"""One pass over a clip: small pictures evenly spread over it, in flat memory."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from PIL import Image

from vdsm.data.clips import Ints
from vdsm.errors import InputError
from vdsm.video.limits import Frames, Numbered

T = TypeVar("T")
SMALL = 160  # longest side of a small picture, pixels
MOST = 256  # small pictures of a clip
MOST_SEEN = 24  # frames of a clip that a detector is shown; it is slower


def shrink(image: Frames) -> Frames:
    """The picture with no side above `SMALL`, each pixel the mean of what it covers."""
    height, width = image.shape[:2]
    scale = min(1.0, SMALL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0))


@dataclass
class Spread(Generic[T]):
    """At most `most` things of a stream of unknown length: each step-th, from the first."""

    most: int
    step: int = 1
    at: list[int] = field(default_factory=list)
    kept: list[T] = field(default_factory=list)

    def offer(self, number: int, make: Callable[[], T]) -> None:
        """Keep make() of the thing of that number if it is one of those to be kept."""
        if number % self.step:
            return
        if len(self.at) == self.most:
            self.step *= 2
            self.at, self.kept = self.at[::2], self.kept[::2]
            if number % self.step:
                return
        self.at.append(number)
        self.kept.append(make())


@dataclass(frozen=True)
class Survey:
    """What one pass over a clip of T frames gives."""

    size: tuple[int, int]  # width, height of its frames
    numbers: Ints  # [T] of its frames among those of the file
    at: Ints  # [n] which frames the small pictures are
    small: Frames  # [n, h, w, 3]
    seen: dict[int, Any]  # what `look` gives, of some frames

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of a frame in one of a small picture, across and down."""
        return self.size[0] / self.small.shape[2], self.size[1] / self.small.shape[1]


def survey(images: Iterable[Numbered], look: Callable[[Frames], Any] | None = None) -> Survey:
    """Small pictures of a clip. InputError where its frames change size, or there is none.

    look: shown at most `MOST_SEEN` frames that are kept, evenly spread, and few more.
    """
    small, seen = Spread[Frames](MOST), Spread[Any](MOST_SEEN)
    numbers: list[int] = []
    shape: tuple[int, ...] = ()
    for i, (number, image) in enumerate(images):
        if shape and image.shape != shape:
            raise InputError(
                f"it changes size at frame {i}, from {shape[1]} x {shape[0]} to"
                f" {image.shape[1]} x {image.shape[0]} pixels: convert it to one size"
            )
        shape = image.shape
        numbers.append(number)
        small.offer(i, lambda image=image: shrink(image))  # type: ignore[misc]
        if look is not None:
            seen.offer(i, lambda image=image: look(image))  # type: ignore[misc]
    if not shape:
        raise InputError("it holds no frame")
    return Survey(
        (shape[1], shape[0]),
        np.array(numbers, np.int64),
        np.array(small.at, np.int64),
        np.stack(small.kept),
        dict(zip(seen.at, seen.kept, strict=True)),
    )
