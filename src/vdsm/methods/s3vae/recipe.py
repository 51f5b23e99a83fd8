"""S3VAE: the bound, a triplet of s, a label of the motion, and I(s; z) (CVPR 2020)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from vdsm.config import STRICT, RunConfig
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.methods.parts.augment import shuffled
from vdsm.methods.parts.losses import information
from vdsm.methods.parts.presets import BY_MUON, CODES, tables
from vdsm.methods.parts.recipe import (
    SegmentConfig,
    at_least,
    by_one_player,
    finished,
    frames,
    likelihood_of,
    one_by_one,
    presets,
    read_out,
)
from vdsm.methods.s3vae.labels import Kind, labels
from vdsm.methods.s3vae.model import S3VAE, ModelConfig
from vdsm.methods.s3vae.source import LabelledSampler, LabelledSource
from vdsm.notation import Identity, Pose, Video
from vdsm.train.method import Method
from vdsm.train.stage import Schedule, Stage, Terms

MARGIN = 1.0  # δ of the triplet
Cost = Callable[[Tensor, Tensor], Tensor]  # of every number predicted, against its label


@dataclass(frozen=True, config=STRICT)
class TrainConfig(SegmentConfig):
    """Segments of clips, and what is taught beside the bound."""

    motion_label: Kind = Field(
        default="difference",
        description="what is predicted from z_t: the cells that move most, by differences of "
        "frames or by optical flow (scikit-image); landmarks.npy of the dataset; or nothing",
    )
    static: float = Field(default=1000.0, ge=0, description="weight of the triplet of s")
    dynamic: float = Field(default=100.0, ge=0, description="weight of the motion's label")
    information: float = Field(default=1.0, ge=0, description="weight of I(s; z)")


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run of S3VAE."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    train: TrainConfig = Field(default_factory=TrainConfig, description="segments of clips")


def bound(model: S3VAE, x: Video, generator: torch.Generator) -> Terms:
    """Without a label of the motion."""
    return losses(model, x, generator)[0]


def labelled_bound(
    model: S3VAE, batch: tuple[Video, Tensor], generator: torch.Generator, cost: Cost
) -> Terms:
    """The terms of `bound`, and what the prediction of a label costs."""
    x, labels = batch
    terms, z = losses(model, x, generator)
    return {**terms, "dynamic": known(cost, model.motion(z), labels)}


def losses(model: S3VAE, x: Video, generator: torch.Generator) -> tuple[dict[str, Tensor], Pose]:
    """The terms, and the z drawn."""
    q = model.infer(x, generator)
    same = model.infer(shuffled(x, generator), mean=True).s.loc
    terms = {
        "log_likelihood": model.likelihood(x, model.render(q.codes.s, q.codes.z)),
        "kl_s": q.s.kl(model.identity_prior(q.codes.s)),
        "kl_z": q.z.kl(model.prior(q.codes.z)).sum(1),
        "static": triplet(q.s.loc, same, q.s.loc.roll(1, 0)),
        "information": information(q.s, q.codes.s, q.z, q.codes.z),
    }
    return terms, q.codes.z


def triplet(anchor: Identity, positive: Identity, negative: Identity) -> Float[Tensor, " B"]:
    """max(|a - p| - |a - n| + δ, 0) (Sec. 3.2)."""
    return F.triplet_margin_loss(anchor, positive, negative, MARGIN, reduction="none")


def of_cells(told: Tensor, label: Tensor) -> Tensor:
    """Of logits, against 1 or 0."""
    return F.binary_cross_entropy_with_logits(told, label, reduction="none")


def of_distances(told: Tensor, label: Tensor) -> Tensor:
    """Squared error."""
    return (told - label).square()


def known(
    cost: Cost, told: Float[Tensor, "B T M"], label: Float[Tensor, "B T M"]
) -> Float[Tensor, " B"]:
    """The mean cost of what is labelled in a clip; 0 where nothing is."""
    there = ~label.isnan()
    each = cost(told.float(), label.nan_to_num()) * there
    return each.sum((1, 2)) / there.sum((1, 2)).clamp_min(1)


def stages(config: Config) -> tuple[Stage]:
    """One stage, one player; batches have labels where there are any."""
    t = config.train
    weights = {"log_likelihood": 1.0, "kl_s": 1.0, "kl_z": 1.0}
    weights |= {"static": t.static, "information": t.information}
    told: Callable[..., Terms] = bound
    if t.motion_label != "none":
        weights["dynamic"] = t.dynamic
        cost = of_distances if t.motion_label == "landmarks" else of_cells
        told = partial(labelled_bound, cost=cost)
    stage = by_one_player(config, told, lambda _: Schedule(weights))
    if t.motion_label != "none":
        sampler = partial(labelled, config=config)
        stage = replace(
            stage, sampler=sampler, source=LabelledSource.open, null=likelihood_of_labelled
        )
    return (at_least(2, stage, METHOD.title),)


def likelihood_of_labelled(model: S3VAE, batch: tuple[Video, Tensor], frame: Tensor) -> Tensor:
    """`likelihood_of` of clips that have labels beside them."""
    return likelihood_of(model, batch[0], frame)


def labelled(clips: Clips, config: Config) -> LabelledSampler:
    """Segments and labels; InputError where the model predicts another number of these."""
    found = labels(config.train.motion_label, clips)
    assert found is not None
    if found.outputs != config.model.motion_outputs:
        raise InputError(
            f"labels of the motion have {found.outputs} numbers, the model predicts "
            f"{config.model.motion_outputs}: give --model.motion_outputs {found.outputs}"
        )
    return LabelledSampler(one_by_one(clips, config), config.train.frames, found)


def adapt(preset: Config, asked: Config, clips: Clips) -> Config:
    """As many numbers predicted as the labels asked for have."""
    found = labels(asked.train.motion_label, clips)
    outputs = 0 if found is None else found.outputs
    return replace(preset, model=replace(preset.model, motion_outputs=outputs))


# As far as it is known: Adam 1e-3; batches and steps are those of C-DSVAE, twice as many.
PAPER: dict[str, Any] = {"train.lr": 1e-3, "train.batch": 128, "train.steps": 14_000}
TABLES = tables(CODES, PAPER)

METHOD = Method(
    name="s3vae",
    title="S3VAE",
    paper="Zhu, Min, Kadav, Graf: S3VAE: Self-Supervised Sequential VAE for Representation "
    "Disentanglement and Data Generation, CVPR 2020",
    config=Config,
    build=S3VAE,
    stages=stages,
    presets=tuple(TABLES["compact"]),
    preset=presets(Config, TABLES),
    frames=frames,
    read_out=read_out,
    finished=finished,
    adapt=adapt,
    changes=(
        BY_MUON,
        "cells that move are found by differences of frames; --train.motion_label flow takes "
        "Lucas-Kanade, where the paper takes a trained network",
        "distances between landmarks are arrays that the user brings (landmarks.npy)",
        "how many cells are labelled (3 of 9), the triplet's margin (1), the size of batches and "
        "the number of steps are ours: we know of no statement",
        "the frame networks are DCGAN's, as in the papers that followed",
        "the triplet compares posterior means",
    ),
    published=(
        ("sprites", "action right, identity from the prior", 0.9949, "its own judge, 9 actions"),
        ("mug", "action right, identity from the prior", 0.7051, "its own judge, with landmarks"),
    ),
)
