"""`vdsm fetch`."""

from pathlib import Path

from pydantic import Field

from vdsm.options import position, record


@record
class Options:
    """Get what is not ours to pass on: i3d, the network of the Fréchet video distance."""

    name: str = position("NAME", "i3d")
    out: Path | None = Field(default=None, title="DIR", description="folder [the user's cache]")
    source: Path | None = Field(
        default=None, title="FILE", description="the archive, where it was downloaded already"
    )


def run(options: Options) -> None:
    """Download by pip, check, store."""
    from vdsm.evaluate.fetch import fetch

    fetch(options.name, options.out, options.source)
