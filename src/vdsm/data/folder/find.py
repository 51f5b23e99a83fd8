"""Which clips a folder of videos holds, with group and labels: from its tree or from a table."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vdsm.data.clips import SPLITS
from vdsm.errors import InputError
from vdsm.video import VIDEO_SUFFIXES, natural_key
from vdsm.video.source import is_picture_name
from vdsm.words import counted

LEVELS = ("identity", "action")  # what the first two folders of a tree stand for


@dataclass(frozen=True)
class Item:
    """A video file, or a folder of frames."""

    path: Path
    name: str  # relative to the source, with forward slashes
    group: str | None = None  # clips of one individual share it; None: a group of its own
    labels: Mapping[str, str] = field(default_factory=dict)  # "" or absent: unknown
    split: str | None = None  # train or test where a table says so


def find_tree(root: Path) -> list[Item]:
    """The clips below `root`, in natural order of their names.

    Folders name the first two labels: root/<identity>/<action>/clip.mp4. A folder of pictures is
    a clip if no video lies in it and no other clip below it. Links are followed, each folder read
    once; hidden files are passed over. What cannot be read is a clip too, found broken later.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}: name the folder that holds the videos")
    videos: list[Path] = []
    stills: set[Path] = set()
    for folder, files in _folders(root):
        here = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
        if not here and any(is_picture_name(file) for file in files):
            stills.add(folder)
        videos += here
    above = {parent for path in (*videos, *stills) for parent in path.parents}
    found = videos + [folder for folder in stills if folder not in above]
    items = [_from_tree(path, root) for path in found]
    if not items:
        kinds = ", ".join(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES)
        raise InputError(f"{root} holds no video: expected {kinds}, or folders of pictures")
    return sorted(items, key=lambda item: [natural_key(part) for part in item.name.split("/")])


def _folders(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Every folder and its files; links to folders are followed after the real ones, once."""
    seen = {_identity(parent) for parent in root.resolve().parents}
    starts = [root]
    unreadable: list[OSError] = []
    for start in starts:
        for name, folders, files in os.walk(start, onerror=unreadable.append):
            here = Path(name)
            if _identity(here) in seen:
                folders.clear()
                continue
            seen.add(_identity(here))
            folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
            starts += [here / folder for folder in folders if (here / folder).is_symlink()]
            yield here, [here / file for file in files if not file.startswith(".")]
    if unreadable:
        first = unreadable[0]
        raise InputError(f"cannot read folder {first.filename}: {first.strerror}")


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _from_tree(path: Path, root: Path) -> Item:
    relative = path.relative_to(root)
    labels = dict(zip(LEVELS, relative.parent.parts, strict=False))
    name = path.name if path == root else relative.as_posix()
    return Item(path, name, labels.get("identity"), labels)


def read_table(table: Path, root: Path) -> list[Item]:
    """The clips of a CSV or Parquet file with the columns path, group (optional), split (optional).

    Paths are relative to `root`. Every column but path and split is a label. An empty cell is an
    unknown label, or a clip with a group of its own.
    """
    rows = _parquet_rows(table) if table.suffix.lower() == ".parquet" else _csv_rows(table)
    lines: dict[str, int] = {}
    items = []
    for line, row in rows:
        item = _from_row(row, root, f"{table}, row {line}")
        if item.name in lines:
            raise InputError(
                f"{table}, row {line}: {item.name} stands in row {lines[item.name]} already:"
                " name each clip once"
            )
        lines[item.name] = line
        items.append(item)
    if not items:
        raise InputError(f"{table} has no rows: name a clip in each")
    for name in items[0].labels:
        if "." in name:
            raise InputError(f"{table}: the column '{name}' has a dot in its name: rename it")
    return items


def _from_row(row: Mapping[str, str], root: Path, where: str) -> Item:
    if not row["path"]:
        raise InputError(f"{where}: the path is empty")
    split = row.get("split") or None
    if split not in (None, *SPLITS):
        raise InputError(f"{where}: split is '{split}', it should be train, test or empty")
    labels = {name: row[name] for name in row if name not in ("path", "split")}
    name = Path(row["path"]).as_posix()
    return Item(root / row["path"], name, row.get("group") or None, labels, split)


def _csv_rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Numbered rows of a table as text; row 1 holds the names of the columns."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = _header(table, next(reader, []))
            for cells in reader:
                if len(cells) not in (0, len(header)):
                    raise InputError(
                        f"{table}, row {reader.line_num}: {counted(len(cells), 'cell')},"
                        f" but {counted(len(header), 'column')}"
                    )
                if cells:
                    yield reader.line_num, dict(zip(header, map(str.strip, cells), strict=True))
    except OSError as error:
        raise InputError(f"cannot read {table}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} is not a CSV file in UTF-8 ({error})") from error


def _parquet_rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f'reading {table} needs pyarrow: pip install "vdsm[parquet]", or give a CSV file'
        ) from None
    try:
        columns: dict[str, list[Any]] = pyarrow.parquet.read_table(table).to_pydict()
    except FileNotFoundError as error:
        raise InputError(f"cannot read {table}: no such file") from error
    except (OSError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{table} is not a Parquet file that can be read ({reason})") from error
    header = _header(table, list(columns))
    for line, cells in enumerate(_across(columns.values()), start=2):
        text = ["" if cell is None else str(cell).strip() for cell in cells]
        yield line, dict(zip(header, text, strict=True))


def _across(columns: Iterable[list[Any]]) -> Iterator[tuple[Any, ...]]:
    yield from zip(*columns, strict=True)


def _header(table: Path, names: Sequence[str]) -> list[str]:
    header = [name.strip() for name in names]
    if "path" not in header:
        raise InputError(f"{table} has no column 'path': it has {header}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        raise InputError(f"{table} names its columns {header}: give each its own name")
    return header
