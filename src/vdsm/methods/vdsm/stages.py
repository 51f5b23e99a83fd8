"""The stages as data, the two of Sec. 3.2 and two of ours: what each optimizes, trains, sees."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from vdsm import figures, schedules
from vdsm.data.clips import Clips
from vdsm.methods.vdsm.additions import bounds
from vdsm.methods.vdsm.additions.contrastive import contrast
from vdsm.methods.vdsm.additions.opening import deafen
from vdsm.methods.vdsm.additions.pose_bound import PoseSource, pose_terms
from vdsm.methods.vdsm.additions.views import SHARE, ViewSource
from vdsm.methods.vdsm.additions.whitened_start import start_from_data
from vdsm.methods.vdsm.config import AdditionsConfig, Config, Stage1Config
from vdsm.methods.vdsm.likelihood import FrameDensity
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Video
from vdsm.train.batches import (
    GroupSampler,
    Individuals,
    Others,
    PairSampler,
    SegmentSampler,
    individuals,
)
from vdsm.train.optimizer import OPTIMIZERS
from vdsm.train.pictures import paint_reconstructions, paint_swaps
from vdsm.train.stage import Opening, Part, Player, Schedule, Stage, Values
from vdsm.video import write_picture

NOTHING_ADDED = AdditionsConfig()
TEMPERATURE = "inverse_temperature"  # the schedule's value: 1 / τ_s
OPEN = "poses_open"  # dimensions of z (additions.opening)


def stages(config: Config) -> tuple[Stage, ...]:
    """Stage 1, frames; stage 2, sequences. Where asked for, before stage 1 contrast: who is who;
    and before stage 2 poses: sequences of these alone.
    """
    before, between = contrast_stage(config), poses_stage(config)
    return tuple(s for s in (before, stage1(config), between, stage2(config)) if s is not None)


def stage1(config: Config) -> Stage:
    """Frames of individuals in no order (Eq. 7)."""
    settings, additions = config.stage1, config.additions
    slow = settings.identity_lr
    player = Player(
        "bound",
        lambda model: (model.encoder, model.identity, model.frame_pose, model.decoder),
        bounds.stage1,
        OPTIMIZERS[settings.optimizer],
        relative={"identity.encoder.": slow, "identity.embed.": slow},
    )
    return Stage(
        "stage1",
        settings,
        (player,),
        lambda progress: anneal_stage1(settings, progress, additions),
        lambda clips: GroupSampler(who(clips, config), settings.frames, others(additions)),
        views(additions),
        settings.frames,
        before=partial(begin, config=config),
        take=take,
        decides=opened,
        paint=paint_frames,
        null=average,
    )


def stage2(config: Config) -> Stage:
    """Sequences (Eq. 4)."""
    settings, additions = config.stage2, config.additions
    player = Player(
        "bound",
        partial(trained_in_stage2, poses_stay=additions.swap_augment > 0),
        partial(bounds.stage2, views_agree=additions.views_agree),
        OPTIMIZERS[settings.optimizer],
    )
    risen = config.poses.steps > 0  # λ_z and λ_d, in the stage before
    return Stage(
        "stage2",
        settings,
        (player,),
        lambda progress: anneal_stage2(config.stage1, 1.0 if risen else progress, additions),
        lambda clips: SegmentSampler(who(clips, config), settings.frames, others(additions)),
        views(additions),
        settings.frames,
        take=take,
        decides=opened,
        paint=paint_swaps,
    )


def contrast_stage(config: Config) -> Stage | None:
    """ENC_s and what it sees through, by contrast between individuals."""
    settings = config.contrast
    if settings.steps == 0:
        return None
    player = Player(
        "bound",
        lambda model: (model.identity.encoder or model.encoder, model.identity.embed),
        partial(contrast, temperature=settings.temperature, augment=settings.augment),
        OPTIMIZERS[settings.optimizer],
    )
    return Stage(
        "contrast",
        settings,
        (player,),
        lambda progress: Schedule({"contrast": 1.0}, {TEMPERATURE: 1.0}),
        lambda clips: PairSampler(who(clips, config), settings.frames),
        views(config.additions, changed=False),
        settings.frames,
        take=take,
        decides=opened,
        rows_independent=False,
    )


def poses_stage(config: Config) -> Stage | None:
    """The sequence model, on poses as stage 1 found them."""
    settings, additions = config.poses, config.additions
    if settings.steps == 0:
        return None
    frames = config.stage2.frames

    def source(opening: Opening) -> PoseSource:
        seen = views(additions, changed=False)(opening)
        return PoseSource.open(opening, seen, settings.segments)

    player = Player("bound", sequence_model, pose_terms, OPTIMIZERS[settings.optimizer])
    return Stage(
        "poses",
        settings,
        (player,),
        lambda progress: anneal_poses(config.stage1, progress, additions),
        lambda clips: SegmentSampler(who(clips, config), frames, others(additions)),
        source,
        frames,
        take=take,
        decides=opened,
        small=True,
    )


def who(clips: Clips, config: Config) -> Individuals:
    """The training clips, but for cells held out, by who is in them."""
    return individuals(clips, config, config.who)


def others(additions: AdditionsConfig) -> Others:
    """Which other clips a step is to see as well."""
    return Others(
        additions.reference_frames,
        identity_view=additions.identity_from == "other",
        positive=additions.consistency_s > 0,
        donor=additions.swap_augment > 0,
    )


def views(additions: AdditionsConfig, changed: bool = True) -> Callable[[Opening], ViewSource]:
    """A stage's source: frames, in the views that parts of the model are to see."""
    return lambda o: ViewSource(o.sampler, o.model, additions, o.device, o.bf16, changed)


