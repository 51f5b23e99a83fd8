"""`vdsm studio`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from vdsm.errors import InputError
from vdsm.options import A_MODEL, Place, position, record
from vdsm.screen import screen


@record
class Options:
    """A page in the browser: pick who, pick what they do, and watch the swap.

    It listens on this machine alone, needs no network, and keeps nothing that was uploaded.
    """

    model: Place = position("MODEL", A_MODEL)
    data: Path | None = position(
        "DATA",
        "clips to show, made by 'vdsm data' [the run's own, or the model's examples]",
        default=None,
    )
    evaluation: Path | None = Field(
        default=None,
        title="FILE.json",
        description="what 'vdsm evaluate' wrote [evaluation.json in the run, if it is there]",
    )
    crop: Literal["centre", "square", "subject", "face"] | None = Field(
        default=None,
        description="what is seen of files that are dropped: the middle, all with black beside it, "
        "what moves, or a face (vdsm[face]) [as the clips of DATA were cropped]",
    )
    port: int = Field(default=8777, ge=0, le=65535, description="0: any that is free")
    host: str = Field(
        default="127.0.0.1",
        description="address to listen at; another machine's browsers then need the token that "
        "is printed",
    )
    open: bool = Field(default=True, description="open the page, where there is a screen")
    no_open: bool = Field(default=False, description="do not")
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")


def run(options: Options) -> None:
    """Serve until Ctrl-C."""
    try:
        from vdsm.studio.serve import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("fastapi", "starlette", "uvicorn"):
            raise
        raise InputError('a studio needs fastapi and uvicorn: pip install "vdsm[studio]"') from None
    serve(
        options.model,
        options.data,
        options.evaluation,
        options.host,
        options.port,
        options.open and not options.no_open,
        options.device,
        screen(),
        options.crop,
    )
