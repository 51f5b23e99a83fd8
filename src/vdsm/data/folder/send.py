"""A clip decoded on another host, which gives back what it would have written here."""

import socket
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from vdsm.data.folder.extract import Decoded, Job, extract
from vdsm.data.folder.read import stamp
from vdsm.errors import InputError


@dataclass(frozen=True)
class Sent:
    """What became of a clip, and the part files that were written of it, by their suffixes.

    Their bytes are arrays, which Ray hands over without a copy.
    """

    entry: Decoded
    files: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    host: str = ""


def send(job: Job) -> Sent:
    """Decode a clip wherever this is."""
    with TemporaryDirectory() as folder:
        part = Path(folder) / job.part.name
        entry = extract(replace(job, part=part))
        files = {f.suffix: np.fromfile(f, np.uint8) for f in Path(folder).iterdir()}
    return Sent(entry, files, socket.gethostname())


def received(found: Generator[Sent, None, None], jobs: list[Job]) -> Generator[Decoded, None, None]:
    """The entries, whose part files are written here.

    InputError where a host saw another file than this machine does, or none.
    """
    by_name = {job.item.name: job for job in jobs}
    with closing(found) as results:
        for sent in results:
            job = by_name[sent.entry.name]
            if sent.entry.stamp != stamp(job.item):
                raise InputError(
                    f"{sent.host} does not see {job.item.path} as this machine does: all hosts need"
                    " the same files, with their times, at the same path"
                )
            for suffix, content in sent.files.items():
                job.part.with_suffix(suffix).write_bytes(content.data)
            yield sent.entry
