"""What the page may ask: the bodies of its requests, with every bound."""

from pydantic import BaseModel, ConfigDict, Field

from vdsm.studio.limits import Limits
from vdsm.studio.sheet import Format

MOST = Limits()


class Asked(BaseModel):
    """Nothing but what is stated."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Way(Asked):
    """A clip, or what lies between it and another one."""

    a: str = Field(max_length=64)
    b: str | None = Field(default=None, max_length=64)
    share: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)


class Cell(Asked):
    """One clip to draw."""

    who: Way
    what: Way


class Draw(Asked):
    """Clips to draw, of equal length."""

    cells: list[Cell] = Field(min_length=1, max_length=MOST.cells)
    frames: int = Field(ge=1, le=MOST.frames)


class Download(Draw):
    """The same as a file."""

    kind: Format
    columns: int = Field(default=1, ge=1, le=MOST.cells)
    scale: int = Field(default=1, ge=1, le=8)
    fps: float = Field(default=8, ge=1, le=60, allow_inf_nan=False)


class Sample(Asked):
    """New clips."""

    count: int = Field(default=1, ge=1, le=8)
