"""One clip of a folder: how it becomes frames, and a worker that makes it so."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Literal

from vdsm.data.crop.asked import Asked, Crop
from vdsm.data.crop.given import Given
from vdsm.data.folder.cropping import Kept, keep
from vdsm.data.folder.item import Item
from vdsm.data.folder.read import images, stamp
from vdsm.errors import InputError
from vdsm.tasks.processes import stopping
from vdsm.video import Fit
from vdsm.video.limits import BeyondPicture, NoVideo, Numbered
from vdsm.video.source import named
from vdsm.words import counted

Kind = Literal["broken", "crop", "short", "no video"]  # of a problem
KINDS: dict[type[InputError], Kind] = {BeyondPicture: "crop", NoVideo: "no video"}


@dataclass(frozen=True)
class Recipe:
    """How a video becomes frames. Kept while the folder is half made; it must not change."""

    source: str
    size: int
    crop: str
    grey: bool
    fps: float | None
    subject: str | None = None  # how it is found, where clips are cropped to one

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame as it is stored."""
        return self.size**2 * (1 if self.grey else 3)


@dataclass(frozen=True)
class Decoded:
    """What became of one item: where its frames are, or what is wrong with it."""

    name: str
    stamp: tuple[int, int]  # of the source, see `stamp`
    frames: int = 0
    digest: str = ""  # SHA-256 of the frames
    start: int = 0  # in frames.u8, frames
    problem: str | None = None
    kind: Kind = "broken"  # if there is a problem
    crop: Kept | None = None  # where it was cropped to a subject


@dataclass(frozen=True)
class Job:
    """One clip for a worker to decode into the file `part`."""

    item: Item
    part: Path
    recipe: Recipe
    shortest: int  # frames; shorter clips are left out
    threads: int
    asked: Asked | None = None  # to crop to a subject
    given: Given | None = None  # its boxes


def extract(job: Job) -> Decoded:
    """Decode one clip into its part file, frame by frame."""
    entry = Decoded(job.item.name, stamp(job.item))
    recipe = job.recipe
    fit = Fit(recipe.size, recipe.crop, recipe.grey)
    count, digest = 0, hashlib.sha256()
    try:
        crop = _crop(job)
        with open(job.part, "wb") as file:
            for _, image in images(job.item, recipe.fps, job.threads):
                with named(job.item.path):
                    frame = fit.within(image, crop.square(count)) if crop else fit(image)
                    content = frame.tobytes()
                file.write(content)
                digest.update(content)
                count += 1
                if stopping():
                    return replace(entry, problem="called off")
    except InputError as error:
        job.part.unlink(missing_ok=True)
        return replace(entry, problem=str(error), kind=KINDS.get(type(error), "broken"))
    if count < job.shortest:
        job.part.unlink()
        problem = f"{job.item.path} has {counted(count, 'frame')}, fewer than {job.shortest}"
        return replace(entry, problem=problem, kind="short" if count else "broken")
    kept = keep(crop, count, job.part) if crop else None
    return replace(entry, frames=count, digest=digest.hexdigest(), crop=kept)


def _passes(job: Job) -> Iterator[Numbered]:
    """The frames of the clip, until the work is called off."""
    return takewhile(lambda _: not stopping(), images(job.item, job.recipe.fps, job.threads))


def _crop(job: Job) -> Crop | None:
    """Where the clip is cropped to its subject, if it is to be."""
    if job.asked is None:
        return None
    from vdsm.data.crop.find import find_crop  # SciPy takes half a second to import

    whole = job.item.cut is None and job.recipe.fps is None
    with named(job.item.path):
        return find_crop(job.asked, lambda: _passes(job), job.given, whole, job.recipe.size)


def crashed_on(job: Job) -> Decoded:
    """What becomes of a clip that ends the process which decodes it."""
    job.part.unlink(missing_ok=True)
    problem = f"{job.item.path} makes the decoder crash: encode it again"
    return Decoded(job.item.name, stamp(job.item), problem=problem)
