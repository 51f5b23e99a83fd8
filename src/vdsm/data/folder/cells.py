"""Rows of tables as text: CSV, TSV, Parquet, JSON lines."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from vdsm.errors import InputError
from vdsm.words import counted

Row = tuple[int, dict[str, str]]  # its number, as an editor shows it, and its cells


def read_rows(table: Path) -> tuple[list[str], Iterator[Row]]:
    """The names of the columns, and the rows, of a table of any kind."""
    read = READERS.get(table.suffix.lower(), _csv)
    rows = read(table)
    number, first = next(rows)
    assert number == 1, number
    header = list(first)
    return header, rows


def _csv(table: Path) -> Iterator[Row]:
    """Row 1 holds the names of the columns."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = _header(table, next(reader, []))
            yield 1, dict.fromkeys(header, "")
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


def _parquet(table: Path) -> Iterator[Row]:
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
    yield 1, dict.fromkeys(header, "")
    for line, cells in enumerate(zip(*columns.values(), strict=True), start=2):
        yield line, dict(zip(header, map(_text, cells), strict=True))


def _json_lines(table: Path) -> Iterator[Row]:
    """An object in each line; its names are columns, and one that a line lacks is empty there."""
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {table}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is not in UTF-8 ({error})") from error
    rows = {i: _object(table, i, line) for i, line in enumerate(lines, 1) if line.strip()}
    header = _header(table, list(dict.fromkeys(name for row in rows.values() for name in row)))
    yield 1, dict.fromkeys(header, "")
    for number, row in rows.items():
        yield number, {name: _text(row.get(name)) for name in header}


def _object(table: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{table}, row {number} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise InputError(f"{table}, row {number} is no JSON object: name values in each line")
    return {name.strip(): value for name, value in row.items()}


def _text(cell: Any) -> str:
    """A cell as a CSV file would have it; what is missing, or no single value, is empty."""
    if cell is None or cell != cell or isinstance(cell, list | dict | tuple | bytes):
        return ""
    return str(cell).strip()


def _header(table: Path, names: Sequence[str]) -> list[str]:
    header = [name.strip() for name in names]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        raise InputError(f"{table} names its columns {header}: give each its own name")
    return header


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
