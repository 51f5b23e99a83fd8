"""Options of `vdsm data arrays`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed


@options_dataclass(frozen=True)
class ArraysOptions:
    """Options of `vdsm data arrays`."""

    source: Path = Field(
        description=".npz, .npy, .h5, .pkl, a folder of .npy files, or tars as 'shards/*.tar'"
    )
    clips: str | None = Field(
        default=None, description="name of the array that holds the clips; without, the only one"
    )
    layout: str | None = Field(
        default=None, description="its axes, as nthwc, ntchw, nthw, tnhw; without, recognized"
    )
    range: str | None = Field(
        default=None, description="values of black and white, as 0,1 or -1,1; without, recognized"
    )
    identity: str | None = Field(
        default=None,
        description="labels that say who: NAME[,NAME], or none; without, told by their names",
    )
    crop: str = Field(
        default="centre", description="centre, square (pads with black), or a box x,y,w,h in pixels"
    )
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    grey: bool = Field(default=False, description="one channel, of clips that have three")
    min_length: int = Field(default=2, ge=2, description="shorter clips are left out, in frames")
    test_share: float = Field(default=0.2, ge=0, lt=1, description="share held out for testing")
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share held out of training for choices; 0: none"
    )
    holdout: Literal["group", "clip"] = Field(
        default="group", description="hold out whole groups (unseen individuals) or single clips"
    )
    seed: Seed = Field(default=0, description="seed of the split")
    max_broken: float = Field(
        default=0.1, ge=0, le=1, description="share of broken videos in tars above which it fails"
    )
