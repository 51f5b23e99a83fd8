"""SKD: to draw the clip and what is predicted of it, by an operator of few static eigenvalues."""

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
from vdsm.methods.skd.model import SKD, ModelConfig
from vdsm.notation import Video
from vdsm.train.method import Method
from vdsm.train.stage import Stage, Terms

RADIUS = 0.5  # that dynamic eigenvalues are to stay within


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of SKD."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: LinearTrainConfig = Field(
        default_factory=LinearTrainConfig, description="segments of clips"
    )


def bound(model: SKD, x: Video, generator: torch.Generator) -> Terms:
    """Mean squared errors of a clip each; the eigenvalues are those of the whole batch."""
    z = model.latents(x)
    before, after = z[:, :-1], z[:, 1:]
    rows = before.flatten(0, 1), after.flatten(0, 1)
    operator = least_squares(*rows)
    model.keep(operator)

    predicted = before @ operator.to(z)
    values = spectrum(*rows)
    cost = spectral_cost(values, model.config.static, RADIUS)
    return {**errors(model, x, z, predicted), "spectrum": cost.to(z).expand(len(x))}


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player."""
    return linear_stages(config, bound, METHOD.title)


# The authors: Adam 1e-3, batches of 32, 1,000 epochs of the 9,000 clips of sprites; k 40, 8 static.
PAPER: dict[str, Any] = {"train.lr": 1e-3, "train.batch": 32, "train.steps": 281_000}
COMPACT = {"model.features": 40, "model.hidden": 40, "train.clip": 5.0}
TABLES = tables(COMPACT, PAPER)

METHOD = Method(
    name="skd",
    title="SKD",
    paper="Berman, Naiman, Azencot: Multifactor Sequential Disentanglement via Structured Koopman "
    "Autoencoders, ICLR 2023",
    config=Config,
    build=SKD,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    read_out=read_out,
    finished=finished,
    changes=(
        BY_MUON,
        "after training the operator is that of the training clips, not of whatever clips are "
        "encoded together",
        "s is the average of the static coordinates over frames",
        "least squares have a ridge of 1e-8 of the latents' mean square; eigenvalues whose "
        "eigenvectors are nearly parallel have no gradient; static directions are found by an "
        "ordered Schur form",
        "it has no priors: Gaussians are fitted to the training clips' codes",
        "there is no dropout",
    ),
    published=(
        ("sprites", "action right, identity from other clips", 1.0, "C-DSVAE's protocol"),
        ("mug", "action right, identity from other clips", 0.7745, "C-DSVAE's protocol"),
    ),
)
