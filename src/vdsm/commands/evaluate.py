"""`vdsm evaluate`: the panel of `vdsm.evaluate`, filled in from one or more runs."""

from collections.abc import Sequence
from pathlib import Path

from vdsm.errors import InputError
from vdsm.evaluate import Settings
from vdsm.evaluate.result import FILE
from vdsm.evaluate.run import evaluate, runs_and_data
from vdsm.options import flag_help, from_flags
from vdsm.screen import screen
from vdsm.store.run import is_run
from vdsm.store.trained import measurable

USAGE = "usage: vdsm evaluate RUN [RUN ...] [DATA] --out FILE.json [--test-clips N] [options]"


def evaluate_help() -> str:
    """Usage and options."""
    return (
        f"{USAGE}\n\nRUN: several are averaged, with their spread; or what 'vdsm export' "
        "wrote, or a shipped name.\nDATA: where the data now lies, needed where there is no run.\n"
        f"--out: [RUN/{FILE}, for one run]. --test-clips: measure N of them, 0 for all [0].\n\n"
        f"{flag_help(Settings)}"
    )


def evaluate_command(
    paths: Sequence[Path], out: Path | None, test_clips: int, words: list[str]
) -> None:
    """Measure the runs, write JSON and print tables."""
    runs, data = runs_and_data(paths, "vdsm evaluate")
    if out is None and len(runs) > 1:
        raise InputError("vdsm evaluate: --out is needed for several runs: the JSON file to write")
    if out is None and measurable(runs[0]) and not is_run(runs[0]):
        raise InputError(f"vdsm evaluate: --out is needed: {runs[0]} is a model without a run")
    settings = from_flags(Settings, words, "vdsm evaluate")
    evaluate(runs, data, out or runs[0] / FILE, settings, test_clips, screen())
