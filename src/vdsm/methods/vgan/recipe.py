"""VGAN: a critic and a generator take turns (Vondrick et al., NeurIPS 2016, Eq. 1)."""

from functools import partial

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.methods.parts.critics import CriticsConfig, told_real
from vdsm.methods.parts.fixed import frames, tables, whole_clips
from vdsm.methods.parts.recipe import presets
from vdsm.methods.vgan.model import VGAN, ModelConfig, composed
from vdsm.notation import Video
from vdsm.train.method import Method
from vdsm.train.optimizer import adam
from vdsm.train.stage import Player, Stage, Terms


@dataclass(frozen=True, config=STRICT)
class TrainConfig(CriticsConfig):
    """The one stage."""

    mask: float = Field(default=0.1, ge=0, description="weight of the mask's mean, which is small")


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of VGAN."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="clips against draws")


def critic(train: CriticsConfig, model: VGAN, x: Video, noise: torch.Generator) -> Terms:
    """-log D(clip) - log(1 - D(clip drawn))."""
    with torch.no_grad():
        made = model.clips_of(model.latent(len(x), noise))
    return train.told(model.critic, 2 * x - 1, made)


def generator(model: VGAN, x: Video, noise: torch.Generator) -> Terms:
    """-log D(clip drawn), and the mask's L1 norm per pixel (Sec. 2.2)."""
    foreground, mask, background = model.streams(model.latent(len(x), noise))
    return {
        "clip": told_real(model.critic(composed(foreground, mask, background))),
        "mask": mask.flatten(1).mean(1),
    }


def stages(config: Config) -> tuple[Stage]:
    """One stage, two players; Adam with β_1 of .5."""
    optimizer = partial(adam, betas=(0.5, 0.999))
    train = config.train
    taught = partial(critic, train)
    players = (
        Player("critic", lambda m: [m.critic], taught, optimizer, relative=train.rates),
        Player("generator", lambda m: m.generator, generator, optimizer),
    )
    weights = train.weights("critic") | {"generator.clip": 1.0, "generator.mask": train.mask}
    return whole_clips(train, config, players, weights)


# The paper: Adam 2e-4, batches of 64 clips; for how long it does not say: MoCoGAN's 100,000.
TABLES = tables(
    compact={"model.width": 16, "train.lr": 2e-4, "train.batch": 16},
    paper={"train.lr": 2e-4, "train.batch": 64, "train.steps": 100_000},
)

METHOD = Method(
    name="vgan",
    title="VGAN",
    paper="Vondrick, Pirsiavash, Torralba: Generating Videos with Scene Dynamics, NeurIPS 2016",
    config=Config,
    build=VGAN,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    changes=(
        "clips of 16 frames, whose first temporal kernel is 1, not 2; --model.frames 32 is the "
        "paper's",
        "clips of 8 frames: the first doubling of space does not double time",
        "the norm of the mask is per pixel, since the paper does not say over what it is summed",
        "the critic has one score, whose sigmoid is the softmax of the paper's two",
    ),
)
