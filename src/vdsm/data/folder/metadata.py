"""Tables that lie among the videos, as in Hugging Face's video folders: metadata.csv, .jsonl."""

import os
from dataclasses import replace
from pathlib import Path

from vdsm.data.folder.cells import read_rows
from vdsm.data.folder.item import Item, Passed
from vdsm.data.folder.scan import METADATA, Reading, Scan
from vdsm.data.folder.table import path_column, read_table
from vdsm.data.folder.walk import file_key
from vdsm.errors import InputError
from vdsm.video import natural_key
from vdsm.video.source import is_animated, is_picture_name
from vdsm.words import counted


def read_metadata(found: Scan, reading: Reading) -> tuple[list[Path], list[str]]:
    """The tables among the videos, and what to say of them; their rows take the items' place.

    What lies in the folder of a table, or below, and is not named in it is passed over.
    """
    tables, said = [], []
    named: dict[str, Item] = {}
    for table in _usable(found):
        rows = read_table(table, table.parent, reading)
        if all(_is_frame(item) for item in rows.items):
            found.passed.append(Passed(table, "names pictures that are frames, not clips"))
            continue
        known = {file_key(item.path): item for item in found.items}
        for item in rows.items:
            clip = _in_source(item, known.get(file_key(item.path)), found.root)
            if clip.name in named:
                raise InputError(f"{table} names {clip.name}, which another table names already")
            named[clip.name] = clip
        labels = ", ".join(rows.items[0].labels) or "no label"
        where = table.relative_to(found.root)
        said += [f"{where} names {counted(len(rows.items), 'clip')}, with {labels}", *rows.said]
        tables.append(table)
    if tables:
        _replace(found, tables, named)
    return tables, said


def _is_frame(item: Item) -> bool:
    """Whether a row names a still picture."""
    return is_picture_name(item.path) and not item.strip and not is_animated(item.path)


def _usable(found: Scan) -> list[Path]:
    """One table of each folder, if it names files; the others are passed over."""
    usable: dict[Path, Path] = {}
    for table in sorted(found.tables, key=lambda table: METADATA.index(table.name.lower())):
        reason = f"{usable[table.parent].name} is read" if table.parent in usable else None
        try:
            header, _ = read_rows(table)
            path_column(table, header)
        except InputError as error:
            reason = reason or str(error)
        if reason:
            found.passed.append(Passed(table, reason))
        else:
            usable[table.parent] = table
    return [table for table in found.tables if table in usable.values()]


def _in_source(item: Item, scanned: Item | None, root: Path) -> Item:
    """A row's clip under the name that its file has in the source."""
    file = Path(os.path.relpath(item.path, root)).as_posix()
    name = scanned.name if scanned else file
    name = name + item.cut.suffix if item.cut else name
    pictures = scanned.pictures if scanned else item.pictures
    path = scanned.path if scanned else root / file
    return replace(item, path=path, name=name, pictures=pictures)


def _replace(found: Scan, tables: list[Path], named: dict[str, Item]) -> None:
    files = {file_key(item.path) for item in named.values()}
    for item in found.items:
        if file_key(item.path) in files:
            continue
        table = next((table for table in tables if table.parent in item.path.parents), None)
        if table is None:
            named[item.name] = item
        else:
            reason = f"not named in {table.relative_to(found.root)}"
            found.passed.append(Passed(item.path, reason, "that metadata do not name"))
    found.items = sorted(
        named.values(), key=lambda item: [natural_key(part) for part in item.name.split("/")]
    )
