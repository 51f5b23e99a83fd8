"""Batches of frames, as every method but ours sees them: segments of clips, on the device."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vdsm.device import as_video
from vdsm.notation import Share, Video
from vdsm.train.batches import Drawn, Sampler
from vdsm.train.stage import Opening


@dataclass(frozen=True)
class ClipSource:
    """What the sampler draws, as floats in [0, 1]."""

    sampler: Sampler
    device: torch.device
    prefetch: bool = True

    @classmethod
    def open(cls, opening: Opening) -> "ClipSource":
        """As a stage's `source`."""
        return cls(opening.sampler, opening.device)

    def draw(self, rng: np.random.Generator, rows: int, mine: slice) -> Drawn:
        """On the host: the rows that this process reads."""
        return self.sampler.draw(rng, rows, mine)

    def batch(self, drawn: Drawn, noise: Share, values: Mapping[str, float]) -> Video:
        """[B, T, C, H, W] on the device."""
        return as_video(drawn.target, self.device)
