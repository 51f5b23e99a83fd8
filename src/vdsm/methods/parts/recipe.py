"""What the recipes of methods with one stage of segments share."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vdsm.config import STRICT, RunConfig, StageConfig, with_values
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.methods.fit_readout import fit_readout
from vdsm.methods.readout import Readout
from vdsm.notation import Video
from vdsm.train.batches import Individuals, Sampler, SegmentSampler, individuals
from vdsm.train.method import Size
from vdsm.train.optimizer import OPTIMIZERS
from vdsm.train.pictures import Paint, paint_swaps
from vdsm.train.sources import ClipSource
from vdsm.train.stage import Player, Schedule, Stage, Terms
from vdsm.words import counted

Overrides = Mapping[str, Any]
SETTING = "train.frames"  # of the one stage


@dataclass(frozen=True, config=STRICT)
class SegmentConfig(StageConfig):
    """Training on segments of clips, frames in order."""

    frames: int = Field(default=8, ge=1, description="frames of a random segment of a clip")


def segments(
    settings: SegmentConfig,
    config: RunConfig,
    players: tuple[Player, ...],
    schedule: Callable[[float], Schedule],
    paint: Paint,
) -> tuple[Stage]:
    """The one stage, whose batches are clips [B, T, C, H, W]. Batch norm sees whole batches."""
    return (
        Stage(
            "train",
            settings,
            players,
            schedule,
            lambda clips: SegmentSampler(
                one_by_one(clips, config), settings.frames, setting=SETTING
            ),
            ClipSource.open,
            settings.frames,
            paint=paint,
            rows_independent=False,
        ),
    )


def likelihood_of(model: Any, x: Video, frame: Tensor) -> Tensor:
    """log p(x) [B] where every frame is drawn as one [C, H, W]."""
    found: Tensor = model.likelihood(x, frame.expand_as(x))
    return found


def by_one_player(
    config: Any,
    bound: Callable[..., Terms],
    schedule: Callable[[float], Schedule],
    name: str = "bound",
    null: Callable[[Any, Any, Tensor], Tensor] | None = likelihood_of,
) -> Stage:
    """The one stage of segments, whose one player trains the whole model.

    null: `Stage.null`; None of a model without a likelihood.
    """
    settings = config.train
    player = Player(name, lambda model: [model], bound, OPTIMIZERS[settings.optimizer])
    (stage,) = segments(settings, config, (player,), schedule, paint_swaps)
    return replace(stage, null=null)


def at_least(fewest: int, stage: Stage, title: str) -> Stage:
    """The stage, whose segments must have so many frames."""

    def sampler(clips: Clips) -> Sampler:
        if stage.frames < fewest:
            raise InputError(
                f"{title} takes segments of {counted(fewest, 'frame')} or more, not "
                f"{stage.frames}: raise --{stage.name}.frames"
            )
        return stage.sampler(clips)

    return replace(stage, sampler=sampler)


def one_by_one(clips: Clips, config: RunConfig) -> Individuals:
    """The training clips; nobody says who is in them."""
    return individuals(clips, config, "clip")


def presets(
    config: type[Any], tables: Mapping[str, Mapping[str, Overrides]]
) -> Callable[[str, Size], Any]:
    """The function `Method.preset` from tables by size and name."""

    def preset(name: str, size: Size = "compact") -> Any:
        if size not in tables:
            raise InputError(f"no presets of size '{size}': choose from {', '.join(tables)}")
        if name not in tables[size]:
            known = ", ".join(tables[size])
            raise InputError(f"unknown preset '{name}' of size {size}: choose one of {known}")
        return with_values(config(), tables[size][name])

    return preset


def read_out(model: nn.Module, clips: Clips, config: Any) -> dict[str, Tensor]:
    """What is fitted last, by two segments of a clip."""
    frames = config.train.frames
    return fit_readout(model, clips, config, one_by_one(clips, config), frames).fitted()


def finished(model: nn.Module, tensors: dict[str, Tensor], config: Any) -> nn.Module:
    """The model read out."""
    return Readout.of(model, tensors, config.readout)


def frames(config: Any) -> int:
    """Those of a segment."""
    return int(config.train.frames)
