"""The stages as data, the two of Sec. 3.2 and two of ours: what each optimizes, trains, sees."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from vdsm import schedules
from vdsm.data.cells import left_out
from vdsm.data.clips import Clips
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.additions.contrastive import contrast
from vdsm.methods.vdsm.config import (
    Config,
    ContrastConfig,
    PosesConfig,
    SeparationConfig,
    Stage1Config,
    Stage2Config,
)
from vdsm.methods.vdsm.elbo import Terms
from vdsm.methods.vdsm.model import VDSM
from vdsm.train.batches import (
    GroupSampler,
    Individuals,
    Others,
    PairSampler,
    Sampler,
    SegmentSampler,
)

NOTHING_ADDED = SeparationConfig()


@dataclass(frozen=True)
class Annealed:
    """The schedules' values at one step."""

    weights: dict[str, float]  # of the bound's terms
    sharpness: float  # 1 / τ_s
    redrawn: float = 0.0  # share of rows that q(z) and q(d) see as somebody else


@dataclass(frozen=True)
class Stage:
    """One stage, as the loop sees it."""

    name: str
    settings: ContrastConfig | Stage1Config | PosesConfig | Stage2Config
    bound: Callable[..., Terms]  # (model, x, generator, and views of the batch by name)
    trained: Callable[[VDSM], Iterable[nn.Module | nn.Parameter]]
    anneal: Callable[[float], Annealed]
    sampler: Callable[[Clips], Sampler]
    frames: int  # of every row of a batch
    shows_frames: bool = True  # draws some; else there are no pictures of it
    small: bool = False  # layers; bfloat16 does not pay on a CPU
    rows_independent: bool = True  # a batch may be shared by processes
    identity_lr: float = 1.0  # of q(s) below its last layer, relative to the others'


def stages(config: Config) -> tuple[Stage, ...]:
    """Stage 1, frames; stage 2, sequences. Where asked for, before stage 1 contrast: who is who;
    and before stage 2 poses: sequences of these alone.
    """
    one, two, apart = config.stage1, config.stage2, config.separation
    others = Others(
        apart.reference_frames,
        reference=apart.identity_from == "other",
        second=apart.agreement > 0,
        stranger=apart.redraw > 0,
    )

    first, between = contrast_stage(config), poses_stage(config, others)
    return (
        *([first] if first else []),
        Stage(
            "stage1",
            one,
            elbo.stage1,
            lambda model: (model.encoder, model.identity, model.frame_pose, model.decoder),
            lambda progress: anneal_stage1(one, progress, apart),
            lambda clips: GroupSampler(individuals(clips, config), one.frames, others),
            one.frames,
            identity_lr=one.identity_lr,
        ),
        *([between] if between else []),
        Stage(
            "stage2",
            two,
            partial(elbo.stage2, colours_agree=apart.views_agree),
            partial(trained_in_stage2, poses_stay=apart.redraw > 0),
            lambda progress: anneal_stage2(one, 1.0 if between else progress, apart),
            lambda clips: SegmentSampler(individuals(clips, config), two.frames, others),
            two.frames,
        ),
    )


def contrast_stage(config: Config) -> Stage | None:
    """ENC_s and what it sees through, by contrast between individuals."""
    settings = config.contrast
    if settings.steps == 0:
        return None
    return Stage(
        "contrast",
        settings,
        partial(contrast, temperature=settings.temperature, augment=settings.augment),
        lambda model: (model.identity.encoder or model.encoder, model.identity.embed),
        lambda progress: Annealed({"contrast": 1.0}, sharpness=1.0),
        lambda clips: PairSampler(individuals(clips, config), settings.frames),
        settings.frames,
        shows_frames=False,
        rows_independent=False,
    )


def poses_stage(config: Config, others: Others) -> Stage | None:
    """The sequence model, on poses as stage 1 found them."""
    settings, frames = config.poses, config.stage2.frames
    if settings.steps == 0:
        return None
    return Stage(
        "poses",
        settings,
        elbo.poses,
        sequence_model,
        lambda progress: anneal_poses(config.stage1, progress, config.separation),
        lambda clips: SegmentSampler(individuals(clips, config), frames, others),
        frames,
        shows_frames=False,
        small=True,
    )


