"""`vdsm swap`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from vdsm.options import A_MODEL, CLIP, Place, position, record


@record
class Options:
    """The person of one clip doing the action of another."""

    model: Place = position("RUN", A_MODEL)
    identity: Place = Field(title="CLIP", description=f"who: {CLIP}")
    action: Place = Field(title="CLIP", description="what they do: a clip likewise")
    out: Path = Field(title="FILE", description=".gif, .mp4 or .png (a strip)")
    frames: int | None = Field(
        default=None, description="any length [what --window takes of the action]"
    )
    window: int | None = Field(
        default=None, description="first frames of a clip to encode, 0: all [as in training]"
    )
    by: Literal["dynamics", "frames"] = Field(
        default="dynamics",
        description="poses that follow from the action's d, or those of its frames one by one",
    )
    show_inputs: bool = Field(
        default=False,
        description="both clips beside the swap; a longer one shows them frozen after the last "
        "frame seen",
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")


def run(options: Options) -> None:
    """Swap and write."""
    from vdsm.use.swap import swap

    swap(
        options.model,
        options.identity,
        options.action,
        options.out,
        options.frames,
        options.window,
        options.by,
        options.show_inputs,
        options.device,
    )
