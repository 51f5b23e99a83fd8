"""DSVAE: the evidence lower bound without weights, by Adam (Li and Mandt, ICML 2018)."""

from typing import Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.methods.dsvae.model import DSVAE, ModelConfig
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


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of DSVAE."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: SegmentConfig = Field(default_factory=SegmentConfig, description="segments of clips")


def bound(model: DSVAE, x: Video, generator: torch.Generator) -> Terms:
    """log p(x | f, z) - KL[q(f | x), p(f)] - KL[q(z | f, x), p(z)], a sequence each."""
    q = model.infer(x, generator)
    p_z = model.prior(q.codes.z)
    return {
        "log_likelihood": model.likelihood(x, model.render(q.codes.s, q.codes.z)),
        "kl_s": q.s.kl(model.identity_prior(q.codes.s)),
        "kl_z": q.z.kl(p_z).sum(1),
    }


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player, all weights 1."""
    weights = {"log_likelihood": 1.0, "kl_s": 1.0, "kl_z": 1.0}
    return (by_one_player(config, bound, lambda _: Schedule(weights)),)


# The paper: Adam 2e-4, batches of 25, 200 epochs of the 9,000 clips of sprites; f 256, z 32.
PAPER: dict[str, Any] = {
    "model.body": "printed",
    "model.width": 256,
    "model.features": 2048,
    "model.hidden": 512,
    "train.lr": 2e-4,
    "train.batch": 25,
    "train.steps": 72_000,
}
TABLES = tables(CODES, PAPER)

METHOD = Method(
    name="dsvae",
    title="DSVAE",
    paper="Li, Mandt: Disentangled Sequential Autoencoder, ICML 2018",
    config=Config,
    build=DSVAE,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    read_out=read_out,
    finished=finished,
    changes=(
        BY_MUON,
        "compact frame networks are DCGAN's, as in the papers that measured it since, not the "
        "paper's 256 channels of 5 x 5 with dense layers, which are --model.body printed",
        "frames end in a sigmoid, since they lie in [0, 1]",
        "the likelihood is a Gaussian whose log-density is the squared error, but for a constant",
        "the prior's LSTM reads the posterior's z_<t, as the bound has it",
    ),
    published=(
        ("sprites", "action right, identity from the prior", 0.9073, "C-DSVAE's protocol, S3VAE"),
        ("mug", "action right, identity from the prior", 0.5429, "C-DSVAE's protocol, S3VAE"),
    ),
)
