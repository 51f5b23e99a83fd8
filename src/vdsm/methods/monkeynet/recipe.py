"""MonkeyNet's losses: a frame of a clip drawn from another one of it (Sec. 3.5)."""

from collections.abc import Mapping
from dataclasses import dataclass as plain
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.methods.monkeynet.keypoints import Frames, Keypoints
from vdsm.methods.monkeynet.model import ModelConfig, MonkeyNet
from vdsm.methods.parts.presets import DEBUG as SHORT
from vdsm.methods.parts.presets import FRAMES
from vdsm.methods.parts.recipe import SETTING, SegmentConfig, frames, one_by_one, presets, segments
from vdsm.notation import Video
from vdsm.train.batches import ALL, Drawn, Sampler, SegmentSampler
from vdsm.train.method import Method
from vdsm.train.optimizer import OPTIMIZERS, Make, adam
from vdsm.train.pictures import paint_animations
from vdsm.train.stage import Player, Schedule, Stage, Terms


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of MonkeyNet."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: SegmentConfig = Field(
        default_factory=SegmentConfig, description="pairs of frames of a segment of a clip"
    )


# -- pairs -----------------------------------------------------------------------------------------


class PairSampler(SegmentSampler):
    """Two different frames, in either order, of a random segment of a random training clip."""

    def draw(self, rng: np.random.Generator, batch: int, mine: slice = ALL) -> Drawn:
        clips, starts = self.choose(rng, batch)
        one = rng.integers(0, self.frames, batch)
        other = (one + rng.integers(1, self.frames, batch)) % self.frames
        pair = [self.clips.batch(clips[mine], (starts + i)[mine], 1) for i in (one, other)]
        return Drawn(np.concatenate(pair, 1))


def pairs(config: Config, clips: Clips) -> Sampler:
    """InputError where there are no two frames of a clip to learn from."""
    people = one_by_one(clips, config)
    if clips.table.length[people.all].max() < 2:
        raise InputError(
            f"training clips of {clips.info.name} have 1 frame each: MonkeyNet learns how one "
            "frame of a clip becomes another, so make clips of several frames"
        )
    if config.train.frames < 2:
        raise InputError(
            "MonkeyNet takes pairs of frames from segments of 2 frames or more, not 1: raise "
            f"--{SETTING}"
        )
    return PairSampler(people, config.train.frames, setting=SETTING)


def most_halvings(size: int) -> int:
    """Times that frames of a size can be halved, so that 2 x 2 pixels are left."""
    return size.bit_length() - 2


def require_halvings(c: ModelConfig) -> None:
    """InputError where the U-Nets would halve frames to less than 2 x 2."""
    most = most_halvings(c.size)
    if c.halvings > most:
        raise InputError(
            f"MonkeyNet can halve frames of {c.size} pixels {most} times, not {c.halvings}: lower "
            "--model.halvings"
        )


def adapt(preset: Config, asked: Config, clips: Clips) -> Config:
    """The preset with as many halvings as the frames allow."""
    halvings = min(preset.model.halvings, most_halvings(preset.model.size))
    return replace(preset, model=replace(preset.model, halvings=halvings))


# -- losses ----------------------------------------------------------------------------------------


@plain(frozen=True)
class Redrawn:
    """The second frame of every pair as it is drawn from the first, and its keypoints."""

    frame: Frames
    points: Keypoints


def redrawn(model: MonkeyNet, x: Video) -> Redrawn:
    """Of pairs [B, 2, C, H, W]."""
    found = model.detector(x.flatten(0, 1))
    source, target = found[0::2], found[1::2]
    return Redrawn(model.draw(x[:, 0], source, target), target)


def critic(model: MonkeyNet, x: Video, noise: torch.Generator) -> Terms:
    """(D(x' ⊕ H') - 1)² + D(x̂' ⊕ H')²."""
    with torch.no_grad():
        made = redrawn(model, x)
        maps = model.maps(made.points)
    return {
        "real": (model.critic(x[:, 1], maps)[0] - 1).square().mean(1),
        "made": model.critic(made.frame, maps)[0].square().mean(1),
    }


