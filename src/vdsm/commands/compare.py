"""`vdsm compare`: runs of any methods on one dataset, side by side."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console

from vdsm.compare.gather import Compared, gather, measured, open_runs
from vdsm.compare.picture import picture
from vdsm.compare.rows import table
from vdsm.compare.text import as_json, markdown, page, published, remarks, terminal
from vdsm.data.clips import Clips, is_dataset
from vdsm.device import keep_freed_memory
from vdsm.errors import InputError
from vdsm.evaluate import Settings
from vdsm.evaluate.bar import progress_bar
from vdsm.evaluate.result import FILE
from vdsm.evaluate.run import evaluate_run
from vdsm.files import atomic_write, claim_folder, writable
from vdsm.options import position, record
from vdsm.report import html
from vdsm.screen import screen
from vdsm.store.run import Run
from vdsm.video import write_clips, write_picture

SOURCE = "vdsm compare"
FPS = 8
HIDDEN = tuple(
    f.name
    for f in fields(Settings)
    if f.name not in ("seed", "floor", "judge_early", "judges", "device", "split")
)


@record
class Options(Settings):
    """Compare runs of any methods on one dataset: one table and one picture.

    Runs that are not evaluated yet are evaluated; several of one method are averaged.
    """

    paths: list[Path] = position("RUN", "folders made by 'vdsm train'; the last may be their data")
    out: Path = Field(title="DIR", description="folder for compare.md, .html, .json, .png and .gif")
    test_clips: int = Field(
        default=0, ge=0, title="N", description="test clips to measure, 0 for all"
    )


def run(options: Options) -> None:
    """Measure what is not measured, write and print."""
    paths = list(options.paths)
    data = paths.pop() if is_dataset(paths[-1]) else None
    if not paths:
        raise InputError(f"{SOURCE}: RUN is needed: a folder made by 'vdsm train'")
    runs, clips = open_runs(paths, data)
    claim_folder(options.out)
    console = screen()
    keep_freed_memory()
    systems = gather(runs, lambda run: result_of(run, clips, options, console))
    write(systems, clips, options.out, options.device, console)


def result_of(run: Run, clips: Clips, options: Options, console: Console) -> dict[str, Any]:
    """The run's own evaluation where it fits, else a new one.

    It becomes the run's own where there is none; where there is another one, that stays.
    """
    settings = Settings(**{f.name: getattr(options, f.name) for f in fields(Settings)})
    found = None if options.test_clips else measured(run, clips, settings)
    if found is not None:
        console.print(f"{run.path}: as {FILE} says", soft_wrap=True)
        return found
    console.print(f"{run.path}: measuring", soft_wrap=True)
    with progress_bar(console) as bar:
        judges = options.out / "judges"
        found = evaluate_run(run.path, clips.path, settings, options.test_clips, judges, bar)
    if not (run.path / FILE).exists() and writable(run.path):
        atomic_write(run.path / FILE, json.dumps(found, indent=2).encode())
    return found


def write(systems: list[Compared], clips: Clips, out: Path, device: str, console: Console) -> None:
    """compare.md, compare.json, compare.html, compare.png, compare.gif; and the table printed."""
    heads, rows = table(systems)
    drawn = picture(systems, clips, device)
    write_picture(out / "compare.png", drawn.still)
    write_clips(out / "compare.gif", drawn.moving, FPS)
    shown = [html.picture(drawn.still, "swaps of the same pairs by every method")]
    atomic_write(out / "compare.md", markdown(clips, systems, heads, rows).encode())
    atomic_write(out / "compare.html", page(clips, systems, heads, rows, shown).encode())
    atomic_write(out / "compare.json", as_json(clips, systems, heads, rows))
    console.print(terminal(clips, systems, heads, rows))
    for method, figure, value, protocol, _ in published(systems, clips.info.name):
        console.print(f"published, {method}: {figure} {value} ({protocol})", soft_wrap=True)
    for said in remarks(systems):
        console.print(said, soft_wrap=True)
    console.print(f"{out}: compare.md, .html, .json, .png, .gif", soft_wrap=True)
