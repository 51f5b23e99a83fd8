"""How a dataset keeps where its clips were cropped.

crops.csv     a row for each file, or part of one: its size, the first square, what is doubtful
boxes.f4      float32 [F, 3]: left, top, side of the square of each frame in frames.u8
whole.jpgs    a strip of small whole frames for each row, JPEG after JPEG
"""

import csv
import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vdsm.data.crop.remarks import ADVICE, Remark
from vdsm.errors import InputError
from vdsm.files import atomic_write
from vdsm.video.limits import Frames

TABLE, BOXES, WHOLE = "crops.csv", "boxes.f4", "whole.jpgs"
BOX_BYTES = 12  # of one square
QUALITY = 85  # of JPEG
SEPARATOR = "; "
Squares = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Cropped:
    """A row of crops.csv."""

    file: str
    part: str  # of the file; "" for all of it
    start: int  # where its frames begin in boxes.f4
    frames: int
    width: int  # of the whole picture, pixels
    height: int
    x: float  # left, top and side of the square in the first frame
    y: float
    side: float
    doubtful: str  # remarks
    shown: str  # numbers of the frames in whole.jpgs
    at: int  # bytes in whole.jpgs
    bytes: int

    @property
    def remarks(self) -> list[Remark]:
        return [Remark(word) for word in self.doubtful.split(SEPARATOR) if word]

    @property
    def advice(self) -> str:
        return SEPARATOR.join(f"{remark}: {ADVICE[remark]}" for remark in self.remarks)


def strip(pictures: Frames) -> bytes:
    """Pictures [n, h, w, 3] side by side as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(pictures), 1)).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def write_crops(folder: Path, rows: list[Cropped]) -> None:
    """crops.csv."""
    names = [field.name for field in fields(Cropped)]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    writer.writerows([[getattr(row, name) for name in names] for row in rows])
    atomic_write(folder / TABLE, buffer.getvalue().encode("utf-8", "surrogateescape"))


def read_crops(folder: Path | None) -> list[Cropped]:
    """The rows of a dataset's crops.csv; none where it was not cropped so."""
    if folder is None or not (folder / TABLE).exists():
        return []
    kinds: dict[str, Any] = {field.name: field.type for field in fields(Cropped)}
    try:
        with open(folder / TABLE, newline="", encoding="utf-8", errors="surrogateescape") as file:
            return [
                Cropped(**{name: kinds[name](cell) for name, cell in row.items()})
                for row in csv.DictReader(file)
            ]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{folder / TABLE} is damaged: make the data again") from error


def squares_of(folder: Path, row: Cropped) -> Squares:
    """float32 [frames, 3] of one row."""
    kept = np.memmap(folder / BOXES, np.float32, "r").reshape(-1, 3)
    return np.asarray(kept[row.start : row.start + row.frames])


def pictures_of(folder: Path, row: Cropped) -> tuple[list[int], Frames]:
    """The numbers of some frames of a row, and these as small whole pictures [n, h, w, 3]."""
    shown = [int(number) for number in row.shown.split()]
    with open(folder / WHOLE, "rb") as file:
        file.seek(row.at)
        image = np.asarray(Image.open(io.BytesIO(file.read(row.bytes))))
    return shown, np.stack(np.split(image, len(shown), axis=1))
