"""Options of `vdsm data folder`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.folder.decode import Recipe
from vdsm.data.folder.scan import Reading


@options_dataclass(frozen=True)
class FolderOptions:
    """Options of `vdsm data folder`."""

    source: Path = Field(description="folder of videos, GIFs or folders of frames, at any depth")
    table: Path | None = Field(
        default=None,
        description="CSV, TSV, JSON lines or Parquet with path, group, split, start, end, labels",
    )
    levels: str | None = Field(
        default=None,
        description="what the folders stand for from the top, as split,action,identity,-",
    )
    names: str | None = Field(
        default=None,
        description="labels from file names, as {person}_{action}_d*; * and {-} are ignored",
    )
    series: str | None = Field(
        default=None, description="of several series of pictures in a folder the one to take, img_*"
    )
    strips: bool | None = Field(
        default=None,
        description="pictures are strips of square frames; without, where all of a folder are",
    )
    fps: float | None = Field(
        default=None, gt=0, le=1000, description="frames a second to take; without, every frame"
    )
    crop: str = Field(
        default="centre", description="centre, square (pads with black), or a box x,y,w,h in pixels"
    )
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    grey: bool = Field(default=False, description="one channel instead of three")
    segment: int | None = Field(
        default=None, ge=1, description="cut clips of this many frames; without, videos stay whole"
    )
    stride: int | None = Field(
        default=None, ge=1, description="frames from one segment to the next; default: segment"
    )
    min_length: int = Field(default=2, ge=1, description="shorter videos are left out, in frames")
    test_share: float = Field(default=0.2, ge=0, lt=1, description="share held out for testing")
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share held out of training for choices; 0: none"
    )
    holdout: Literal["group", "clip"] = Field(
        default="group", description="hold out whole groups (unseen individuals) or single videos"
    )
    seed: Seed = Field(default=0, description="seed of the split")
    max_broken: float = Field(
        default=0.1, ge=0, le=1, description="share of broken files above which it fails"
    )
    workers: int = Field(default=0, ge=0, description="decoding processes; 0: one for each core")

    @property
    def shortest(self) -> int:
        """Frames that a video must have to give a clip."""
        return max(self.min_length, self.segment or 1)

    @property
    def reading(self) -> Reading:
        return Reading(self.series, self.strips)

    @property
    def recipe(self) -> Recipe:
        return Recipe(self.source.name, self.size, self.crop, self.grey, self.fps)
