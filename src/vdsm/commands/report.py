"""`vdsm report`: one HTML page about a run."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from vdsm.commands.figures import SceneOptions, scene_of
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.evaluate.result import FILE
from vdsm.figures import FIGURES
from vdsm.files import atomic_write, check_writable, read_json
from vdsm.options import flag_help, from_flags
from vdsm.report import report as page
from vdsm.screen import screen
from vdsm.store.run import Run

USAGE = "usage: vdsm report RUN [DATA] [--evaluation FILE.json] [--out report.html] [options]"
NEEDED = ("n", "roles", "dataset", "fingerprint", "counts")


def report_help() -> str:
    """Usage and options."""
    return (
        f"{USAGE}\n\nDATA: where the data now lies. --evaluation: what 'vdsm evaluate' wrote "
        f"[RUN/{FILE} if it is there].\n--out: [RUN/report.html]\n\n{flag_help(SceneOptions)}"
    )


def report_command(
    paths: Sequence[Path], evaluation: Path | None, out: Path | None, words: list[str]
) -> None:
    """`vdsm report RUN [DATA]`."""
    if not 1 <= len(paths) <= 2:
        raise InputError("vdsm report: give RUN, then DATA if the run's data has moved")
    options = from_flags(SceneOptions, words, "vdsm report")
    data = paths[1] if len(paths) == 2 else None
    report(paths[0], data, evaluation, out or paths[0] / "report.html", options, screen())


def report(
    path: Path,
    data: Path | None,
    evaluation: Path | None,
    out: Path,
    options: SceneOptions,
    console: Console,
) -> None:
    """Draw the figures of a run and write its page."""
    run = Run.open(path)
    check_writable(out, ".html")
    clips = run.clips(data)
    measured = read_evaluation(run, clips, evaluation)
    scene = scene_of(path, data, options)
    drawn = {
        name: draw(scene)
        for name, draw in track(FIGURES.items(), "figures", console=console, transient=True)
    }
    content = page(run, clips, scene, measured, drawn).encode()
    atomic_write(out, content)
    see = f"; not evaluated yet, see: vdsm evaluate {shlex.quote(str(path))}"
    said = "" if measured else see
    console.print(f"{out}: {len(content) / 1e6:.1f} MB{said}", soft_wrap=True)


def read_evaluation(run: Run, clips: Clips, path: Path | None) -> dict[str, Any] | None:
    """What `vdsm evaluate` wrote about this run's data; None where nothing was asked or found."""
    if path is None and not (run.path / FILE).exists():
        return None
    path = path or run.path / FILE
    found = read_json(path)
    if missing := [name for name in NEEDED if name not in found]:
        raise InputError(f"{path} has no entry '{missing[0]}': name a file of 'vdsm evaluate'")
    if not clips.known_as(found["fingerprint"]):
        raise InputError(f"{path} was measured on other data than {run.path} was trained on")
    return found