def individuals(clips: Clips, config: Config) -> Individuals:
    """The training clips, but for cells left out, by who is in them."""
    out = left_out(clips, config.leave_out, config.seed)
    return Individuals(clips, out, config.stage1.group_by)


def anneal_stage1(
    settings: Stage1Config, progress: float, apart: SeparationConfig = NOTHING_ADDED
) -> Annealed:
    """λ_s rises from .1 to 1 and the mixture sharpens; λ_z falls from 30 to 1 (Fig. 9).

    In compact presets λ_z rises instead, or stays at 1, so that z is learned first.
    """
    if settings.lambda_z == "authors":
        kl_z = schedules.lambda_z_paper_code(progress)
    else:
        kl_z = schedules.log_half_cosine(
            progress, settings.lambda_z_from, settings.lambda_z_to, settings.lambda_z_until
        )
    return Annealed(
        {
            "log_likelihood": 1.0,
            "kl_z": kl_z,
            "kl_s": schedules.half_cosine(progress, 0.1, settings.lambda_s, until=1 / 3),
            **added(apart, agreement=schedules.half_cosine(progress, 0, 1)),
        },
        sharpness=schedules.half_cosine(progress, 1, settings.sharpness, until=1 / 2),
        redrawn=schedules.half_cosine(progress, 0, apart.redraw, until=1 / 2),
    )


def anneal_stage2(
    one: Stage1Config, progress: float, apart: SeparationConfig = NOTHING_ADDED
) -> Annealed:
    """λ_z and λ_d rise from .1 to 1; λ_s and the sharpness stay (Fig. 10)."""
    return Annealed(
        {
            "log_likelihood": 1.0,
            "kl_z": schedules.lambda_z_stage2(progress),
            "kl_s": one.lambda_s,
            "kl_d": schedules.half_cosine(progress, 0.1, 1),
            **added(apart, agreement=1.0, agreement_d=progress),
        },
        sharpness=one.sharpness,
        redrawn=apart.redraw,
    )


def anneal_poses(
    one: Stage1Config, progress: float, apart: SeparationConfig = NOTHING_ADDED
) -> Annealed:
    """λ_z and λ_d as in stage 2, which then keeps them where they end.

    Stage 1 weighs KL[q(z_t | x_t), p(z_t)] with λ_z, so at its optimum q is p(z_t) times the λ_z-th
    root of p(x_t | z_t), but for a factor, and log p(x_t | z_t) is λ_z log q/p.
    """
    two = anneal_stage2(one, progress, apart)
    without = {k: two.weights[k] for k in ("kl_z", "kl_d", "agreement_d") if k in two.weights}
    lambda_z = anneal_stage1(one, 1.0, apart).weights["kl_z"]
    return replace(two, weights={"log_pose": lambda_z} | without)


def added(apart: SeparationConfig, **shares: float) -> dict[str, float]:
    """Shares of the weights of those additional terms that the run asks for, and that can be."""
    if not apart.views_agree:
        apart = replace(apart, agreement_d=0.0)
    full = {name: getattr(apart, name) for name in shares}
    return {name: full[name] * share for name, share in shares.items() if full[name]}


def trained_in_stage2(model: VDSM, poses_stay: bool = False) -> list[nn.Module | nn.Parameter]:
    """The sequence model, and of the rest only the last layers before s and z (Sec. 3.2).

    `poses_stay`: not the last one before z, as frames are to be redrawn by it.
    """
    heads = [model.identity.head] if poses_stay else [model.identity.head, model.frame_pose.head]
    return [*heads, *sequence_model(model)]


def sequence_model(model: VDSM) -> list[nn.Module | nn.Parameter]:
    """q(d | z_1:T), q(z_t | z_{t-1}, d) and p(z_t | z_{t-1}, d)."""
    parts: list[nn.Module | nn.Parameter] = [
        model.dynamics,
        model.dynamics_decoder,
        model.combiner,
        model.transition,
        model.z_start,
    ]
    return parts if model.flow is None else [*parts, model.flow]
