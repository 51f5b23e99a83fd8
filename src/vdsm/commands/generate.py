"""`vdsm generate`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from vdsm.config import Seed
from vdsm.options import A_MODEL, CLIP, Place, position, record


@record
class Options:
    """Sample new clips, as GIFs and one sheet."""

    model: Place = position("RUN", A_MODEL)
    num: int = Field(title="N", description="number of clips")
    frames: int = Field(title="T", description="frames of each, any number")
    out: Path = Field(title="DIR", description="the folder to write")
    seed: Seed = Field(default=0, description="of the samples")
    density: Literal["fitted", "standard"] = Field(
        default="fitted",
        description="s and d as training clips have them, or standard: from the method's priors",
    )
    given: Place | None = Field(
        default=None,
        description=f"who, from which pose on and, of more than one frame, what: {CLIP}",
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")


def run(options: Options) -> None:
    """Sample and write."""
    from vdsm.use.generate import generate

    generate(
        options.model,
        options.num,
        options.frames,
        options.out,
        options.seed,
        options.given,
        options.density,
        options.device,
    )
