"""`vdsm demo`: the whole pipeline on simulated pendula, in minutes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from vdsm import figures
from vdsm.commands.figures import SceneOptions
from vdsm.commands.report import report
from vdsm.config import override
from vdsm.data import MAKERS, open_clips
from vdsm.data.clips import Clips, is_dataset
from vdsm.errors import InputError
from vdsm.evaluate import Settings
from vdsm.evaluate.result import FILE
from vdsm.evaluate.run import evaluate
from vdsm.methods.vdsm.recipe import METHOD
from vdsm.report.settings import duration
from vdsm.screen import screen
from vdsm.store.open import open_model
from vdsm.store.run import Run, is_run
from vdsm.training import sit_beside
from vdsm.video import write_clips, write_picture

PRESET = "pendulum"
SIZE = 32  # pixels; 64 takes four times as long
FRAMES = 40  # shown, after training on 16 (Fig. 11)
# Of the evaluation: one judge is enough for pendula, and 112 test clips bear no finer floor.
LIGHT = Settings(judges=1, floor=0.9, resamples=200)


def demo(out: Path, seed: int) -> None:
    """Clips, training, evaluation and report in `out`; started again, it goes on where it was."""
    console = screen()
    data, folder = out / "data", out / "run"

    with step(console, "1. clips: seven coloured pendula at two speeds"):
        if not is_dataset(data):
            maker = MAKERS["pendulum"]
            maker.make(data, maker.options(size=SIZE, seed=seed))
        clips = open_clips(data)

    with step(console, "2. training: frames, then sequences"):
        run = prepared(folder, data, seed)
        sit_beside(run, clips, console, f"vdsm demo --out {out}")

    with step(console, "3. evaluation: what each code holds, and whether swaps are right"):
        try:
            evaluate([folder], data, folder / FILE, LIGHT, 0, console)
        except InputError as error:  # pictures can be looked at without judges
            console.print(f"not evaluated: {error}", soft_wrap=True)

    with step(console, "4. report: this colour, that motion"):
        draw(open_model(folder), clips, out, run.frames)
        page = out / "report.html"
        report(folder, data, None, page, SceneOptions(frames=FRAMES, device="cpu"), console)

    console.print(f"\nLook at {page} in a browser, or at {out / 'swap.gif'} and {out / 'swap.png'}")


@contextmanager
def step(console: Console, title: str) -> Iterator[None]:
    """Say what begins, and at the end how long it took."""
    console.rule(title)
    started = time.perf_counter()
    yield
    console.print(f"done in {duration(time.perf_counter() - started)}")


def prepared(folder: Path, data: Path, seed: int) -> Run:
    """The run of the demo, new or from before."""
    if is_run(folder):
        run = Run.open(folder)
        if run.config.seed != seed:
            raise InputError(
                f"{folder} was made with seed {run.config.seed}, not {seed}: choose another --out"
            )
        return run
    changes = {"model.size": str(SIZE), "seed": str(seed)}
    config = override(METHOD.preset(PRESET, "compact"), changes, "demo")
    return Run.create(folder, config, data, PRESET)


def draw(model: Any, clips: Clips, out: Path, trained: int) -> None:
    """swap.gif: s of row x d of column over 40 frames; swap.png: some of the pairs, as Fig. 11."""
    scene = figures.set_scene(model, clips, trained, FRAMES)
    moving = figures.action_transfer(model, scene.clips, scene.clips, FRAMES)
    write_clips(out / "swap.gif", moving, fps=10)
    write_picture(out / "swap.png", figures.FIGURES["beyond"](scene).still)
