"""MoCoGAN: two critics and a generator take turns (Tulyakov et al., CVPR 2018, Eq. 4)."""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.methods.mocogan.model import MoCoGAN, ModelConfig
from vdsm.methods.parts.critics import BY_SLOPE, HELD_BACK, CriticsConfig, one_frame, told_real
from vdsm.methods.parts.presets import DEBUG as SHORT
from vdsm.methods.parts.recipe import SegmentConfig, frames, presets, segments
from vdsm.notation import Video
from vdsm.train.batches import Sampler
from vdsm.train.method import Method
from vdsm.train.optimizer import adam
from vdsm.train.pictures import paint_samples
from vdsm.train.stage import Player, Schedule, Stage, Terms


@dataclass(frozen=True, config=STRICT)
class TrainConfig(CriticsConfig, SegmentConfig):
    """The one stage."""


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of MoCoGAN."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="segments of clips")


def drawn(model: MoCoGAN, x: Video, generator: torch.Generator) -> Video:
    """As many clips, as long, in [-1, 1]."""
    motion = model.motion(len(x), x.shape[1], generator)
    return model.frames_of(model.content(len(x), generator), motion)


def frame_critic(train: CriticsConfig, model: MoCoGAN, x: Video, noise: torch.Generator) -> Terms:
    """-log D_I(frame) - log(1 - D_I(frame drawn))."""
    with torch.no_grad():
        made = one_frame(drawn(model, x, noise), noise)
    real = one_frame(2 * x - 1, noise)
    return train.told(lambda frames: model.frame_critic(frames, noise), real, made)


def clip_critic(train: CriticsConfig, model: MoCoGAN, x: Video, noise: torch.Generator) -> Terms:
    """-log D_V(clip) - log(1 - D_V(clip drawn))."""
    with torch.no_grad():
        made = drawn(model, x, noise)
    return train.told(lambda clips: model.clip_critic(clips, noise), 2 * x - 1, made)


def generator(model: MoCoGAN, x: Video, noise: torch.Generator) -> Terms:
    """-log D_I(frame drawn) - log D_V(clip drawn)."""
    made = drawn(model, x, noise)
    return {
        "frame": told_real(model.frame_critic(one_frame(made, noise), noise)),
        "clip": told_real(model.clip_critic(made, noise)),
    }


def stages(config: Config) -> tuple[Stage]:
    """One stage, three players; Adam with β_1 of .5 and a little weight decay."""
    optimizer = partial(adam, betas=(0.5, 0.999), weight_decay=1e-5)
    train = config.train
    of_frames, of_clips = partial(frame_critic, train), partial(clip_critic, train)
    rates = train.rates
    players = (
        Player("frame_critic", lambda m: [m.frame_critic], of_frames, optimizer, relative=rates),
        Player("clip_critic", lambda m: [m.clip_critic], of_clips, optimizer, relative=rates),
        Player("generator", lambda m: m.generator, generator, optimizer),
    )
    weights = train.weights("frame_critic", "clip_critic")
    weights |= {"generator.frame": 1.0, "generator.clip": 1.0}
    (stage,) = segments(train, config, players, lambda _: Schedule(weights), paint_samples)
    return (long_enough(stage, config),)


def long_enough(stage: Stage, config: Config) -> Stage:
    """The stage, whose clips must have as many frames as D_V takes."""
    fewest = MoCoGAN(config.model).clip_critic.fewest

    def sampler(clips: Clips) -> Sampler:
        if config.train.frames < fewest:
            raise InputError(
                f"MoCoGAN's critic of clips takes {fewest} frames or more, not "
                f"{config.train.frames}: raise --train.frames, or lower --model.time_kernel"
            )
        return stage.sampler(clips)

    return replace(stage, sampler=sampler)


# The paper: Adam 2e-4, 100,000 batches of 32 clips of 16 frames.
PAPER: dict[str, Any] = {"train.lr": 2e-4, "train.batch": 32, "train.steps": 100_000}
# Compact: critics that win within twenty steps are held back (docs/log/2026-11-29-critics.md).
COMPACT: dict[str, Any] = {
    **HELD_BACK,
    "model.width": 16,
    "train.batch": 16,
    "train.frames": 16,
}
DATASETS: dict[str, dict[str, Any]] = {
    "pendulum": {"train.steps": 6000},
    "sprites": {"model.time_kernel": 2, "train.frames": 8, "train.steps": 10_000},
    "moving-mnist": {"train.steps": 6000},
    "weizmann": {"train.steps": 6000},
    "faces": {"train.steps": 6000},
    "people": {"train.steps": 6000},
    "folder": {"train.steps": 6000},
}
DEBUG: dict[str, Any] = {**COMPACT, **SHORT, "model.time_kernel": 2}
TABLES = {
    "compact": {name: {**COMPACT, **table} for name, table in DATASETS.items()} | {"debug": DEBUG},
    "paper": {name: {"train.frames": 16, **table, **PAPER} for name, table in DATASETS.items()},
}

METHOD = Method(
    name="mocogan",
    title="MoCoGAN",
    paper="Tulyakov, Liu, Yang, Kautz: MoCoGAN, CVPR 2018",
    config=Config,
    build=MoCoGAN,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    changes=(
        BY_SLOPE,
        "categories, which take labels that the other methods do not get, are left out",
        "clips of 8 frames: the kernel of the clip critic sees 2 frames a layer, not 4",
        "frames of the frame critic are one of each clip of the batch",
    ),
    published=(
        ("sprites", "action right, identity redrawn", 0.9289, "its own draws, S3VAE's table"),
        ("mug", "action right, identity redrawn", 0.6312, "its own draws, S3VAE's table"),
    ),
)
