"""The stages as data, contrast and the two of Sec. 3.2: what each optimizes, trains, sees."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from torch import nn

from vdsm import elbo, schedules
from vdsm.config import (
    Config,
    ContrastConfig,
    SeparationConfig,
    Stage1Config,
    Stage2Config,
)
from vdsm.data.cells import left_out
from vdsm.data.clips import Clips
from vdsm.elbo import Terms
from vdsm.model.vdsm import VDSM
from vdsm.train.batches import (
    GroupSampler,
    Individuals,
    Others,
    PairSampler,
    Sampler,
    SegmentSampler,
)
from vdsm.train.contrast import contrast

PAPER = SeparationConfig()  # nothing added


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
    settings: ContrastConfig | Stage1Config | Stage2Config
    bound: Callable[..., Terms]  # (model, x, generator, seen, reference)
    trained: Callable[[VDSM], Iterable[nn.Module | nn.Parameter]]
    anneal: Callable[[float], Annealed]
    sampler: Callable[[Clips], Sampler]
    draws: bool = True  # frames; else nothing is to be seen of it
    apart: bool = True  # rows of the batch have nothing to do with one another
    identity_lr: float = 1.0  # of q(s) below its last layer, relative to the others'


def stages(config: Config) -> tuple[Stage, ...]:
    """Contrast, where asked for: who is who; stage 1, frames; stage 2, sequences."""
    one, two = config.stage1, config.stage2

    apart = config.separation
    others = Others(
        apart.reference_frames,
        reference=apart.identity_from == "other",
        second=apart.agreement > 0,
        stranger=apart.redraw > 0,
    )

    first = contrast_stage(config)
    return (
        *([first] if first else []),
        Stage(
            "stage1",
            one,
            elbo.stage1,
            lambda model: (model.encoder, model.identity, model.frame_pose, model.decoder),
            lambda progress: anneal_stage1(one, progress, apart),
            lambda clips: GroupSampler(individuals(clips, config), one.frames, others),
            identity_lr=one.identity_lr,
        ),
        Stage(
            "stage2",
            two,
            partial(elbo.stage2, colours_agree=apart.agreement_d > 0),
            partial(trained_in_stage2, poses_stay=apart.redraw > 0),
            lambda progress: anneal_stage2(one, progress, apart),
            lambda clips: SegmentSampler(individuals(clips, config), two.frames, others),
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
        draws=False,
        apart=False,
    )


def individuals(clips: Clips, config: Config) -> Individuals:
    """The training clips, but for cells left out, by who is in them."""
    out = left_out(clips, config.leave_out, config.seed)
    return Individuals(clips, out, config.stage1.group_by)


def anneal_stage1(
    settings: Stage1Config, progress: float, apart: SeparationConfig = PAPER
) -> Annealed:
    """λ_z falls from 30 to 1 while λ_s rises from .1 to 1 and the mixture sharpens (Fig. 9)."""
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


def anneal_stage2(one: Stage1Config, progress: float, apart: SeparationConfig = PAPER) -> Annealed:
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


def added(apart: SeparationConfig, **shares: float) -> dict[str, float]:
    """Shares of the weights of those additional terms that the run asks for."""
    full = {name: getattr(apart, name) for name in shares}
    return {name: full[name] * share for name, share in shares.items() if full[name]}


def trained_in_stage2(model: VDSM, poses_stay: bool = False) -> list[nn.Module | nn.Parameter]:
    """The sequence model, and of the rest only the last layers before s and z (Sec. 3.2).

    `poses_stay`: not the last one before z, as frames are to be redrawn by it.
    """
    parts: list[nn.Module | nn.Parameter] = [
        model.identity.head,
        *([] if poses_stay else [model.frame_pose.head]),
        model.dynamics,
        model.dynamics_decoder,
        model.combiner,
        model.transition,
        model.z_start,
    ]
    return parts if model.flow is None else [*parts, model.flow]
