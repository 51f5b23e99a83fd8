"""Options of `vdsm data folder`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.crop.asked import SUBJECTS, Asked
from vdsm.data.folder.boxes import file_digest
from vdsm.data.folder.extract import Recipe
from vdsm.data.folder.scan import Reading

MARGINS = {"face": 0.4}  # a detector's box ends at brow and chin


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
        default="centre",
        description="centre, square (pads with black), a box x,y,w,h in pixels; or what is looked"
        " for: subject (what moves), face, person",
    )
    follow: bool = Field(
        default=False, description="the crop follows the subject; without, one box for a clip"
    )
    margin: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="around the subject, as a share of its size [0.1, of faces 0.4]",
    )
    boxes: Path | None = Field(
        default=None,
        description="boxes of a detector or tracker: CSV, DeepLabCut, SLEAP, or a folder of such",
    )
    likelihood: float = Field(
        default=0.6, ge=0, le=1, description="keypoints of --boxes that are less likely are passed"
    )
    detector: Path | None = Field(
        default=None, description="detector of --crop person: an ONNX or TFLite file"
    )
    detector_class: int = Field(
        default=0, ge=0, description="number of its class to crop to; person is 0 in most"
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
    ray: str | None = Field(
        default=None, description="decode by the hosts of a Ray cluster: HOST:PORT, auto, or local"
    )

    @property
    def shortest(self) -> int:
        """Frames that a video must have to give a clip."""
        return max(self.min_length, self.segment or 1)

    @property
    def reading(self) -> Reading:
        return Reading(self.series, self.strips)

    @property
    def asked(self) -> Asked | None:
        """How clips are cropped to a subject, where they are."""
        by = "boxes" if self.boxes is not None else self.crop
        if by not in ("boxes", *SUBJECTS):
            return None
        how = {"detector": self.detector, "label": self.detector_class}
        return Asked(by, self.follow, self.room, **how)  # type: ignore[arg-type]

    @property
    def room(self) -> float:
        """The margin."""
        return MARGINS.get(self.crop, 0.1) if self.margin is None else self.margin

    @property
    def recipe(self) -> Recipe:
        subject = None if self.asked is None else self._subject
        return Recipe(self.source.name, self.size, self.crop, self.grey, self.fps, subject)

    @property
    def _subject(self) -> str:
        """All that has a bearing on where it is found, files by their content."""
        files = [file_digest(path) for path in (self.boxes, self.detector) if path is not None]
        chosen = [f"follow {self.follow}", f"margin {self.room:g}", *files]
        if self.boxes is not None:
            chosen.append(f"likelihood {self.likelihood:g}")
        if self.detector is not None:
            chosen.append(f"class {self.detector_class}")
        return ", ".join(chosen)
