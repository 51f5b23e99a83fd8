"""The loss of SKD and SSM-SKD: to draw a clip and what is predicted of it, few eigenvalues at 1."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, cat

from vdsm.config import STRICT, RunConfig
from vdsm.methods.parts.linear import Latents, LinearModel, require_dynamic
from vdsm.methods.parts.recipe import SegmentConfig, at_least, by_one_player
from vdsm.notation import Video
from vdsm.train.stage import Schedule, Stage, Terms


@dataclass(frozen=True, config=STRICT)
class LinearTrainConfig(SegmentConfig):
    """Segments of clips, and the weights of the loss's terms (SKD, Eqs. 6 to 9)."""

    reconstruction: float = Field(default=15.0, ge=0, description="weight of the clip as drawn")
    prediction: float = Field(default=1.0, ge=0, description="weight of the clip as predicted")
    latent: float = Field(default=1.0, ge=0, description="weight of the latents as predicted")
    spectrum: float = Field(default=1.0, ge=0, description="weight of the eigenvalues' places")


def errors(
    model: LinearModel, x: Video, z: Latents, predicted: Float[Tensor, "B T-1 K"]
) -> dict[str, Float[Tensor, " B"]]:
    """Mean squares of the clip as drawn, of frames 2 to T as predicted, and of their latents."""
    foretold = model.drawn(cat([z[:, :1], predicted], 1))[:, 1:]
    return {
        "reconstruction": mean_square(model.drawn(z) - x),
        "prediction": mean_square(foretold - x[:, 1:]),
        "latent": mean_square(predicted - z[:, 1:]),
    }


def mean_square(difference: Float[Tensor, "B ..."]) -> Float[Tensor, " B"]:
    """Over all but the batch."""
    return difference.square().flatten(1).mean(1)


def linear_stages(config: RunConfig, bound: Callable[..., Terms], title: str) -> tuple[Stage]:
    """One stage, one player; InputError where nothing is dynamic."""
    require_dynamic(config.model)
    t: Any = config.train  # type: ignore[attr-defined]
    names = ("reconstruction", "prediction", "latent", "spectrum")
    weights = {name: getattr(t, name) for name in names}
    stage = by_one_player(config, bound, lambda _: Schedule(weights), "loss", null=None)
    stage = at_least(2, stage, title)
    return (replace(stage, waits="eigenvalues and least squares are found on the host"),)
