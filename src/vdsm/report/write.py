"""The page of a run, written to a file."""

import shlex
from pathlib import Path

from rich.console import Console
from rich.progress import track

from vdsm.figures import FIGURES, drawable
from vdsm.files import atomic_write, check_writable
from vdsm.report import report as page
from vdsm.report.evaluation import read_evaluation
from vdsm.store.run import Run
from vdsm.use.scene import SceneOptions, scene_of


def write_report(
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
        name: FIGURES[name](scene)
        for name in track(drawable(scene), "figures", console=console, transient=True)
    }
    content = page(run, clips, scene, measured, drawn).encode()
    atomic_write(out, content)
    see = f"; not evaluated yet, see: vdsm evaluate {shlex.quote(str(path))}"
    said = "" if measured else see
    console.print(f"{out}: {len(content) / 1e6:.1f} MB{said}", soft_wrap=True)
