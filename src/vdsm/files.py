"""Files that are whole or absent: atomic writes, claimed folders, JSON that says what is wrong."""

import errno
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from vdsm.errors import InputError


def atomic_write(path: Path, content: bytes | Callable[[IO[bytes]], None]) -> None:
    """Write `path` so that a reader sees the old file or the new one, never a part.

    `content` is bytes, or a function that writes to an open file. A disk that takes no more is an
    InputError and leaves the old file as it was.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:  # with the permissions of any file that the user makes
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if why := why_no_more(error):
            raise InputError(
                f"{why} to write {path}: make some; what was there before is kept"
            ) from error
        raise


def left_by_a_kill(folder: Path, *names: str) -> Iterator[Path]:
    """Parts of files of these names (* for any) that `atomic_write` was not let finish."""
    for name in names:
        yield from folder.glob(f".{name}.{'[0-9a-f]' * 8}")


NO_MORE = {  # what a disk answers that takes no more, in words that "to write ..." can follow
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "no space left in your quota",
    errno.EFBIG: "no room in one file (a limit of ulimit -f, or of the file system)",
    errno.EROFS: "no right (the disk is read-only)",
}


def is_disk_full(error: BaseException) -> bool:
    """Whether an error means that the disk, or the user's share of it, takes no more."""
    return why_no_more(error) is not None


def why_no_more(error: BaseException) -> str | None:
    """In words, why a file could not be written further; None where that is not the error.

    Libraries that write by themselves give the system's words in an exception of their own.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return NO_MORE.get(error.errno)
    text = str(error).lower() if isinstance(error, Exception) else ""
    return next((why for n, why in NO_MORE.items() if os.strerror(n).lower() in text), None)


OURS = {  # files that make a folder a dataset, a run or a model
    "dataset.json": "dataset",
    "run.json": "run",
    "model.safetensors": "model",
}


def check_writable(out: Path, *suffixes: str, inputs: Sequence[str | Path] = ()) -> None:
    """Refuse an output file that cannot be written before the work is done, not after.

    inputs: what is read, so that nobody's clip is replaced by what was made of it.
    """
    if out.is_dir():
        raise InputError(f"{out} is a folder: name a file for --out")
    if out.suffix.lower() not in suffixes:
        raise InputError(f"{out} ends in '{out.suffix}': name a {' or '.join(suffixes)} file")
    if not out.resolve().parent.is_dir():
        raise InputError(f"no folder {out.resolve().parent} to write {out.name} to")
    kind = next((kind for name, kind in OURS.items() if (out.parent / name).exists()), None)
    if kind and out.name in {*OURS, "clips.npz", "checkpoint.json", "config.json"}:
        raise InputError(f"{out} belongs to the {kind} in {out.parent}: choose another --out")
    if any(Path(place).resolve() == out.resolve() for place in inputs):
        raise InputError(f"{out} is what is to be read: choose another --out")


def claim_folder(path: Path) -> None:
    """Make an output folder; refuse one that already holds something."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file, not a folder: choose another --out")
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"output folder {path} is in use: choose another --out or empty it")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {path}: {error.strerror}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, or an InputError that names it."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} does not hold a JSON object")
    return content