def generator(model: MonkeyNet, x: Video, noise: torch.Generator) -> Terms:
    """(D(x̂' ⊕ H') - 1)², and |D_i(x̂' ⊕ H') - D_i(x' ⊕ H')| over layers i.

    Keypoints hear of it through what is drawn alone, not through the H' that D sees.
    """
    made, real = redrawn(model, x), x[:, 1]
    maps = model.maps(made.points.detach())
    scores, features = model.critic(made.frame, maps)
    with torch.no_grad():
        _, wanted = model.critic(real, maps)
    apart = [(a - b).abs().flatten(1).mean(1) for a, b in zip(features, wanted, strict=True)]
    return {
        "told": (scores - 1).square().mean(1),
        "pixels": (made.frame - real).abs().flatten(1).mean(1),
        "features": torch.stack(apart).sum(0),
    }


WEIGHTS: Mapping[str, float] = {
    "critic.real": 1.0,
    "critic.made": 1.0,
    "generator.told": 1.0,
    "generator.pixels": 10.0,  # λ_rec; D_0 is the frame
    "generator.features": 10.0,
}


def optimizer(config: Config) -> Make:
    """Adam with β_1 of .5, or Muon."""
    if config.train.optimizer == "muon":
        return OPTIMIZERS["muon"]
    return partial(adam, betas=(0.5, 0.999))


def stages(config: Config) -> tuple[Stage]:
    """One stage, two players."""
    require_halvings(config.model)
    players = (
        Player("critic", lambda m: [m.critic], critic, partial(adam, betas=(0.5, 0.999))),
        Player("generator", lambda m: m.drawing, generator, optimizer(config)),
    )
    (stage,) = segments(
        config.train, config, players, lambda _: Schedule(WEIGHTS), paint_animations
    )
    return (replace(stage, sampler=partial(pairs, config)),)


# -- presets ---------------------------------------------------------------------------------------

COMPACT: dict[str, Any] = {
    "model.keypoints": 6,
    "model.width": 8,
    "model.most": 128,
    "model.halvings": 4,
    "model.refinements": 2,
    "model.critic_most": 128,
    "model.alpha": 1.0,
    "train.lr": 1e-3,
    "train.batch": 16,
    "train.decay": 0.5,
}
STEPS: Mapping[str, int] = dict.fromkeys(FRAMES, 4000) | {"pendulum": 1000}
# Pendula all hang from one place (docs/log/2026-11-30-monkeynet.md).
OWN: Mapping[str, dict[str, Any]] = {"pendulum": {"model.transfer": "absolute"}}
# Of the authors' 4,500 epochs of Weizmann's 54 clips in batches of 32, a third at a tenth of 2e-4.
PAPER: dict[str, Any] = {
    "train.lr": 2e-4,
    "train.batch": 32,
    "train.steps": 7600,
    "train.decay": 1 / 3,
}
DEBUG: dict[str, Any] = {**COMPACT, **SHORT, "model.keypoints": 3}
TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "compact": {
        name: {**COMPACT, "train.frames": length, "train.steps": STEPS[name]} | OWN.get(name, {})
        for name, length in FRAMES.items()
    }
    | {"debug": DEBUG},
    "paper": {name: {**PAPER, "train.frames": length} for name, length in FRAMES.items()},
}

METHOD = Method(
    name="monkeynet",
    title="MonkeyNet",
    paper="Siarohin, Lathuilière, Tulyakov, Ricci, Sebe: Animating Arbitrary Objects via Deep "
    "Motion Transfer, CVPR 2019",
    config=Config,
    build=MonkeyNet,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    adapt=adapt,
    changes=(
        "it has no code of who and no prior: the identity's first frame is animated, so nobody "
        "new is drawn; the recurrent network that goes on from one frame is left out",
        "pairs are of a segment of train.frames, so that it sees no more of a clip than the others",
        "clips are not mirrored, cropped, turned or recoloured",
        "heat maps are found by U-Nets of 2D convolutions, and the flow's without groups of "
        "channels for each keypoint",
        "both variances of a keypoint have those of a pixel added",
        "the residual flow is 0 at first; beyond its edge a frame goes on as there",
        "features are compared by the mean difference of each layer, all of weight 10",
        "frames of 32 pixels: the U-Nets halve 4 times and the critic 3 times",
        "compact presets: 6 keypoints, a quarter of the channels, α = 1, five times the rate; of "
        "pendula absolute positions, as the paper takes for MGif",
    ),
)
