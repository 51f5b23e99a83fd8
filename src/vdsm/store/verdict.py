"""`verdict.json` of a run: three lines in plain words, and the figures behind them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from vdsm.config import build
from vdsm.files import atomic_write, read_json
from vdsm.store.weights import digest, load

FILE = "verdict.json"


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class Verdict:
    """How well a run draws, whether its codes came apart, and what to try next."""

    lines: list[str] = Field(description="three sentences, or the one that says why there are none")
    figures: dict[str, Any] = Field(default_factory=dict, description="by name, nested")
    split: str = Field(default="", description="whose clips were looked at")
    clips: int = Field(default=0, description="how many of them")
    weights: str = Field(default="", description="digest of the weights that were looked at")
    seconds: float = Field(default=0.0, description="that it took")


def write(verdict: Verdict, folder: Path) -> None:
    """Store it with its run."""
    atomic_write(folder / FILE, json.dumps(asdict(verdict), indent=2).encode())


def read(folder: Path) -> Verdict | None:
    """That of a run; None where there is none, or it is of other weights than the run has now."""
    if not (folder / FILE).exists():
        return None
    found = build(Verdict, read_json(folder / FILE), str(folder / FILE))
    return found if found.weights == digest(load(folder).tensors) else None
