"""The bound of a stage on clips for validation, beside the average frame: does it learn, and still?

The same batches and the same noise at every step that asks, so that bounds can be compared; the
weights are those that the stage ends with. A dataset without clips for validation has none: nothing
is stopped on account of clips for the test.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vdsm.config import RunConfig
from vdsm.data.clips import SPLITS, Clips, Frames, Ints
from vdsm.device import as_video, autocast
from vdsm.errors import InputError
from vdsm.notation import Share
from vdsm.train.batches import seed_of
from vdsm.train.stage import Opening, Source, Stage, weighted

LEAST_STEPS = 400  # before a stage is asked whether it learns anything
CHECKS = 20  # times in a stage that its bound is asked for
BATCHES = 4
MEAN_CLIPS = 64  # of which the average frame is taken
LIKELIHOOD = "log_likelihood"
TRAIN, VALIDATION = SPLITS.index("train"), SPLITS.index("validation")


class ForValidation(Clips):
    """Clips for validation in the place of those for training, as a sampler takes them."""

    def __init__(self, clips: Clips) -> None:
        split = np.where(clips.table.split == VALIDATION, TRAIN, SPLITS.index("test"))
        super().__init__(clips.info, replace(clips.table, split=split), clips.path)
        self.clips = clips

    def read(self, clip: int, start: int, frames: int) -> Frames:
        return self.clips.read(clip, start, frames)

    def batch(self, clips: Ints, starts: Ints, frames: int) -> Frames:
        return self.clips.batch(clips, starts, frames)


@dataclass(frozen=True)
class Fixed:
    """Batches that are the same whenever they are asked for."""

    source: Source
    drawn: list[Any]
    rows: int
    seed: int

    @classmethod
    def draw(cls, source: Source, rows: int, seed: int) -> "Fixed":
        rng = np.random.default_rng(seed)
        return cls(
            source, [source.draw(rng, rows, slice(0, rows)) for _ in range(BATCHES)], rows, seed
        )


class HeldOut:
    """What a stage is asked about as it goes on."""

    def __init__(self, stage: Stage, clips: Clips, opening: Opening, config: RunConfig) -> None:
        self.stage, self.clips, self.opening = stage, clips, opening
        self.seed = seed_of(config.seed, opening.seed, 2)
        validation = ForValidation(clips)
        held = replace(opening, sampler=stage.sampler(validation))
        self.held = Fixed.draw(stage.source(held), stage.settings.batch, self.seed)
        self.player = stage.players[0]
        self.end = stage.weights(self.player, stage.schedule(1.0))

    @torch.no_grad()
    def bound(self) -> float:
        """Per sequence, by the weights that the stage ends with."""
        return self._mean(self.held, lambda batch, terms: -weighted(terms, self.end))

    @torch.no_grad()
    def gains(self, source: Source) -> tuple[float, float]:
        """By how much log p(x) beats the average training frame's: training and held-out clips."""
        null, mean = self.stage.null, average_frame(self.clips).to(self.opening.device)
        assert null is not None

        def gain(batch: Any, terms: Any) -> Tensor:
            found: Tensor = terms[LIKELIHOOD] - null(self.opening.model, batch, mean)
            return found.mean()

        taught = Fixed.draw(source, self.stage.settings.batch, self.seed + 1)
        return self._mean(taught, gain), self._mean(self.held, gain)

    def _mean(self, fixed: Fixed, value: Any) -> float:
        model, found = self.opening.model, []
        training = model.training
        model.eval()
        values = self.opening.values
        for number, drawn in enumerate(fixed.drawn):
            noise = Share(self.opening.device)
            noise.rows, noise.mine = fixed.rows, slice(0, fixed.rows)
            noise.manual_seed(seed_of(fixed.seed, number))
            batch = fixed.source.batch(drawn, noise, values)
            with autocast(self.opening.device, self.opening.bf16):
                terms = self.player.bound(model, batch, noise)
            found.append(float(value(batch, terms)))
        model.train(training)
        return float(np.mean(found))


def held_out(stage: Stage, clips: Clips, opening: Opening, config: RunConfig) -> HeldOut | None:
    """None where the stage asks for nothing, has several players, or no clip is for validation."""
    s = stage.settings
    asks = s.patience > 0 or (s.give_up > 0 and stage.null is not None and s.steps >= LEAST_STEPS)
    if not asks or len(stage.players) > 1 or not len(clips.select("validation")):
        return None
    try:
        return HeldOut(stage, clips, opening, config)
    except InputError:  # too few clips for validation, or too short ones
        return None


def average_frame(clips: Clips) -> Tensor:
    """[C, H, W] over training clips."""
    train = clips.select("train")
    chosen = train[np.linspace(0, len(train) - 1, min(len(train), MEAN_CLIPS)).astype(int)]
    frames = [as_video(np.array(clips.whole(int(c))[None]))[0].mean(0) for c in chosen]
    return torch.stack(frames).mean(0)
