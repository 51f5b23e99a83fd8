"""The files that a dataset's people are made from, kept in its folder: a zip as the wheel is one.

So swaps can be drawn later, whatever became of the package.
"""

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from vdsm.data.people.body import MESH, RIG, WEIGHTS
from vdsm.data.people.person import Person
from vdsm.data.people.shape import mixture, target_file
from vdsm.data.people.source import FOLDER, Source, of_zip
from vdsm.files import atomic_write

FILE = "model.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of all files in it, so that equal ones have equal bytes


def targets_of(people: Iterable[Person]) -> list[str]:
    """The targets that these people are mixed of."""
    return sorted({name for person in people for name in mixture(person.shape)})


def files_of(targets: Iterable[str]) -> list[str]:
    """What bodies of these targets need of a source."""
    return [MESH, RIG, WEIGHTS, *map(target_file, targets)]


def open_model(path: Path) -> Source:
    """What `write_model` has written."""
    return of_zip(path, FILE, "make the data again")


def digest_of(source: Source, files: Iterable[str]) -> str:
    """SHA-256 of the files' content; InputError for one that is missing or damaged."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.encode() + b"\0" + source.read(file))
    return digest.hexdigest()


def write_model(path: Path, source: Source, files: Iterable[str]) -> None:
    """Copy files of a source into a zip that is a source itself."""

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name in files:
                entry = zipfile.ZipInfo(f"{FOLDER}/{name}", EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, source.content(name))

    atomic_write(path, write)
