"""`vdsm evaluate`: the panel of `vdsm.evaluate`, filled in from one or more runs."""

from dataclasses import fields
from pathlib import Path

from pydantic import Field

from vdsm.errors import InputError
from vdsm.evaluate import Settings
from vdsm.evaluate.result import FILE
from vdsm.evaluate.run import evaluate, runs_and_data
from vdsm.options import position, record
from vdsm.screen import screen
from vdsm.store.run import Run, is_run
from vdsm.store.trained import measurable
from vdsm.verdict import of_run

# What a run of few minutes on a small machine leaves as it is.
HIDDEN = (
    *("batch", "judge_clips", "judge_steps", "judge_batch", "judge_width", "judge_hidden"),
    *("probe_clips", "shuffles", "resamples", "resnext"),
)


@record
class Options(Settings):
    """Measure runs: judges, swaps, leakage, intervals. Several are averaged, with their spread."""

    paths: list[Path] = position(
        "RUN", "folders of runs or exported models, or shipped names; the last may be their dataset"
    )
    out: Path | None = Field(
        default=None, title="FILE.json", description=f"the file to write [RUN/{FILE}, for one run]"
    )
    test_clips: int = Field(
        default=0, ge=0, title="N", description="test clips to measure, 0 for all"
    )


def run(options: Options) -> None:
    """Measure the runs, write JSON and print tables."""
    runs, data = runs_and_data(options.paths, "vdsm evaluate")
    out = options.out
    if out is None and len(runs) > 1:
        raise InputError("vdsm evaluate: --out is needed for several runs: the JSON file to write")
    if out is None and measurable(runs[0]) and not is_run(runs[0]):
        raise InputError(f"vdsm evaluate: --out is needed: {runs[0]} is a model without a run")
    settings = Settings(**{f.name: getattr(options, f.name) for f in fields(Settings)})
    console = screen()
    evaluate(runs, data, out or runs[0] / FILE, settings, options.test_clips, console)
    for path in runs if not settings.other_data else ():
        if is_run(path):
            run = Run.open(path)
            for line in of_run(run, run.clips(data)).lines:
                console.print(line if len(runs) == 1 else f"{path}: {line}", soft_wrap=True)
