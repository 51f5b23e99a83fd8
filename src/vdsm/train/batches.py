"""Which frames a step sees: a pure function of dataset, seed, stage and step."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vdsm.data.cells import Mask
from vdsm.data.clips import Clips, Frames, Ints
from vdsm.errors import InputError


class Sampler(Protocol):
    """Draws the batch of one step."""

    def draw(self, rng: np.random.Generator, batch: int) -> Frames:
        """uint8 [batch, T, H, W, C]."""
        ...


class GroupSampler:
    """Stage 1: frames of one individual in no order, from any of their training clips.

    Clips where `out` is true are left out.
    """

    def __init__(self, clips: Clips, out: Mask, frames: int, group_by: str) -> None:
        self.clips, self.frames = clips, frames
        train = clips.select("train")
        train = train[~out[train]]
        if len(train) == 0:
            raise InputError(f"{clips.info.name} has no training clips")
        group = clips.table.group[train] if group_by == "group" else train
        order = np.argsort(group, kind="stable")
        _, first = np.unique(group[order], return_index=True)
        self.members: list[Ints] = np.split(train[order], first[1:])

    def draw(self, rng: np.random.Generator, batch: int) -> Frames:
        groups = rng.choice(len(self.members), batch, replace=batch > len(self.members))
        clips = np.concatenate([rng.choice(self.members[group], self.frames) for group in groups])
        starts = rng.integers(0, self.clips.table.length[clips])
        frames = self.clips.batch(clips, starts, 1)
        return frames.reshape(batch, self.frames, *frames.shape[2:])


class SegmentSampler:
    """Stage 2: a random segment of a random training clip, frames in order."""

    def __init__(self, clips: Clips, out: Mask, frames: int) -> None:
        self.clips, self.frames = clips, frames
        pool = clips.select("train", min_length=frames)
        self.pool = pool[~out[pool]]
        if len(self.pool) == 0:
            longest = int(clips.table.length.max())
            raise InputError(
                f"no training clip of {clips.info.name} has {frames} frames (the longest of all "
                f"has {longest}): lower --stage2.frames"
            )

    def draw(self, rng: np.random.Generator, batch: int) -> Frames:
        clips = rng.choice(self.pool, batch, replace=batch > len(self.pool))
        starts = rng.integers(0, self.clips.table.length[clips] - self.frames + 1)
        return self.clips.batch(clips, starts, self.frames)


def as_video(frames: Frames, device: torch.device | str = "cpu") -> Tensor:
    """uint8 [B, T, H, W, C] to float [B, T, C, H, W] in [0, 1], keeping channels last in memory."""
    return torch.from_numpy(frames).to(device).permute(0, 1, 4, 2, 3).float() / 255


def step_seed(*key: int) -> int:
    """A seed that is a function of (seed, stage, step, attempt) and of nothing else."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
