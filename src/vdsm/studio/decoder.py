"""Files from the outside are decoded in a process of their own, with little time and memory.

What a file does to a decoder then costs that process alone: it is ended, and the next file has a
new one. The process is started before it is needed, since its start takes a second.
"""

import contextlib
import os
import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Lock

from vdsm.errors import InputError
from vdsm.studio.limits import Limits
from vdsm.studio.reading import FOUND, Crop, Job, Read, read

PAGE = 4096 if not hasattr(os, "sysconf") else os.sysconf("SC_PAGE_SIZE")


class Decoder:
    """Reads files one after the other, from any thread."""

    process: SpawnProcess
    pipe: Connection
    prepared: bool  # whether what finds subjects has been imported

    def __init__(self, limits: Limits, crop: Crop = "centre") -> None:
        self.limits, self.crop, self.lock = limits, crop, Lock()
        self._begin()

    def read(self, job: Job) -> Read:
        """The clip; InputError where it cannot be read."""
        with self.lock:
            if not self.process.is_alive():
                self._begin()
            self.pipe.send(job)
            subject = job.crop in FOUND or self.crop in FOUND
            start = self.limits.start_seconds if subject and not self.prepared else 0.0
            if not self.pipe.poll(self.limits.decode_seconds + start):
                self._begin()
                raise InputError(
                    f"{job.path} takes longer than {self.limits.decode_time} to decode: cut it, "
                    "or encode it again as mp4"
                )
            try:
                found: Read | str = self.pipe.recv()
                self.prepared = self.prepared or subject
            except (EOFError, OSError) as error:
                self._begin()
                raise InputError(f"{job.path} is damaged: decoding it broke off") from error
        if isinstance(found, str):
            raise InputError(found)
        return found

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()

    def _begin(self) -> None:
        """A new process; the one before is ended."""
        if hasattr(self, "process"):
            self.close()
        self.prepared = False
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_decode, args=(theirs, self.limits.decode_bytes, self.crop), daemon=True
        )
        self.process.start()
        theirs.close()


def _decode(pipe: Connection, memory: int, crop: Crop) -> None:
    """What the process does: jobs in, frames or one line out, until the other end is closed.

    crop: the usual one; what finds a subject is imported before the first file comes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if crop in FOUND:
        _prepare()
    _confine(memory)
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        if job.crop in FOUND and crop not in FOUND:
            _confine(None)
            _prepare()
            _confine(memory)
            crop = job.crop
        try:
            pipe.send(read(job))
        except InputError as error:
            pipe.send(str(error))


def _prepare() -> None:
    """Import what finds subjects."""
    import vdsm.data.crop.find  # noqa: F401


def _confine(memory: int | None) -> None:
    """No more memory than that beside what it has, no file written, where the system can say so."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        room = most if memory is None else _held() + memory
        resource.setrlimit(resource.RLIMIT_AS, (room, most))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _held() -> int:
    """Bytes of address space that this process has."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[0]) * PAGE if pages.exists() else 0
