"""What a step sees of frames: drawn from clips, in other colours, redrawn as somebody else."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vdsm.data.clips import Frames
from vdsm.device import as_video, autocast
from vdsm.methods.vdsm.additions.augment import other_colours, shifted_apart
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.additions.consistency import Clip
from vdsm.methods.vdsm.additions.swap_augment import swap_augment
from vdsm.methods.vdsm.config import AdditionsConfig
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Share, Video
from vdsm.train.batches import Drawn, Sampler

SHARE = "swap_augment"  # the schedule's value: share of rows that are redrawn


@dataclass(frozen=True)
class ViewSource:
    """Batches of a stage. What is redrawn is drawn by the model as it is."""

    sampler: Sampler
    model: VDSM
    additions: AdditionsConfig
    device: torch.device
    bf16: bool
    changed: bool = True  # whether q(z) and q(d) see other frames, where the run asks for it
    prefetch: bool = True

    def draw(self, rng: np.random.Generator, rows: int, mine: slice) -> Drawn:
        """On the host: what a process reads of a batch."""
        return self.sampler.draw(rng, rows, mine)

    def batch(self, drawn: Drawn, noise: Share, values: Mapping[str, float]) -> Views:
        """On the device: what was drawn, a share of it redrawn."""
        x, donor = as_video(drawn.target, self.device), self.video(drawn.donor)
        share, first = values.get(SHARE, 0.0), noise.mine.start
        view = self.view(x, donor, noise, share, first) if self.changed else None
        return Views(x, view, self.looks(drawn.identity_view, noise), self.video(drawn.positive))

    def looks(self, frames: Frames | None, noise: Share) -> Video | None:
        """Of whom q(s) sees other frames than are drawn: those, wherever they stand."""
        x = self.video(frames)
        if x is None or not self.additions.shift:
            return x
        return shifted_apart(x, self.additions.shift, noise)

    def video(self, frames: Frames | None) -> Clip | None:
        """On the device, in [0, 1]."""
        return None if frames is None else as_video(frames, self.device)

    def view(
        self,
        x: Video,
        donor: Clip | None,
        generator: torch.Generator,
        share: float,
        first: int = 0,
    ) -> Video | None:
        """x as q(z) and q(d) are to see it; None where that is as it is."""
        seen = other_colours(x, self.additions, generator)
        if donor is None:
            return seen
        with autocast(self.device, self.bf16):
            return swap_augment(self.model, x if seen is None else seen, donor, share, first)
