"""`vdsm figures`: the figures of the paper, and more, drawn by a trained model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from rich.progress import track

from vdsm.commands.use import load_model
from vdsm.config import Seed, suggest
from vdsm.data import open_clips
from vdsm.device import keep_freed_memory
from vdsm.errors import InputError
from vdsm.figures import FIGURES, Figure, Scene, set_scene
from vdsm.figures.layout import enlarge
from vdsm.files import claim_folder
from vdsm.options import flag_help, from_flags
from vdsm.screen import screen
from vdsm.store.run import Run, is_run
from vdsm.store.shipped import find
from vdsm.store.trained import read, require_fit
from vdsm.video import write_clips, write_picture

USAGE = "usage: vdsm figures RUN [DATA] --out DIR [options]"
Moving = Literal["png", "gif", "mp4"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SceneOptions:
    """What the figures of a run show."""

    clips: int = Field(default=6, ge=2, le=20, description="individuals to show")
    seen: int | None = Field(
        default=None, ge=1, description="frames of a clip that the model sees [as trained]"
    )
    frames: int | None = Field(
        default=None, ge=1, description="frames to draw where it goes on [2.5 x what it sees]"
    )
    seed: Seed = Field(default=0, description="of what is sampled")
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FigureOptions(SceneOptions):
    """Which figures, in which form."""

    kind: str = Field(default="all", description=f"all, or some with commas: {', '.join(FIGURES)}")
    format: Moving = Field(
        default="gif", description="of what moves: gif or mp4; png for stills alone"
    )
    fps: float = Field(default=8, ge=0.1, le=100, description="frames a second of what moves")


def figures_help() -> str:
    """Usage and options."""
    return f"{USAGE}\n\n{flag_help(FigureOptions)}"


def figures(model: Path, data: Path | None, out: Path, options: FigureOptions) -> None:
    """Write every figure asked for as PNG, and where it moves as GIF or mp4 too."""
    names = chosen(options.kind)
    scene = scene_of(model, data, options)
    claim_folder(out)
    console = screen()
    for name in track(names, "figures", console=console, transient=True):
        write_figure(FIGURES[name](scene), out, name, options.format, options.fps)
    console.print(f"{out}: {', '.join(names)}", soft_wrap=True)


def write_figure(figure: Figure, out: Path, name: str, form: Moving, fps: float) -> None:
    """<name>.png, and <name>.gif or .mp4 where the figure moves."""
    write_picture(out / f"{name}.png", figure.still)
    if figure.moving is not None and form != "png":
        write_clips(out / f"{name}.{form}", enlarge(figure.moving, figure.scale), fps)


def chosen(kind: str) -> list[str]:
    """Names of figures from what the user asked for."""
    names = list(FIGURES) if kind == "all" else [name.strip() for name in kind.split(",")]
    for name in names:
        if name not in FIGURES:
            raise InputError(f"no figure '{name}'{suggest(name, ['all', *FIGURES])}")
    return names


def scene_of(folder: Path, data: Path | None, options: SceneOptions) -> Scene:
    """The scene of a run with its own dataset or another one of its size, or of bare weights."""
    keep_freed_memory()
    model, _ = load_model(str(folder), options.device)
    trained = read(find(folder))
    if is_run(folder):
        clips = open_clips(data) if data else Run.open(folder).clips()
    elif data is None:
        raise InputError(f"{folder} is a model without a run: name a dataset too")
    else:
        clips = open_clips(data)
    require_fit(clips, model.config)
    seen = options.seen or (trained.frames if trained else min(16, int(clips.table.length.max())))
    return set_scene(model, clips, seen, options.frames, options.clips, options.seed)


def figures_command(paths: Sequence[Path], out: Path | None, words: list[str]) -> None:
    """`vdsm figures RUN [DATA] --out DIR`."""
    if not 1 <= len(paths) <= 2:
        raise InputError("vdsm figures: give RUN, then DATA if it is not the run's own")
    if out is None:
        raise InputError("vdsm figures: --out is needed: the folder to write")
    options = from_flags(FigureOptions, words, "vdsm figures")
    figures(paths[0], paths[1] if len(paths) == 2 else None, out, options)
