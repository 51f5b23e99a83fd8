"""Files that are whole or absent: atomic writes, claimed folders, JSON that says what is wrong."""

import errno
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from vdsm.errors import InputError


def atomic_write(path: Path, content: bytes | Callable[[IO[bytes]], None]) -> None:
    """Write `path` so that a reader sees the old file or the new one, never a part.

    `content` is bytes, or a function that writes to an open file. No space left is an InputError
    and leaves the old file as it was.
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
        if is_disk_full(error):
            raise InputError(f"{no_room(error, path)}; what was there before is kept") from error
        raise


def expanded(place: str | Path) -> Path:
    """The path that a user means, who may write ~ for the home folder where no shell reads it.

    InputError for what is no path.
    """
    if not isinstance(place, str | os.PathLike):
        raise InputError(f"the folder is {place!r}: give a path")
    return Path(os.path.expanduser(place))


POINTER = b"version https://git-lfs.github.com/spec/"  # how the text begins


def refuse_pointer(path: Path) -> None:
    """InputError where a clone without Git LFS left a pointer in place of the file."""
    try:
        with path.open("rb") as file:
            start = file.read(len(POINTER))
    except OSError:
        return  # whoever reads it says why it cannot be
    if start == POINTER:
        raise InputError(
            f"{path} is a pointer of Git LFS, not the file: fetch it with 'git lfs pull', or "
            "download it from where the repository lies"
        )


def left_by_a_kill(folder: Path, *names: str) -> Iterator[Path]:
    """Parts of files of these names (* for any) that `atomic_write` was not let finish."""
    for name in names:
        yield from folder.glob(f".{name}.{'[0-9a-f]' * 8}")


NO_ROOM = {  # why nothing more can be written to a file, and what to do
    errno.ENOSPC: "no space left to write {}: free some",
    errno.EDQUOT: "no space left to write {}, of what you may use: free some",
    errno.EFBIG: "{} may not grow so large (ulimit -f, or the disk's format): choose another place",
    errno.EROFS: "{} lies on a disk that is read-only: choose another place",
}


def is_disk_full(error: BaseException) -> bool:
    """Whether an error means that nothing more can be written there (`no_room` says why)."""
    return _no_room(error) is not None


def no_room(error: BaseException, path: object) -> str:
    """Why nothing more can be written to a file, after `is_disk_full`; one line."""
    return NO_ROOM[_no_room(error) or errno.ENOSPC].format(path)


def _no_room(error: BaseException) -> int | None:
    """The number of such an error, which torch and safetensors have in their text alone."""
    if isinstance(error, OSError):
        return error.errno if error.errno in NO_ROOM else None
    said = str(error) if isinstance(error, Exception) else ""
    return next((number for number in NO_ROOM if os.strerror(number) in said), None)


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
    if not writable(out.resolve().parent):
        raise InputError(f"{out} cannot be written in that folder: choose another --out")


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which need not be there yet; none is left behind."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


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
    refuse_pointer(path)
    try:
        content = json.loads(path.read_bytes())  # in UTF-8 whatever the locale
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} does not hold a JSON object")
    return content
