"""`vdsm report`: one HTML page about a run."""

from pathlib import Path

from pydantic import Field

from vdsm.evaluate.result import FILE
from vdsm.options import position, record
from vdsm.report.write import write_report
from vdsm.screen import screen
from vdsm.use.scene import SceneOptions


@record
class Options(SceneOptions):
    """Write one HTML page about a run: settings, curves, figures and what was measured."""

    model: Path = position("RUN", "a folder made by 'vdsm train'")
    data: Path | None = position("DATA", "where the run's data now lies", default=None)
    evaluation: Path | None = Field(
        default=None,
        title="FILE.json",
        description=f"what 'vdsm evaluate' wrote [RUN/{FILE} if it is there]",
    )
    out: Path | None = Field(
        default=None, title="FILE.html", description="the page to write [RUN/report.html]"
    )


def run(options: Options) -> None:
    """Draw the figures of a run and write its page."""
    out = options.out or options.model / "report.html"
    write_report(options.model, options.data, options.evaluation, out, options, screen())
