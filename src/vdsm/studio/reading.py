"""Files from the outside, read: which part of each frame, how many a second.

What finds a subject is imported when it is asked for, since it takes seconds and much memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from vdsm.errors import InputError
from vdsm.video import Fit, beginning
from vdsm.video.limits import Frames, Numbered
from vdsm.video.source import named, numbered_frames

Crop = Literal["centre", "square", "subject", "face"]
LOOKED = 300  # frames of a file that are looked at for the subject
FOUND = ("subject", "face")  # crops to something that is looked for
# What looks wrong with a crop (`vdsm.data.crop.remarks`), in words for the page.
DOUBTS = {
    "the camera moves": "the camera moves, and the background with it",
    "several movers": "several things move: the square is around the one that moves most",
    "nothing moves": "nothing moves: the middle is taken",
    "noise only": "too dark to tell what moves: the middle is taken",
    "most of the picture": "the square is most of the picture",
    "very small": "the subject is small in the picture, and enlarged",
    "nothing found": "no face was found: the middle is taken",
    "found seldom": "a face was found in less than half of the frames",
    "several found": "several faces: the square is around one of them",
    "lost for long": "the subject is gone for long",
    "cut by the edge": "the subject is larger than the picture: beside it is black",
}


@dataclass(frozen=True)
class Job:
    """A file, and what is wanted of it; `window` is 1 or more."""

    size: int
    grey: bool
    window: int
    path: Path = Path()
    fps: float | None = None
    start: float | None = None
    crop: Crop = "centre"
    margin: float = 0.1  # around subjects and faces


@dataclass(frozen=True)
class Read:
    """What was read."""

    frames: Frames  # uint8 [T, H, W, C]
    more: bool  # whether the file has more
    doubt: str = ""  # of the crop


def read(job: Job) -> Read:
    """The first frames of a file, cropped; InputError where it cannot be read."""
    if job.crop == "centre":
        found = beginning(job.path, job.size, job.grey, job.window, job.fps, job.start)
        return Read(*found)
    if job.crop == "square":
        fit = Fit(job.size, "square", job.grey)
        with named(job.path):
            images = [fit(image) for _, image in islice(looked(job), job.window + 1)]
        return of(images, job)
    return subject(job)


def subject(job: Job) -> Read:
    """One square around what is looked for, in all frames."""
    from vdsm.data.crop.asked import Asked
    from vdsm.data.crop.find import find_crop

    asked = Asked(job.crop, False, job.margin)  # type: ignore[arg-type]
    with named(job.path):
        crop = find_crop(asked, lambda: looked(job), None, False, job.size)
        fit = Fit(job.size, "centre", job.grey)
        seen = islice(looked(job), job.window + 1)
        images = [fit.within(image, crop.square(i)) for i, (_, image) in enumerate(seen)]
    doubt = "; ".join(DOUBTS[remark] for remark in crop.remarks)
    return of(images, job, doubt)


def looked(job: Job) -> Iterator[Numbered]:
    """The first frames; damage behind those that are seen is none of theirs."""
    count = 0
    try:
        for item in islice(numbered_frames(job.path, fps=job.fps, start=job.start), LOOKED):
            count += 1
            yield item
    except InputError:
        if count < job.window:
            raise


def of(images: list[Frames], job: Job, doubt: str = "") -> Read:
    """What is seen of them; InputError where there is none."""
    if not images:
        raise InputError(f"{job.path} holds no frame")
    return Read(np.stack(images[: job.window]), len(images) > job.window, doubt)
