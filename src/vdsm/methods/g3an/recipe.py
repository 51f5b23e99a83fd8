"""G3AN: two critics and a generator take turns (Wang et al., CVPR 2020, Eqs. 1 to 3)."""

from functools import partial

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.methods.g3an.model import G3AN, ModelConfig
from vdsm.methods.parts.critics import CriticsConfig, one_frame, told_real
from vdsm.methods.parts.fixed import frames, tables, whole_clips
from vdsm.methods.parts.recipe import presets
from vdsm.notation import Video
from vdsm.train.method import Method
from vdsm.train.optimizer import adam
from vdsm.train.stage import Player, Stage, Terms


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of G3AN."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: CriticsConfig = Field(default_factory=CriticsConfig, description="clips against draws")


def drawn(model: G3AN, x: Video, generator: torch.Generator) -> Video:
    """As many clips, in [-1, 1]."""
    return model.clips_of(*model.latents(len(x), generator))


def frame_critic(train: CriticsConfig, model: G3AN, x: Video, noise: torch.Generator) -> Terms:
    """-log D_I(frame) - log(1 - D_I(frame drawn))."""
    with torch.no_grad():
        made = one_frame(drawn(model, x, noise), noise)
    return train.told(model.frame_critic, one_frame(2 * x - 1, noise), made)


def clip_critic(train: CriticsConfig, model: G3AN, x: Video, noise: torch.Generator) -> Terms:
    """-log D_V(clip) - log(1 - D_V(clip drawn))."""
    with torch.no_grad():
        made = drawn(model, x, noise)
    return train.told(model.clip_critic, 2 * x - 1, made)


def generator(model: G3AN, x: Video, noise: torch.Generator) -> Terms:
    """-log D_I(frame drawn) - log D_V(clip drawn)."""
    made = drawn(model, x, noise)
    return {
        "frame": told_real(model.frame_critic(one_frame(made, noise))),
        "clip": told_real(model.clip_critic(made)),
    }


def stages(config: Config) -> tuple[Stage]:
    """One stage, three players; Adam with β_1 of .5."""
    optimizer = partial(adam, betas=(0.5, 0.999))
    train = config.train
    of_frames, of_clips = partial(frame_critic, train), partial(clip_critic, train)
    rates = train.rates
    players = (
        Player("frame_critic", lambda m: [m.frame_critic], of_frames, optimizer, relative=rates),
        Player("clip_critic", lambda m: [m.clip_critic], of_clips, optimizer, relative=rates),
        Player("generator", lambda m: [m.generator], generator, optimizer),
    )
    weights = train.weights("frame_critic", "clip_critic")
    weights |= {"generator.frame": 1.0, "generator.clip": 1.0}
    return whole_clips(train, config, players, weights)


# The paper: Adam 2e-4, batches of 96 clips of 16 frames, 5,000 epochs of its own sets of some
# hundred clips each; here MoCoGAN's 100,000 steps.
TABLES = tables(
    compact={"model.width": 16, "train.lr": 2e-4, "train.batch": 16},
    paper={"train.lr": 2e-4, "train.batch": 96, "train.steps": 100_000},
)

METHOD = Method(
    name="g3an",
    title="G3AN",
    paper="Wang, Bilinski, Bremond, Dantcheva: G3AN, CVPR 2020",
    config=Config,
    build=G3AN,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    changes=(
        "labels, which the other methods do not get, are left out",
        "the factorised self-attention of the fourth block is left out",
        "clips of 8 frames: the second block alone doubles time, from 4 frames; the critic's "
        "kernels see 3, 3, 2, 2 and 2 frames, where those of 16 frames see 4 each",
        "the critic of clips has convolutions in space and in time by turns for those in both",
    ),
)
