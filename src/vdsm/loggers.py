"""What training says, shown in TensorBoard or Weights & Biases too: numbers, and frames as grids.

Their packages are extras, imported when asked for. Numbers are those of metrics.jsonl, under
STAGE/NAME at the stage's own step; pictures are those in the run's folder.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from PIL import Image

from vdsm.errors import InputError
from vdsm.files import atomic_write
from vdsm.store.run import Run

Name = Literal["tensorboard", "wandb"]
OF_THE_LINE = ("name", "stage", "step", "steps")  # of a record, what is no measurement
ID = "wandb.json"  # of a run, so that a resumed one goes on in the same page


class Sink(Protocol):
    """Where numbers and pictures go."""

    def numbers(self, stage: str, step: int, values: Mapping[str, float]) -> None: ...

    def picture(self, stage: str, step: int, what: str, file: Path) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Event files in the run's folder: tensorboard --logdir RUN."""

    def __init__(self, run: Run) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(run.path / "tensorboard"))

    def numbers(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """A curve for each."""
        for name, value in values.items():
            self.writer.add_scalar(f"{stage}/{name}", value, step)

    def picture(self, stage: str, step: int, what: str, file: Path) -> None:
        """A grid of frames; TensorBoard plays no GIF."""
        if file.suffix == ".png":
            with Image.open(file) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            self.writer.add_image(f"{stage}/{what}", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


class Wandb:
    """A page in the project "vdsm", or in WANDB_PROJECT; WANDB_MODE=offline sends nothing."""

    def __init__(self, run: Run) -> None:
        import os

        import wandb

        self.wandb: Any = wandb
        project = os.environ.get("WANDB_PROJECT", "vdsm")
        about = {"method": run.method, "fingerprint": run.fingerprint, **asdict(run.config)}
        try:
            self.run = wandb.init(
                project=project,
                name=run.path.resolve().name,
                id=identity(run),
                resume="allow",
                dir=str(run.path),
                config=about,
            )
        except wandb.errors.Error as error:
            first = str(error).strip().split("\n")[0]
            raise InputError(
                f"wandb: {first}: run 'wandb login', or set WANDB_MODE=offline; then vdsm train "
                f"--resume --out {run.path} --logger wandb"
            ) from error
        self.known: set[str] = set()

    def send(self, stage: str, step: int, values: Mapping[str, Any]) -> None:
        """Under the stage's own step."""
        if stage not in self.known:
            self.known.add(stage)
            self.run.define_metric(f"{stage}/*", step_metric=f"{stage}/step")
        named = {f"{stage}/{name}": value for name, value in values.items()}
        self.run.log({**named, f"{stage}/step": step})

    def numbers(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """A curve for each."""
        self.send(stage, step, values)

    def picture(self, stage: str, step: int, what: str, file: Path) -> None:
        """A grid of frames, or frames that move."""
        moving = file.suffix == ".gif"
        shown = self.wandb.Video(str(file), format="gif") if moving else self.wandb.Image(str(file))
        self.send(stage, step, {f"{what}-moving" if moving else what: shown})

    def close(self) -> None:
        """Send what is left."""
        self.run.finish()


def identity(run: Run) -> str:
    """Of a run's page, the same when it is resumed."""
    file = run.path / ID
    if not file.exists():
        atomic_write(file, json.dumps({"id": secrets.token_hex(4)}).encode())
    return str(json.loads(file.read_text())["id"])


class Pictures:
    """Those of a run's folder that were not shown yet; named STAGE-STEP-WHAT."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = set(self.files())

    def files(self) -> list[Path]:
        """PNG and GIF files."""
        return sorted(f for f in self.folder.glob("*-*-*") if f.suffix in (".png", ".gif"))

    def new(self) -> Iterator[tuple[str, int, str, Path]]:
        """Stage, step, what, file."""
        for file in self.files():
            if file not in self.seen:
                self.seen.add(file)
                stage, step, what = file.stem.rsplit("-", 2)
                yield stage, int(step), what, file


PACKAGES: Mapping[str, tuple[str, Callable[[Run], Sink]]] = {
    "tensorboard": ("tensorboard", TensorBoard),
    "wandb": ("wandb", Wandb),
}


def require(name: str | None) -> None:
    """InputError where a logger's package is not installed, or the name is none."""
    if name is None:
        return
    if name not in get_args(Name):
        raise InputError(f"--logger is '{name}': it is {' or '.join(get_args(Name))}")
    from importlib import import_module

    try:
        import_module(PACKAGES[name][0])
    except ImportError:
        raise InputError(f'--logger {name} needs {name}: pip install "vdsm[{name}]"') from None


@contextmanager
def logging(name: str | None, run: Run) -> Iterator[Callable[[dict[str, Any]], None]]:
    """What takes a line of metrics; new pictures go with it, and the last ones at the end."""
    if name is None:
        yield lambda _: None
        return
    sink, pictures = PACKAGES[name][1](run), Pictures(run.path / "pictures")

    def show() -> None:
        for stage, step, what, file in pictures.new():
            sink.picture(stage, step, what, file)

    def take(record: dict[str, Any]) -> None:
        values = {k: v for k, v in record.items() if k not in OF_THE_LINE and number(v)}
        sink.numbers(record["name"], record["step"], values)
        show()

    try:
        yield take
    finally:
        show()
        sink.close()


def number(value: object) -> bool:
    """Whether it can be drawn as a curve."""
    return isinstance(value, int | float) and not isinstance(value, bool)
