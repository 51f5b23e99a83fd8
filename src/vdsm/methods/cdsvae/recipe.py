"""C-DSVAE: the bound, less the information between s and z, and two contrasts (NeurIPS 2021)."""

from typing import Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.methods.cdsvae.model import CDSVAE, ModelConfig
from vdsm.methods.parts.augment import restyled, shuffled
from vdsm.methods.parts.losses import info_nce, information
from vdsm.methods.parts.presets import BY_MUON, CODES, tables
from vdsm.methods.parts.recipe import (
    SegmentConfig,
    by_one_player,
    finished,
    frames,
    presets,
    read_out,
)
from vdsm.notation import Video
from vdsm.train.method import Method
from vdsm.train.stage import Schedule, Stage, Terms

TEMPERATURE = 0.5  # τ


@dataclass(frozen=True, config=STRICT)
class TrainConfig(SegmentConfig):
    """Segments of clips, and the weights of what is not the bound."""

    content: float = Field(default=10.0, ge=0, description="weight of the contrast of s")
    motion: float = Field(default=10.0, ge=0, description="weight of the contrast of z")
    information: float = Field(default=1.0, ge=0, description="weight of I(s; z)")


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of C-DSVAE."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="segments of clips")


def bound(model: CDSVAE, x: Video, generator: torch.Generator) -> Terms:
    """The terms of the bound, I(s; z), and InfoNCE of both codes with those of positives."""
    q = model.infer(x, generator)
    same_content = model.infer(shuffled(x, generator), mean=True).s
    same_motion = model.infer(restyled(x, generator), mean=True).z
    return {
        "log_likelihood": model.likelihood(x, model.render(q.codes.s, q.codes.z)),
        "kl_s": q.s.kl(model.identity_prior(q.codes.s)),
        "kl_z": q.z.kl(model.prior(q.codes.z)).sum(1),
        "information": information(q.s, q.codes.s, q.z, q.codes.z),
        "content": info_nce(q.s.loc, same_content.loc, TEMPERATURE),
        "motion": info_nce(q.z.loc.flatten(1), same_motion.loc.flatten(1), TEMPERATURE),
    }


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player."""
    t = config.train
    weights = {"log_likelihood": 1.0, "kl_s": 1.0, "kl_z": 1.0}
    weights |= {"information": t.information, "content": t.content, "motion": t.motion}
    return (by_one_player(config, bound, lambda _: Schedule(weights)),)


# The authors: Adam 1e-3, batches of 128, 100 epochs of the 9,000 clips of sprites; s 256, z 32.
PAPER: dict[str, Any] = {"train.lr": 1e-3, "train.batch": 128, "train.steps": 7_000}
TABLES = tables(CODES, PAPER)

METHOD = Method(
    name="cdsvae",
    title="C-DSVAE",
    paper="Bai, Wang, Gomes: Contrastively Disentangled Sequential Variational Autoencoder, "
    "NeurIPS 2021",
    config=Config,
    build=CDSVAE,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    read_out=read_out,
    finished=finished,
    changes=(
        BY_MUON,
        "the positive of the motion is the clip in other colours, cropped and blurred: that names "
        "what content is, which the other methods are not told (--train.motion 0 leaves it out)",
        "how much colours, crops and blurs change is ours: the paper's augmented clips are not "
        "published",
        "the contrasts compare posterior means",
        "I(s; z) is estimated for a frame at a time, without the constant log N of the size of "
        "the data, which has no gradient",
    ),
    published=(
        ("sprites", "action right, identity from the prior", 0.9999, "C-DSVAE's protocol"),
        ("mug", "action right, identity from the prior", 0.8116, "C-DSVAE's protocol"),
    ),
)
