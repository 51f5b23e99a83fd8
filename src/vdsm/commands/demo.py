"""`vdsm demo`: the whole pipeline on simulated pendula, in minutes."""

from pathlib import Path

from rich.console import Console

from vdsm import figures
from vdsm.commands.train import sit_beside
from vdsm.config import override
from vdsm.data import MAKERS, open_clips
from vdsm.data.clips import Clips
from vdsm.model.vdsm import VDSM
from vdsm.presets import preset
from vdsm.train.run import Run
from vdsm.video import write_clips, write_picture

SIZE = 32  # pixels; 64 takes four times as long
FRAMES = 40  # shown, after training on 16 (Fig. 11)


def demo(out: Path, seed: int) -> None:
    """Clips, training, pictures and figures in `out`; started again, it goes on where it was."""
    console = Console()
    data, folder = out / "data", out / "run"

    console.rule("1. clips: seven coloured pendula at two speeds")
    if not (data / "dataset.json").exists():
        maker = MAKERS["pendulum"]
        maker.make(data, maker.options(size=SIZE, seed=seed))
    clips = open_clips(data)

    console.rule("2. training: frames, then sequences")
    if (folder / "run.json").exists():
        run = Run.open(folder)
    else:
        config = override(preset("pendulum"), {"model.size": str(SIZE), "seed": str(seed)}, "demo")
        run = Run.create(folder, config, data, "pendulum")
    sit_beside(run, clips, console)

    console.rule("3. pictures: this colour, that motion")
    draw(VDSM.from_pretrained(folder), clips, out, run.config.stage2.frames)
    console.print(f"look at {out / 'swap.gif'}, {out / 'swap.png'} and {folder / 'pictures'}")


def draw(model: VDSM, clips: Clips, out: Path, trained: int) -> None:
    """swap.gif: s of row x d of column over 40 frames; swap.png: three of the pairs as strips."""
    chosen = figures.diverse(clips, 6, trained)
    shown = figures.load(clips, chosen, trained)
    moving = figures.action_transfer(model, shown, shown, FRAMES)
    write_clips(out / "swap.gif", moving, fps=10)
    longer = figures.load(clips, chosen[:3], FRAMES)
    strips = figures.transfer_strips(model, longer, longer.roll(1, 0), FRAMES, trained)
    write_picture(out / "swap.png", strips)
