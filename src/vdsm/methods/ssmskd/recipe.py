"""SSM-SKD: as SKD, by an operator of each clip, in float64 (NeurIPS 2025)."""

from typing import Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, RunConfig
from vdsm.methods.parts.koopman import least_squares, spectral_cost, spectrum
from vdsm.methods.parts.linear import finished, read_out
from vdsm.methods.parts.linear_recipe import LinearTrainConfig, errors, linear_stages
from vdsm.methods.parts.presets import BY_MUON, tables
from vdsm.methods.parts.recipe import frames, presets
from vdsm.methods.ssmskd.model import SSMSKD, ModelConfig
from vdsm.notation import Video
from vdsm.train.method import Method
from vdsm.train.stage import Stage, Terms

RADIUS = 0.75  # that dynamic eigenvalues are to stay within


@dataclass(frozen=True, config=STRICT)
class TrainConfig(LinearTrainConfig):
    """Its own weights."""

    reconstruction: float = Field(default=16.0, ge=0, description="weight of the clip as drawn")
    prediction: float = Field(default=0.5, ge=0, description="weight of the clip as predicted")
    latent: float = Field(default=0.5, ge=0, description="weight of the latents as predicted")


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of SSM-SKD."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="segments of clips")


def bound(model: SSMSKD, x: Video, generator: torch.Generator) -> Terms:
    """Mean squared errors, and the places of the eigenvalues, of a clip each."""
    z = model.latents(x)
    before, after = z[:, :-1], z[:, 1:]
    predicted = before @ least_squares(before, after).to(z)
    values = spectrum(before, after)
    cost = spectral_cost(values, model.config.static, RADIUS)
    return {**errors(model, x, z, predicted), "spectrum": cost.to(z)}


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player."""
    return linear_stages(config, bound, METHOD.title)


# The authors: Adam 1e-3, batches of 32, 150 epochs of the 9,000 clips of sprites.
PAPER: dict[str, Any] = {
    "train.lr": 1e-3,
    "train.batch": 32,
    "train.steps": 42_000,
    "train.clip": 5.0,
}
COMPACT = {"model.features": 40, "model.hidden": 170, "train.clip": 5.0}
TABLES = tables(COMPACT, PAPER)

METHOD = Method(
    name="ssmskd",
    title="SSM-SKD",
    paper="Multi-factor sequential disentanglement benchmark (MSD), arXiv:2510.17313, NeurIPS 2025",
    config=Config,
    build=SSMSKD,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    read_out=read_out,
    finished=finished,
    changes=(
        BY_MUON,
        "s is the average of the static part over frames",
        "least squares have a ridge of 1e-8 of the latents' mean square in place of a "
        "pseudo-inverse; eigenvalues whose eigenvectors are nearly parallel have no gradient; the "
        "static direction, two where the eigenvalue is of a complex pair, is found by an ordered "
        "Schur form",
        "it has no priors: Gaussians are fitted to the training clips' codes",
    ),
)
