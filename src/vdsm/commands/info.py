"""`vdsm info`."""

from pathlib import Path

from pydantic import Field

from vdsm.options import A_MODEL, position, record


@record
class Options:
    """What a dataset, a run or a model is."""

    path: Path = position("RUN|DATA", f"a dataset, or {A_MODEL}")
    out: Path | None = Field(
        default=None, title="FILE.png", description="also write a picture of DATA"
    )


def run(options: Options) -> None:
    """Print what lies there."""
    from vdsm.use.info import info

    info(options.path, options.out)
