"""TGAN: a Wasserstein critic, whose layers are clipped, and a generator (Saito et al. 2017)."""

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig, StageConfig
from vdsm.methods.parts.clipping import clip
from vdsm.methods.parts.fixed import frames, tables, whole_clips
from vdsm.methods.parts.recipe import presets
from vdsm.methods.tgan.model import TGAN, ModelConfig
from vdsm.notation import Video
from vdsm.train.method import Method
from vdsm.train.optimizer import rmsprop
from vdsm.train.stage import Player, Stage, Terms

WEIGHTS = {"critic.real": 1.0, "critic.made": 1.0, "generator.clip": 1.0}


@dataclass(frozen=True, config=STRICT)
class TrainConfig(StageConfig):
    """The one stage."""

    clip_every: int = Field(
        default=5, ge=1, description="steps between clippings of the critic's singular values"
    )


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of TGAN."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="clips against draws")


def critic(model: TGAN, x: Video, generator: torch.Generator) -> Terms:
    """D(clip drawn) - D(clip): less the Wasserstein distance that D sees (Eq. 3)."""
    with torch.no_grad():
        made = model.clips_of(model.latent(len(x), generator))
    return {
        "real": -model.critic(2 * x - 1).float().mean(1),
        "made": model.critic(made).float().mean(1),
    }


def generator(model: TGAN, x: Video, noise: torch.Generator) -> Terms:
    """-D(clip drawn)."""
    made = model.clips_of(model.latent(len(x), noise))
    return {"clip": -model.critic(made).float().mean(1)}


def stages(config: Config) -> tuple[Stage]:
    """One stage, two players; RMSprop, and singular values clipped every so many steps."""
    every = config.train.clip_every

    def constrain(model: TGAN, step: int) -> None:
        if (step + 1) % every == 0:
            clip(model.critic)

    players = (
        Player("critic", lambda m: [m.critic], critic, rmsprop, after=constrain),
        Player("generator", lambda m: m.generator, generator, rmsprop),
    )
    return whole_clips(config.train, config, players, WEIGHTS)


# The paper: RMSprop 5e-5, batches of 32 clips of 16 frames; for how long: MoCoGAN's 100,000.
TABLES = tables(
    compact={"model.width": 16, "train.lr": 2e-4, "train.batch": 16},
    paper={"train.lr": 5e-5, "train.batch": 32, "train.steps": 100_000},
)

METHOD = Method(
    name="tgan",
    title="TGAN",
    paper="Saito, Matsumoto, Saito: Temporal Generative Adversarial Nets, ICCV 2017",
    config=Config,
    build=TGAN,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    changes=(
        "clips of 8 frames: one doubling of time less, and the critic's last halving of space "
        "halves no time",
        "weights start as DCGAN's, from N(0, .02²)",
        "compact sizes learn at 2e-4, four times the paper's rate",
    ),
)
