"""`vdsm figures`: the figures of the paper, and more, drawn by a trained model."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.progress import track

from vdsm.config import suggest
from vdsm.errors import InputError
from vdsm.figures import FIGURES, Figure, lacking
from vdsm.figures.layout import enlarge
from vdsm.files import claim_folder
from vdsm.options import A_MODEL, Place, position, record
from vdsm.screen import screen
from vdsm.use.scene import SceneOptions, scene_of
from vdsm.video import write_clips, write_picture

Moving = Literal["png", "gif", "mp4"]


@record
class Options(SceneOptions):
    """Draw the paper's figures, and more, as PNG and where they move as GIF or mp4."""

    model: Place = position("RUN", A_MODEL)
    data: Path | None = position("DATA", "the dataset, if it is not the run's own", default=None)
    out: Path = Field(title="DIR", description="the folder to write")
    kind: str = Field(default="all", description=f"all, or some with commas: {', '.join(FIGURES)}")
    format: Moving = Field(
        default="gif", description="of what moves: gif or mp4; png for stills alone"
    )
    fps: float = Field(default=8, ge=0.1, le=100, description="frames a second of what moves")


def run(options: Options) -> None:
    """Write every figure asked for as PNG, and where it moves as GIF or mp4 too."""
    names = chosen(options.kind)
    scene = scene_of(Path(options.model), options.data, options)
    lacks = {name: lacking(name, scene.model) for name in names}
    if any(lacks.values()) and (options.kind != "all" or all(lacks.values())):
        raise InputError(next(f"{name}: {why}" for name, why in lacks.items() if why))
    names = [name for name, why in lacks.items() if not why]
    claim_folder(options.out)
    console = screen()
    for name in track(names, "figures", console=console, transient=True):
        write_figure(FIGURES[name](scene), options.out, name, options.format, options.fps)
    console.print(f"{options.out}: {', '.join(names)}", soft_wrap=True)
    for name, why in lacks.items():
        if why:
            console.print(f"left out: {name}: {why}", soft_wrap=True)


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
