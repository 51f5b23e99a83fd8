"""A run that keeps its weights at every checkpoint, beside what training has cost by then."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from vdsm.store import weights
from vdsm.store.run import Run

COSTS = ("clips_seen", "cpu_seconds", "seconds")  # of a line of metrics


@dataclass(frozen=True)
class Kept:
    """Weights in a folder, and what they cost."""

    folder: Path
    clips_seen: int
    cpu_seconds: float
    seconds: float


@dataclass
class Told:
    """The newest line of metrics, and what the process had computed when it was written."""

    costs: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(COSTS, 0))
    at: float = field(default_factory=time.process_time)

    def take(self, record: Mapping[str, Any]) -> None:
        """As `Events.on_metrics` wants it."""
        self.costs = {name: record[name] for name in COSTS}
        self.at = time.process_time()


@dataclass(frozen=True)
class KeptRun(Run):
    """A run whose `told` is to be shown all metrics; a line of them must precede a checkpoint."""

    told: Told = field(default_factory=Told)
    kept: list[Kept] = field(default_factory=list)

    def save_weights(self, model: nn.Module) -> None:
        """Those of a moment replace those kept before it that had seen as many clips.

        So what is fitted after the last step, and its time, go to the last point.
        """
        since = time.process_time() - self.told.at if self.told.costs["clips_seen"] else 0.0
        super().save_weights(model)
        seen = int(self.told.costs["clips_seen"])
        if self.kept and self.kept[-1].clips_seen == seen:
            self.kept.pop()
        folder = self.path / "kept" / str(len(self.kept))
        weights.save(model, folder)
        cpu = self.told.costs["cpu_seconds"] + since
        self.kept.append(Kept(folder, seen, cpu, self.told.costs["seconds"]))
