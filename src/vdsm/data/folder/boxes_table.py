"""Tables of boxes: a row for each clip, or for each frame of it."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vdsm.data.crop.given import Given
from vdsm.data.folder.cells import read_rows
from vdsm.errors import InputError

Rows = dict[str, Given]  # by the name of the clip
CLIP = ("file", "filename", "path", "clip", "clipname", "video", "videoname", "videopath", "name")
FRAME = ("frame", "framenumber", "frameidx", "frameid", "frameindex", "frameno", "framenum")
TRACK = ("id", "track", "trackid", "objectid", "personid", "instance", "identity")
SIZE_OF = {  # how a box is given -> the columns, each in several spellings
    "square": (("x",), ("y",), ("side",), ("side",)),  # of crops.csv
    "corner": (("x", "left", "x0"), ("y", "top", "y0"), ("w", "width"), ("h", "height")),
    "corners": (
        ("x1", "xmin", "left", "x0", "minx"),
        ("y1", "ymin", "top", "y0", "miny"),
        ("x2", "xmax", "right", "maxx"),
        ("y2", "ymax", "bottom", "maxy"),
    ),
    "centre": (
        ("cx", "xc", "xcenter", "centerx", "xcentre", "centrex"),
        ("cy", "yc", "ycenter", "centery", "ycentre", "centrey"),
        ("w", "width"),
        ("h", "height"),
    ),
}
PREFIXES = ("bbox", "box", "bb")
LARGEST_FRAME = 10**8


def first_cells(path: Path) -> list[str]:
    """The cells of a CSV file's first row."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return [cell.strip() for cell in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8 ({error})") from error


@dataclass(frozen=True)
class _Columns:
    """Which column is which."""

    how: str
    box: tuple[str, ...]
    clip: str | None
    frame: str | None
    track: str | None


@dataclass
class _Row:
    number: int
    frame: int | None
    track: str
    box: tuple[float, ...] | None  # left, top, right, bottom; None: there is none


def read_table_of_boxes(path: Path) -> Rows:
    """The boxes by the names of clips, '' where the table names none. Frames count from 0."""
    header, rows = read_rows(path)
    columns = _columns(path, header)
    clips: dict[str, list[_Row]] = {}
    for number, cells in rows:
        where = f"{path}, row {number}"
        clip = cells[columns.clip] if columns.clip else ""
        if columns.clip and not clip:
            raise InputError(f"{where}: the {columns.clip} is empty")
        frame = _frame(cells[columns.frame], where) if columns.frame else None
        track = cells[columns.track] if columns.track else ""
        clips.setdefault(clip, []).append(_Row(number, frame, track, _box(cells, columns, where)))
    if not clips:
        raise InputError(f"{path} has no rows: give a box in each")
    return {clip: _given(path, found) for clip, found in clips.items()}


def _columns(path: Path, header: Sequence[str]) -> _Columns:
    plain = {_plain(name): name for name in reversed(header)}
    for how, wanted in SIZE_OF.items():
        box = [next((plain[s] for s in spellings if s in plain), None) for spellings in wanted]
        if all(box) and len(set(box)) == len(set(wanted)):
            others = {k: v for k, v in plain.items() if v not in box}
            return _Columns(
                how,
                tuple(name for name in box if name),
                *(
                    next((others[s] for s in names if s in others), None)
                    for names in (CLIP, FRAME, TRACK)
                ),
            )
    numbers = all(_is_number(name) for name in header)
    what = "row 1 holds numbers, not names of columns" if numbers else f"it has {list(header)}"
    raise InputError(
        f"{path} has no columns of boxes ({what}): name them x,y,w,h, or x1,y1,x2,y2, or cx,cy,w,h,"
        " with file and frame"
    )


def _plain(name: str) -> str:
    """A column's name in small letters, without a prefix that says that it is of a box."""
    plain = "".join(c for c in name.casefold() if c.isalnum())
    return next(
        (plain.removeprefix(p) for p in PREFIXES if plain.startswith(p) and plain != p), plain
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _frame(cell: str, where: str) -> int:
    value = float(cell) if _is_number(cell) else math.nan
    if not 0 <= value <= LARGEST_FRAME or value != int(value):
        raise InputError(f"{where}: frame '{cell}' is none: it is a whole number, from 0")
    return int(value)


def _box(cells: Mapping[str, str], columns: _Columns, where: str) -> tuple[float, ...] | None:
    """Left, top, right, bottom; None where all four cells are empty or NaN."""
    given = [cells[name] for name in columns.box]
    if all(cell.casefold() in ("", "nan", "none", "null") for cell in given):
        return None
    values = [float(cell) if _is_number(cell) else math.nan for cell in given]
    if not all(map(math.isfinite, values)):
        wrong = next(i for i, value in enumerate(values) if not math.isfinite(value))
        raise InputError(
            f"{where}: {columns.box[wrong]} is '{given[wrong]}': give a number of pixels, or leave"
            " all four empty where there is no box"
        )
    a, b, c, d = values
    boxes = {"corners": (a, b, c, d)} | dict.fromkeys(("corner", "square"), (a, b, a + c, b + d))
    left, top, right, bottom = boxes.get(columns.how, (a - c / 2, b - d / 2, a + c / 2, b + d / 2))
    if right <= left or bottom <= top:
        raise InputError(
            f"{where}: a box {', '.join(columns.box)} of {', '.join(given)} has no area: its width"
            " and height are above 0"
        )
    return left, top, right, bottom


def _given(path: Path, rows: list[_Row]) -> Given:
    """The boxes of one clip, of several tracks those of the largest."""
    area: dict[str, float] = {}
    for row in rows:
        if row.box is not None:
            left, top, right, bottom = row.box
            area[row.track] = area.get(row.track, 0) + (right - left) * (bottom - top)
    chosen = max(area, key=lambda track: area[track], default=rows[0].track)
    taken = [row for row in rows if row.track == chosen]
    named = taken[0].frame is not None
    if not named and len(area) > 1 and len(taken) < len(rows):
        raise InputError(f"{path} has several tracks but no column 'frame': add one")
    seen: dict[int, int] = {}
    for i, row in enumerate(taken):
        at = row.frame if row.frame is not None else i
        if at in seen:
            raise InputError(
                f"{path}, row {row.number}: frame {at} stands in row {seen[at]} already: give one"
                " box a frame, or name tracks in a column 'id'"
            )
        seen[at] = row.number
    _check_pixels(path, taken)
    places = list(seen)
    boxes, numbers = np.full((max(places) + 1, 4), np.nan), np.zeros(max(places) + 1, np.int64)
    for at, row in zip(places, taken, strict=True):
        boxes[at] = row.box if row.box is not None else np.nan
        numbers[at] = row.number
    single = len(taken) == 1 and not named
    return Given(str(path), boxes, numbers, not single, dense=not named, several=len(area) > 1)


def _check_pixels(path: Path, rows: list[_Row]) -> None:
    """Refuse boxes that are shares of the picture."""
    known = [row for row in rows if row.box is not None]
    if known and all(max(row.box or (0,)) <= 1 for row in known):
        raise InputError(
            f"{path}, row {known[0].number}: boxes are shares of the picture: give them in pixels"
        )
