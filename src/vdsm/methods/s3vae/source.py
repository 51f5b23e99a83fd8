"""Segments of clips with what is known of their motion."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vdsm.data.clips import Floats, Frames
from vdsm.device import as_video, send
from vdsm.methods.parts.recipe import SETTING
from vdsm.methods.s3vae.labels import Cells, Landmarks
from vdsm.notation import Share, Video
from vdsm.train.batches import ALL, Individuals, SegmentSampler
from vdsm.train.stage import Opening


class LabelledSampler(SegmentSampler):
    """Random segments, and a label of every frame of them."""

    def __init__(self, individuals: Individuals, frames: int, labels: Cells | Landmarks) -> None:
        super().__init__(individuals, frames, setting=SETTING)
        self.labels = labels

    def labelled(
        self, rng: np.random.Generator, batch: int, mine: slice = ALL
    ) -> tuple[Frames, Floats]:
        """uint8 [B, T, H, W, C] and their labels [B, T, M]."""
        clips, starts = (of[mine] for of in self.choose(rng, batch))
        x = self.clips.batch(clips, starts, self.frames)
        rows = zip(clips.tolist(), starts.tolist(), x, strict=True)
        return x, np.stack([self.labels.of(clip, start, frames) for clip, start, frames in rows])


@dataclass(frozen=True)
class LabelledSource:
    """Clips as floats in [0, 1], and labels."""

    sampler: LabelledSampler
    device: torch.device
    prefetch: bool = True

    @classmethod
    def open(cls, opening: Opening) -> "LabelledSource":
        """As a stage's `source`."""
        assert isinstance(opening.sampler, LabelledSampler)
        return cls(opening.sampler, opening.device)

    def draw(self, rng: np.random.Generator, rows: int, mine: slice) -> tuple[Frames, Floats]:
        """On the host: the rows that this process reads."""
        return self.sampler.labelled(rng, rows, mine)

    def batch(
        self, drawn: tuple[Frames, Floats], noise: Share, values: Mapping[str, float]
    ) -> tuple[Video, Tensor]:
        """[B, T, C, H, W] and [B, T, M] on the device."""
        frames, labels = drawn
        return as_video(frames, self.device), send(torch.from_numpy(labels).float(), self.device)
