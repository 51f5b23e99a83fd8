"""Clips from a table: a row for each, with its file, part of the file, group, split and labels."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from vdsm.data.folder.cells import read_rows
from vdsm.data.folder.item import Cut, Found, Item
from vdsm.data.folder.levels import split_of
from vdsm.data.folder.scan import Reading, one_clip
from vdsm.data.folder.walk import file_key
from vdsm.errors import InputError

PATHS = ("path", "file_name")  # the column that names the file
CUTS = {"s": ("start", "end"), "frames": ("start_frame", "end_frame")}
SPECIAL = ("split", *(name for pair in CUTS.values() for name in pair))  # are no labels
MEANT = {  # other words for the columns that mean something
    "group": ("person", "identity", "subject", "actor", "speaker", "individual", "who"),
    "split": ("set", "subset", "partition", "fold"),
    "start": ("begin", "from", "onset", "starttime", "startsec", "starts"),
    "end": ("stop", "to", "until", "finish", "offset", "endtime", "endsec", "ends"),
    "start_frame": ("firstframe", "framestart", "beginframe"),
    "end_frame": ("lastframe", "frameend", "stopframe"),
}


def read_table(table: Path, root: Path, reading: Reading = Reading()) -> Found:  # noqa: B008
    """The clips of a table with the columns path, group, split, start, end; all but path optional.

    Paths are relative to `root`. `start`, `end` cut a part of a video, in seconds; `start_frame`,
    `end_frame` in frames from 0, without the last. Every column but these is a label, group too.
    An empty cell is an unknown label, or a clip with a group of its own, or no cut.
    """
    header, rows = read_rows(table)
    column = path_column(table, header)
    seen = _Seen(table)
    items = []
    for number, row in rows:
        item = seen.add(number, _from_row(row, column, root, f"{table}, row {number}"))
        try:
            items.append(one_clip(item, reading))
        except InputError as error:
            raise InputError(f"{table}, row {number}: {error}") from error
    if not items:
        raise InputError(f"{table} has no rows: name a clip in each")
    for name in items[0].labels:
        if "." in name:
            raise InputError(f"{table}: the column '{name}' has a dot in its name: rename it")
    return Found(items, said=hints(table, header, column))


def path_column(table: Path, header: Sequence[str]) -> str:
    """The column that names the files; InputError where there is none."""
    for name in (*PATHS, *(name for name in header if name.endswith("_file_name"))):
        if name in header:
            return name
    near = [name for name in header if _plain(name) in ("path", "filename", "file", "video")]
    hint = f"; is it '{near[0]}'? rename it" if near else ""
    raise InputError(f"{table} has no column 'path': it has {list(header)}{hint}")


class _Seen:
    """Which files and parts of them the rows have named so far."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self.names: dict[object, str] = {}  # of files, however they are spelled
        self.keys: dict[str, object] = {}  # the reverse
        self.numbers: dict[tuple[object, Cut | None], int] = {}

    def add(self, number: int, item: Item) -> Item:
        """The item by its file's first name; InputError if it has been named already."""
        key = file_key(item.path)
        here = (key, item.cut)
        if here in self.numbers:
            what = self.names[key] + (item.cut.suffix if item.cut else "")
            also = "" if item.file == self.names[key] else f" (here as {item.file})"
            raise InputError(
                f"{self.table}, row {number}: {what} stands in row {self.numbers[here]}"
                f" already{also}: name each clip once"
            )
        self.numbers[here] = number
        name = self.names.setdefault(key, self._new_name(item, key))
        return replace(item, name=name + item.cut.suffix if item.cut else name)

    def _new_name(self, item: Item, key: object) -> str:
        """Without `.` and `..` where no other file is called so."""
        plain = Path(os.path.normpath(item.file)).as_posix()
        name = plain if self.keys.setdefault(plain, key) == key else item.file
        self.keys[name] = key
        return name


def _from_row(row: Mapping[str, str], column: str, root: Path, where: str) -> Item:
    if not row[column]:
        raise InputError(f"{where}: the {column} is empty")
    split = split_of(row["split"]) if row.get("split") else None
    if row.get("split") and split is None:
        raise InputError(
            f"{where}: split is '{row['split']}', it should be train, validation, test or empty"
        )
    labels = {name: row[name] for name in row if name not in (column, *SPECIAL)}
    path, cut = root / row[column], _cut(row, where)
    name = Path(row[column]).as_posix()
    group = row.get("group") or None
    return Item(path, name + cut.suffix if cut else name, group, labels, split, cut)


def _cut(row: Mapping[str, str], where: str) -> Cut | None:
    """The part of the file that a row names; None for all of it."""
    found = []
    for unit, (first, last) in CUTS.items():
        start = _number(row.get(first, ""), unit, f"{where}: {first}")
        end = _number(row.get(last, ""), unit, f"{where}: {last}")
        if start is None and end is None:
            continue
        if end is not None and end <= (start or 0):
            raise InputError(f"{where}: {last} {end:g} is not after {first} {start or 0:g}")
        found.append(Cut(start, end, unit))
    if len(found) > 1:
        raise InputError(f"{where}: gives its part in seconds and in frames: leave one empty")
    return next((cut for cut in found if cut.start or cut.end is not None), None)


def _number(text: str, unit: str, where: str) -> float | None:
    """A time as 75.5, 1:15.5 or 0:01:15.5; or a frame. None for an empty cell."""
    if text in ("", "nan", "NaN"):
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    whole = unit == "s" or (len(parts) == 1 and parts[0].is_integer())
    if not whole or not 1 <= len(parts) <= 3 or not all(0 <= p < math.inf for p in parts):
        what = "seconds, or h:mm:ss" if unit == "s" else "the number of a frame, from 0"
        raise InputError(f"{where} is '{text}', it should be {what}")
    return sum(part * 60.0**i for i, part in enumerate(reversed(parts)))


def hints(table: Path, header: Sequence[str], column: str) -> list[str]:
    """A line for each column that is read as a label though it seems to mean something else."""
    lines = []
    for name in header:
        meant = _meant(name)
        if name in (column, "group", *SPECIAL) or meant is None or meant in header:
            continue
        lines.append(f"{table.name}: the column '{name}' is read as a label; is it '{meant}'?")
    return lines


def _meant(name: str) -> str | None:
    """The column with a meaning that a name may stand for."""
    plain = _plain(name)
    known = {_plain(special): special for special in ("group", *SPECIAL)}
    known |= {word: special for special, words in MEANT.items() for word in words}
    if plain in known:
        return known[plain]
    clear = {word: special for word, special in known.items() if len(word) > 3}
    near = [word for word in clear if sorted(word) == sorted(plain)]  # letters that changed places
    near += get_close_matches(plain, clear, 1, 0.81) if len(plain) > 3 else []
    return clear[near[0]] if near else None


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
