"""What generators share whose networks draw clips of just so many frames, `model.frames`."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from vdsm.config import RunConfig, StageConfig
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.methods.checks import require_generator, require_some
from vdsm.methods.parts.recipe import one_by_one
from vdsm.notation import Video
from vdsm.train.batches import SegmentSampler
from vdsm.train.pictures import paint_samples
from vdsm.train.sources import ClipSource
from vdsm.train.stage import Player, Schedule, Stage
from vdsm.words import counted

Overrides = Mapping[str, Any]
CHUNK = 64  # clips drawn at a time
SETTING = "model.frames"

FRAMES: Mapping[str, int] = {
    "pendulum": 16,
    "sprites": 8,
    "moving-mnist": 16,
    "weizmann": 16,
    "faces": 16,
    "people": 16,
    "folder": 16,
}
STEPS: Mapping[str, int] = dict.fromkeys(FRAMES, 6000) | {"sprites": 10_000}
DEBUG: Overrides = {
    "model.frames": 8,
    "model.width": 4,
    "train.batch": 4,
    "train.steps": 20,
    "log_every": 5,
    "picture_every": 10,
    "checkpoint_every": 10,
    "checkpoint_seconds": 0.0,
}


def whole_clips(
    settings: StageConfig,
    config: RunConfig,
    players: tuple[Player, ...],
    weights: Mapping[str, float],
) -> tuple[Stage]:
    """The one stage, of segments as long as clips drawn. Batch norm sees whole batches."""
    length = frames(config)
    return (
        Stage(
            "train",
            settings,
            players,
            lambda _: Schedule(weights),
            partial(sampler, config),
            ClipSource.open,
            length,
            paint=paint_samples,
            rows_independent=False,
        ),
    )


def sampler(config: RunConfig, clips: Clips) -> SegmentSampler:
    """Segments of training clips; InputError where no clip is that long."""
    people, length = one_by_one(clips, config), frames(config)
    longest = int(clips.table.length[people.all].max())
    if longest < length:
        raise InputError(
            f"clips of {counted(length, 'frame')} are to be learned, but the longest training clip "
            f"of {clips.info.name} has {longest}: lower --{SETTING}, or make longer clips"
        )
    return SegmentSampler(people, length)


def frames(config: Any) -> int:
    """Those of every clip drawn."""
    return int(config.model.frames)


def rendered(clips_of: Callable[..., Video], codes: Iterable[Tensor], frames: int) -> Video:
    """Clips [N, frames, C, H, W] in [0, 1] of codes [N, ...], drawn in [-1, 1] some at a time."""
    pieces = zip(*(torch.split(code, CHUNK) for code in codes), strict=True)
    return (torch.cat([clips_of(*piece)[:, :frames] for piece in pieces]) + 1) / 2


def require_drawable(model: Any, num: int, frames: int, generator: torch.Generator | None) -> None:
    """InputError unless the model can draw so many clips of so many frames."""
    require_some(num, frames)
    require_generator(generator)
    most = model.config.frames
    if frames > most:
        raise InputError(
            f"this {model.title} draws clips of {counted(most, 'frame')}, not {frames}: ask for no "
            f"more, or train one with a higher --{SETTING}"
        )


def tables(compact: Overrides, paper: Overrides) -> dict[str, dict[str, Overrides]]:
    """By size and name: what a method's presets have beside the above."""
    sizes: dict[str, dict[str, Overrides]] = {"compact": {}, "paper": {}}
    for name, length in FRAMES.items():
        sizes["compact"][name] = {SETTING: length, "train.steps": STEPS[name], **compact}
        sizes["paper"][name] = {SETTING: length, **paper}
    sizes["compact"]["debug"] = {**compact, **DEBUG}
    return sizes
