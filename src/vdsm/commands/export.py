"""`vdsm export`."""

from pathlib import Path

from pydantic import Field

from vdsm.options import position, record


@record
class Options:
    """Write a run's weights at half the size, with a model card."""

    model: Path = position("RUN", "a folder made by 'vdsm train'")
    data: Path | None = position("DATA", "the run's dataset if it has moved", default=None)
    out: Path = Field(title="FOLDER", description="a new folder")
    evaluation: Path | None = Field(
        default=None, title="FILE.json", description="of 'vdsm evaluate' [the run's own]"
    )
    examples: int = Field(default=0, title="N", description="test clips, of pendula only")
    licence: str | None = Field(
        default=None, title="ID", description="of the weights [as the data asks]"
    )


def run(options: Options) -> None:
    """Export and say how large it is."""
    from vdsm.card.export import export

    export(
        options.model,
        options.data,
        options.out,
        options.evaluation,
        options.examples,
        options.licence,
    )