def begin(model: VDSM, clips: Clips, config: Config) -> None:
    """The weights that stage 1 begins with."""
    if config.stage1.start != "random":
        start_from_data(model, clips, config)
    if config.stage1.opens_until:
        deafen(model)


def opened(values: Mapping[str, float]) -> Mapping[str, float]:
    """Once all of z is open nothing is narrowed any more."""
    return {OPEN: 1.0} if values.get(OPEN, 0.0) >= 1 else {}


def take(model: VDSM, values: Values) -> None:
    """The schedule's values, where the model holds them."""
    model.inverse_temperature.fill_(values[TEMPERATURE])
    model.poses_open = values.get(OPEN, math.inf) * model.config.pose_dim


def average(model: VDSM, views: bounds.Views, frame: Tensor) -> Tensor:
    """log p(x) [B] where every frame is drawn as one [C, H, W]."""
    logits = torch.logit(frame, eps=1e-4).expand_as(views.target)
    c = model.config
    return FrameDensity(logits, c.likelihood, c.gaussian_scale).log_prob(views.target).sum(1)


def paint_frames(model: VDSM, clips: Video, begin: Path) -> None:
    """Stage 1 knows frames alone: reconstructions, s of one frame with z of another (Fig. 8)."""
    codes = model.encode_frames(clips)
    if paint_reconstructions(model, clips, codes, begin):
        middle = clips[:, clips.shape[1] // 2][:, None]
        swaps = figures.identity_pose_grid(model, middle)
        write_picture(f"{begin}-swap.png", swaps)


def anneal_stage1(
    settings: Stage1Config, progress: float, additions: AdditionsConfig = NOTHING_ADDED
) -> Schedule:
    """λ_s rises from .1 to 1 and the mixture sharpens; λ_z falls from 30 to 1 (Fig. 9).

    In compact presets λ_z rises instead, or stays at 1, so that z is learned first.
    """
    if settings.lambda_z == "authors":
        kl_z = schedules.lambda_z_paper_code(progress)
    else:
        kl_z = schedules.log_half_cosine(
            progress, settings.lambda_z_from, settings.lambda_z_to, settings.lambda_z_until
        )
    return Schedule(
        {
            "log_likelihood": 1.0,
            "kl_z": kl_z,
            "kl_s": schedules.half_cosine(progress, 0.1, 1.0, until=1 / 3),
            **added(additions, consistency_s=schedules.half_cosine(progress, 0, 1)),
        },
        {
            TEMPERATURE: schedules.half_cosine(
                progress, 1, settings.inverse_temperature, until=1 / 2
            ),
            SHARE: schedules.half_cosine(progress, 0, additions.swap_augment, until=1 / 2),
        }
        | ({OPEN: min(1.0, progress / settings.opens_until)} if settings.opens_until else {}),
    )


def anneal_stage2(
    one: Stage1Config, progress: float, additions: AdditionsConfig = NOTHING_ADDED
) -> Schedule:
    """λ_z and λ_d rise from .1 to 1; λ_s and 1/τ_s stay (Fig. 10)."""
    return Schedule(
        {
            "log_likelihood": 1.0,
            "kl_z": schedules.lambda_z_stage2(progress),
            "kl_s": 1.0,
            "kl_d": schedules.half_cosine(progress, 0.1, 1),
            **added(additions, consistency_s=1.0, consistency_d=progress),
        },
        {TEMPERATURE: one.inverse_temperature, SHARE: additions.swap_augment},
    )


def anneal_poses(
    one: Stage1Config, progress: float, additions: AdditionsConfig = NOTHING_ADDED
) -> Schedule:
    """λ_z and λ_d as in stage 2, which then keeps them where they end.

    Stage 1 weighs KL[q(z_t | x_t), p(z_t)] with λ_z, so at its optimum q is p(z_t) times the λ_z-th
    root of p(x_t | z_t), but for a factor, and log p(x_t | z_t) is λ_z log q/p.
    """
    two = anneal_stage2(one, progress, additions)
    without = {k: two.weights[k] for k in ("kl_z", "kl_d", "consistency_d") if k in two.weights}
    lambda_z = anneal_stage1(one, 1.0, additions).weights["kl_z"]
    return Schedule({"log_pose": lambda_z} | without, two.values)


def added(additions: AdditionsConfig, **shares: float) -> dict[str, float]:
    """Shares of the weights of those additional terms that the run asks for, and that can be."""
    full = {name: getattr(additions, name) for name in shares}
    if not additions.views_agree:
        full["consistency_d"] = 0.0
    return {name: full[name] * share for name, share in shares.items() if full[name]}


def trained_in_stage2(model: VDSM, poses_stay: bool = False) -> list[Part]:
    """The sequence model, and of the rest only the last layers before s and z (Sec. 3.2).

    `poses_stay`: not the last one before z, as frames are to be redrawn by it.
    """
    heads = [model.identity.head] if poses_stay else [model.identity.head, model.frame_pose.head]
    return [*heads, *sequence_model(model)]


def sequence_model(model: VDSM) -> list[Part]:
    """q(d | z_1:T), q(z_t | z_{t-1}, d) and p(z_t | z_{t-1}, d)."""
    parts: list[nn.Module | nn.Parameter] = [
        model.dynamics,
        model.dynamics_decoder,
        model.combiner,
        model.transition,
        model.z_start,
    ]
    return parts if model.flow is None else [*parts, model.flow]
