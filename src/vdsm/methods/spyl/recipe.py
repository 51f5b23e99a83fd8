"""SPYL: a weighted bound, and contrasts whose positives and negatives the model draws (Sec. 4)."""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from vdsm.config import STRICT, RunConfig
from vdsm.methods.parts.losses import contrast, information
from vdsm.methods.parts.presets import BY_MUON, CODES, tables
from vdsm.methods.parts.recipe import (
    SegmentConfig,
    by_one_player,
    finished,
    frames,
    presets,
    read_out,
)
from vdsm.methods.parts.vae import Inferred
from vdsm.methods.spyl.model import SPYL, ModelConfig, farthest
from vdsm.notation import Codes, Video
from vdsm.train.method import Method
from vdsm.train.stage import Schedule, Stage, Terms, Values

TEMPERATURE = 0.5  # τ


@dataclass(frozen=True, config=STRICT)
class TrainConfig(SegmentConfig):
    """Segments of clips, the weights of the terms, and how many clips are drawn."""

    likelihood: float = Field(default=10.0, ge=0, description="weight of log p(x | s, z)")
    kl_s: float = Field(default=5.0, ge=0, description="weight of KL[q(s), p(s)]")
    kl_z: float = Field(default=1.0, ge=0, description="weight of KL[q(z), p(z)]")
    information: float = Field(default=1.0, ge=0, description="weight of I(s; z)")
    contrast: float = Field(default=1.0, ge=0, description="weight of both contrasts")
    alone: float = Field(
        default=1 / 3, ge=0, le=1, description="first share of steps, without contrasts"
    )
    drawn: int = Field(
        default=4, ge=1, description="clips drawn for each of a batch; half are negatives"
    )


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of SPYL."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="segments of clips")


def bound(model: SPYL, x: Video, generator: torch.Generator, drawn: int) -> Terms:
    """The terms of the bound, I(s; z), and after the first steps the contrasts."""
    q = model.infer(x, generator)
    log_p = model.likelihood(x, model.render(q.codes.s, q.codes.z))
    content = motion = torch.zeros_like(log_p)
    if model.contrasting:
        content, motion = contrasts(model, q, drawn, generator)
    return {
        "log_likelihood": log_p,
        "kl_s": q.s.kl(model.identity_prior(q.codes.s)),
        "kl_z": q.z.kl(model.prior(q.codes.z)).sum(1),
        "information": information(q.s, q.codes.s, q.z, q.codes.z),
        "content": content,
        "motion": motion,
    }


def contrasts(
    model: SPYL, q: Inferred, drawn: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Of s and of z, [B] each, between the code of a clip and those of clips that are drawn."""
    clips, frames = q.z.loc.shape[:2]
    with torch.no_grad():
        # Negatives: of nobody, and of these the half that is farthest from each clip.
        batches = [model.imagine(clips, frames, generator) for _ in range(drawn)]
        nobody = Codes.cat(batches)
        others = model.seen(nobody.s, nobody.z)
        half = max(1, drawn * clips // 2)

        # Positives: the code itself, with the other one of nobody.
        other = model.imagine(clips, frames, generator)
        same_s = model.seen(q.s.loc, other.z).s.loc
        same_z = model.seen(other.s, q.z.loc).z.loc
    far_s, far_z = farthest(q.s, others.s, half), farthest(q.z, others.z, half)
    content = contrast(q.s.loc, same_s, far_s, TEMPERATURE)
    return content, contrast(q.z.loc.flatten(1), same_z.flatten(1), far_z, TEMPERATURE)


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player."""
    t = config.train
    told = partial(bound, drawn=t.drawn)

    def schedule(progress: float) -> Schedule:
        on = float(progress >= t.alone)
        weights = {"log_likelihood": t.likelihood, "kl_s": t.kl_s, "kl_z": t.kl_z}
        weights |= {"information": t.information}
        weights |= {"content": on * t.contrast, "motion": on * t.contrast}
        return Schedule(weights, {"contrasting": on})

    return (replace(by_one_player(config, told, schedule), take=take),)


def take(model: SPYL, values: Values) -> None:
    """Whether clips are drawn."""
    model.contrasting = bool(values["contrasting"])


# The authors: Adam 2e-3, batches of 128, 1,000 epochs of the 9,000 clips of sprites, of which the
# first 50 without contrasts.
PAPER: dict[str, Any] = {
    "train.lr": 2e-3,
    "train.batch": 128,
    "train.steps": 70_000,
    "train.alone": 0.05,
}
TABLES = tables(CODES, PAPER)

METHOD = Method(
    name="spyl",
    title="SPYL",
    paper="Naiman, Berman, Azencot: Sample and Predict Your Latent: Modality-free Sequential "
    "Disentanglement via Contrastive Estimation, ICML 2023",
    config=Config,
    build=SPYL,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    read_out=read_out,
    finished=finished,
    changes=(
        BY_MUON,
        "contrasts begin after a third of the steps, since presets are short; the authors' 50 of "
        "1,000 epochs are --size paper",
        "positives are the code itself with the other code redrawn, as in the authors' program; "
        "the nearest of the clips drawn, as the paper has it, are not used",
        "what is drawn is encoded without a gradient, by batch norm as it is after training",
        "I(s; z) is estimated for a frame at a time, without the constant log N",
    ),
    published=(
        ("sprites", "action right, identity from the prior", 1.0, "C-DSVAE's protocol"),
        ("mug", "action right, identity from the prior", 0.8571, "C-DSVAE's protocol"),
    ),
)
