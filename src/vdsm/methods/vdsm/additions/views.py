"""What a step sees of frames: drawn from clips, in other colours, redrawn as somebody else."""

from dataclasses import dataclass

import numpy as np
import torch

from vdsm.data.clips import Frames
from vdsm.device import as_video, autocast
from vdsm.methods.vdsm.additions.augment import other_colours
from vdsm.methods.vdsm.additions.swap_augment import redraw
from vdsm.methods.vdsm.config import SeparationConfig
from vdsm.methods.vdsm.elbo import Reference
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Share, Video
from vdsm.train.batches import Drawn, Sampler
from vdsm.train.step import Batch


@dataclass(frozen=True)
class FrameSource:
    """Batches of a stage. What is redrawn is drawn by the model as it is."""

    sampler: Sampler
    model: VDSM
    apart: SeparationConfig
    device: torch.device
    bf16: bool
    changed: bool = True  # whether q(z) and q(d) see other frames, where the run asks for it

    def draw(self, rng: np.random.Generator, rows: int, mine: slice) -> Drawn:
        """On the host: what a process reads of a batch."""
        return self.sampler.draw(rng, rows, mine)

    def batch(self, drawn: Drawn, noise: Share, redrawn: float) -> Batch:
        """On the device: what was drawn, of which a share is `redrawn`."""
        x, reference = self.video(drawn.x), self.video(drawn.reference)
        second, stranger = self.video(drawn.second), self.video(drawn.stranger)
        assert x is not None
        seen = self.view(x, stranger, noise, redrawn, noise.mine.start) if self.changed else None
        return Batch(x, seen, reference, second)

    def video(self, frames: Frames | None) -> Video | None:
        """On the device, in [0, 1]."""
        return None if frames is None else as_video(frames, self.device)

    def view(
        self,
        x: Video,
        stranger: Reference | None,
        generator: torch.Generator,
        redrawn: float,
        first: int = 0,
    ) -> Video | None:
        """x as q(z) and q(d) are to see it; None where that is as it is."""
        seen = other_colours(x, self.apart, generator)
        if stranger is None:
            return seen
        with autocast(self.device, self.bf16):
            return redraw(self.model, x if seen is None else seen, stranger, redrawn, first)
