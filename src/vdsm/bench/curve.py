"""A training as a curve: joint swaps right beside what they cost; and the file that holds several.

{"curves": [{"method": ..., "points": [{"clips_seen": ..., "joint": ...}], "first": {"95": ...}}]}
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from vdsm.config import build
from vdsm.errors import InputError
from vdsm.files import read_json

MARKS = (95, 99)  # percent of joint swaps: who is there first
MADE = "'vdsm bench --to-quality DATA --out'"
LENIENT = ConfigDict(extra="ignore")  # of a file, `first` beside the points


@dataclass(frozen=True, config=LENIENT)
class Point:
    """The weights at one moment of a training: what they cost, and what they swap right."""

    clips_seen: int  # segments of clips, or frames of an individual
    cpu_seconds: float  # of training, of all its threads
    seconds: float  # by the clock
    joint: float  # share of swaps that are right in every factor
    identity: float | None  # None where no factor is of that role
    action: float | None
    interval: tuple[float, float] | None = None  # 95 % of joint, over individuals


@dataclass(frozen=True, config=LENIENT)
class Curve:
    """A training of one preset."""

    method: str
    title: str
    preset: str
    size: str
    seed: int
    dataset: str
    fingerprint: str  # of the dataset
    n: int  # swaps judged, of clips for validation
    judges: dict[str, float]  # factor -> accuracy on these clips
    judging_seconds: float  # of CPU, which no point includes
    threads: int
    torch: str
    points: list[Point] = Field(min_length=1)

    @property
    def label(self) -> str:
        """As tables and pictures print it."""
        size = "" if self.size == "compact" else f", {self.size}"
        return self.title + size + (f", seed {self.seed}" if self.seed else "")

    def first(self, percent: float) -> Point | None:
        """The first point with at least so many joint swaps right."""
        return next((p for p in self.points if 100 * p.joint >= percent), None)


def as_json(curves: Sequence[Curve]) -> bytes:
    """What the file holds."""

    def entry(curve: Curve) -> dict[str, Any]:
        found = {str(mark): curve.first(mark) for mark in MARKS}
        first = {mark: point and asdict(point) for mark, point in found.items()}
        return asdict(curve) | {"first": first}

    return json.dumps({"curves": [entry(curve) for curve in curves]}, indent=2).encode()


def read_curves(path: Path) -> list[Curve]:
    """The curves of a file; InputError where it holds none."""
    entries = read_json(path).get("curves")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path} holds no curves: name a file that {MADE} wrote")
    if not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path} was altered: name a file that {MADE} wrote")
    return [build(Curve, entry, str(path)) for entry in entries]


def require_same_data(curves: Sequence[Curve], fingerprint: str, path: Path) -> None:
    """InputError where earlier curves are of other data."""
    for curve in curves:
        if curve.fingerprint != fingerprint:
            raise InputError(
                f"{path} has a curve of {curve.title} on other data ({curve.dataset}, "
                f"{curve.fingerprint}): compare curves on one dataset"
            )
