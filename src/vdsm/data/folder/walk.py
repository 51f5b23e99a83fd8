"""Folders and files below a folder, each once, whatever links say."""

import os
from collections.abc import Iterator
from pathlib import Path

from vdsm.data.clips import half_made, is_dataset
from vdsm.errors import InputError


def folders_below(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Every folder and its files; links to folders are followed after the real ones, once.

    Datasets that were made among the videos are none of them.
    """
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
            if is_dataset(here) or half_made(here):
                folders.clear()
                continue
            folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
            starts += [here / folder for folder in folders if (here / folder).is_symlink()]
            yield here, [here / file for file in files if not file.startswith(".")]
    if unreadable:
        first = unreadable[0]
        raise InputError(f"cannot read folder {first.filename}: {first.strerror}")


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def file_key(path: Path) -> object:
    """Equal for two spellings of one file: other cases, links, a/../a."""
    try:
        status = path.stat()
    except OSError:
        return os.path.normpath(path)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
