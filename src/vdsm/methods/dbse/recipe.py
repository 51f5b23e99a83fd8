"""DBSE: a weighted bound, to which the first frame adds a term of its own (ICLR 2024)."""

from typing import Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.methods.dbse.model import DBSE, ModelConfig, later
from vdsm.methods.parts.presets import BY_MUON, CODES, tables
from vdsm.methods.parts.recipe import (
    SegmentConfig,
    at_least,
    by_one_player,
    finished,
    frames,
    presets,
    read_out,
)
from vdsm.notation import Video
from vdsm.train.method import Method
from vdsm.train.stage import Schedule, Stage, Terms


@dataclass(frozen=True, config=STRICT)
class TrainConfig(SegmentConfig):
    """Segments of clips, and the weights of the bound's terms."""

    likelihood: float = Field(default=5.0, ge=0, description="weight of log p(x_1:T | s, z_2:T)")
    first: float = Field(default=1.0, ge=0, description="weight of log p(x_1 | s)")
    kl_s: float = Field(default=1.0, ge=0, description="weight of KL[q(s), p(s)]")
    kl_z: float = Field(default=1.0, ge=0, description="weight of KL[q(z_2:T), p(z_2:T)]")


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of DBSE."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="segments of clips")


def bound(model: DBSE, x: Video, generator: torch.Generator) -> Terms:
    """The first frame, whose z_1 is 0, is drawn from s alone."""
    q = model.infer(x, generator)
    drawn = model.render(q.codes.s, q.codes.z)
    return {
        "log_likelihood": model.likelihood(x, drawn),
        "log_first": model.likelihood(x[:, :1], drawn[:, :1]),
        "kl_s": q.s.kl(model.identity_prior(q.codes.s)),
        "kl_z": later(q.z).kl(model.prior(q.codes.z)).sum(1),
    }


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player."""
    t = config.train
    weights = {"log_likelihood": t.likelihood, "log_first": t.first}
    weights |= {"kl_s": t.kl_s, "kl_z": t.kl_z}
    stage = by_one_player(config, bound, lambda _: Schedule(weights))
    return (at_least(2, stage, METHOD.title),)


# The authors: Adam 2e-3, batches of 128, 2,000 epochs of the 9,000 clips of sprites; s, d 256.
PAPER: dict[str, Any] = {
    "model.features": 256,
    "model.pose_dim": 256,
    "train.lr": 2e-3,
    "train.batch": 128,
    "train.steps": 140_000,
}
TABLES = tables(CODES, PAPER)

METHOD = Method(
    name="dbse",
    title="DBSE",
    paper="Berman, Naiman, Arbiv, Fadlon, Azencot: Sequential Disentanglement by Extracting "
    "Static Information From A Single Sequence Element, ICLR 2024",
    config=Config,
    build=DBSE,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    read_out=read_out,
    finished=finished,
    changes=(
        BY_MUON,
        "the code of the first frame is 0 in training and after it, where the authors' program "
        "draws noise",
        "the weights are those that the authors give for sprites, whatever the data",
        "the prior's LSTM is as wide as the others",
    ),
    published=(
        ("sprites", "action right, identity from the prior", 1.0, "C-DSVAE's protocol"),
        ("mug", "action right, identity from the prior", 0.869, "C-DSVAE's protocol"),
    ),
)
