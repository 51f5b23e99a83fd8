"""DiffSDA's one loss: every frame with noise on it is to be told from its clip's codes."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.methods.diffsda.model import DATA, DiffSDA, ModelConfig
from vdsm.methods.parts.presets import DEBUG as SHORT
from vdsm.methods.parts.presets import FRAMES
from vdsm.methods.parts.recipe import SegmentConfig, frames, presets, segments
from vdsm.notation import Video, draw
from vdsm.train.method import Method
from vdsm.train.optimizer import OPTIMIZERS, Make, adam
from vdsm.train.pictures import paint_animations
from vdsm.train.stage import Player, Schedule, Stage, Terms

MEAN, DEVIATION = -1.2, 1.2  # of log σ in training
PAINTED = 3  # clips of a picture, since each frame takes many calls


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of DiffSDA."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: SegmentConfig = Field(default_factory=SegmentConfig, description="segments of clips")


def bound(model: DiffSDA, x: Video, generator: torch.Generator) -> Terms:
    """λ(σ) |D(x_t + σ ε; σ, s, d_t) - x_t|², log σ ~ N(P_mean, P_std²), a level of every frame.

    λ = (σ² + σ_data²) / (σ σ_data)², so that every level weighs the same at first.
    """
    clean = 2 * x - 1
    s, z = model.encoder(clean)
    codes = torch.cat([s[:, None].expand(-1, z.shape[1], -1), z], -1).flatten(0, 1)
    sigma = (MEAN + DEVIATION * draw(torch.randn, x.shape[:2], generator, x)).exp().flatten()
    noise = draw(torch.randn, tuple(x.shape), generator, x).flatten(0, 1)
    wanted = clean.flatten(0, 1)
    found = model.denoised(wanted + sigma[:, None, None, None] * noise, sigma, codes)
    weight = (sigma.square() + DATA**2) / (sigma * DATA).square()
    error = weight * (found - wanted).square().flatten(1).mean(1)
    return {"denoising": error.view(x.shape[:2]).mean(1)}


def paint(model: Any, clips: Video, begin: Path) -> None:
    """Of few clips: drawn again, and swapped."""
    paint_animations(model, clips[:PAINTED], begin)


def optimizer(config: Config) -> Make:
    """Adam with a little weight decay, or Muon."""
    if config.train.optimizer == "muon":
        return OPTIMIZERS["muon"]
    return partial(adam, weight_decay=1e-5)


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player."""
    player = Player("loss", lambda model: [model], bound, optimizer(config))
    weights = Schedule({"denoising": 1.0})
    return segments(config.train, config, (player,), lambda _: weights, paint)


# The authors: AdamW 1e-4, warmed up, then a cosine; clip 1; 1,600 epochs of MUG in batches of 8.
PAPER: dict[str, Any] = {
    "train.lr": 1e-4,
    "train.batch": 8,
    "train.steps": 600_000,
    "train.warmup": 5000,
    "train.decay": 1.0,
    "train.clip": 1.0,
}
COMPACT: dict[str, Any] = {
    "model.width": 16,
    "model.blocks": 1,
    "model.hidden": 64,
    "model.identity_dim": 64,
    "model.pose_dim": 16,
    "model.steps": 9,
    "train.lr": 1e-3,
    "train.batch": 8,
    "train.steps": 4000,
    "train.warmup": 100,
    "train.decay": 0.7,
    "train.clip": 1.0,
}
DEBUG: dict[str, Any] = {**COMPACT, **SHORT, "model.steps": 2, "train.warmup": 2}
TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "compact": {name: {**COMPACT, "train.frames": t} for name, t in FRAMES.items()}
    | {"debug": DEBUG},
    "paper": {name: {**PAPER, "train.frames": t} for name, t in FRAMES.items()},
}

METHOD = Method(
    name="diffsda",
    title="DiffSDA",
    paper="Zisling, Naiman, Berman, Suwajanakorn, Azencot: DiffSDA: Unsupervised Diffusion "
    "Sequential Disentanglement Across Modalities, ICLR 2026",
    config=Config,
    build=DiffSDA,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    changes=(
        "frames are drawn from one and the same noise, not from that of the clip run back, which "
        "would carry the clip past the codes",
        "the second diffusion model, of codes, whose training was not published, is left out: it "
        "has no prior and draws nobody new",
        "there is no dropout; weight decay is Adam's own, not decoupled",
        "the noise level is told by sines and cosines beside the codes, through one network",
        "places attend to one another after one halving and at the lowest resolution",
        "frames alone, of pixels: what the paper does of sounds and series, and of latents of "
        "large frames, is left out",
        "compact presets: a quarter of the channels and of the codes, one block at a resolution, 9 "
        "noise levels, ten times the rate",
    ),
    published=(("mug", "action right, identity from the prior", 0.8115, "C-DSVAE's protocol"),),
)
