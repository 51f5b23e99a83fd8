"""The files that people are made from, kept in a dataset's folder: a zip as the wheel is one.

So swaps can be drawn later, whatever became of the package.
"""

import hashlib
import zipfile
from pathlib import Path
from typing import IO

from vdsm.data.people.body import MESH, RIG, WEIGHTS
from vdsm.data.people.person import DETAILS
from vdsm.data.people.shape import every_target, target_file
from vdsm.data.people.source import FOLDER, Source, of_zip
from vdsm.files import atomic_write

FILE = "model.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of all files in it, so that equal ones have equal bytes
TARGETS = every_target(DETAILS)
FILES = [MESH, RIG, WEIGHTS, *map(target_file, TARGETS)]


def open_model(path: Path) -> Source:
    """What `write_model` has written."""
    return of_zip(path, FILE, "make the data again")


def digest_of(source: Source) -> str:
    """SHA-256 of the files' content; InputError for one that is missing or damaged."""
    digest = hashlib.sha256()
    for file in FILES:
        digest.update(file.encode() + b"\0" + source.read(file))
    return digest.hexdigest()


def write_model(path: Path, source: Source) -> None:
    """Copy what anybody can be made from into a zip that is a source itself."""

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name in FILES:
                entry = zipfile.ZipInfo(f"{FOLDER}/{name}", EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, source.content(name))

    atomic_write(path, write)
