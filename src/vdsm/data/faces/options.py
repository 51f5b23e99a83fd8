"""Options of `vdsm data faces`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as options_dataclass

from vdsm.config import Seed
from vdsm.data.cast import check_cast
from vdsm.errors import InputError


@options_dataclass(frozen=True)
class FacesOptions:
    """Options of `vdsm data faces`."""

    source: Path = Field(description="a clone of ICT-FaceKit, or its folder FaceXModel")
    size: Literal[32, 64, 128] = Field(default=64, description="side of a frame in pixels")
    people: int = Field(default=52, ge=1, le=1_000_000, description="how many people are made up")
    takes: int = Field(
        default=11, ge=1, le=10_000, description="clips of each person with each expression"
    )
    shortest: int = Field(default=25, ge=16, description="frames of the shortest clip")
    longest: int = Field(default=80, le=10_000, description="frames of the longest clip")
    holdout: Literal["take", "person"] = Field(
        default="take", description="what is held out: takes or whole persons"
    )
    test_share: float = Field(default=0.15, ge=0, lt=1, description="share for testing")
    validation_share: float = Field(
        default=0.1, ge=0, lt=1, description="share for choosing settings, which nothing trains on"
    )
    unseen_cells: float = Field(
        default=0, ge=0, lt=1, description="share of person x expression that is for testing alone"
    )
    layout: Literal["dataset", "mug"] = Field(
        default="dataset", description="mug: pictures in MUG's tree, and its authors' npz, instead"
    )
    seed: Seed = Field(default=0, description="seed of people, takes and split")
    workers: int = Field(default=0, ge=0, le=4096, description="processes, 0 for one a core")
    ray: str | None = Field(
        default=None, description="draw by the hosts of a Ray cluster: HOST:PORT, auto, or local"
    )

    def check(self) -> None:
        """InputError for options that do not go together."""
        if self.shortest > self.longest:
            raise InputError(
                f"--shortest {self.shortest} exceeds --longest {self.longest}: swap them"
            )
        if self.ray is not None and self.layout == "mug":
            raise InputError("--layout mug writes its pictures from this machine: leave --ray out")
        check_cast(self)
