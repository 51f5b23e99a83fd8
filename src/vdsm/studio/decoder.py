"""Files from the outside are decoded in a process of their own, with little time and memory.

What a file does to a decoder then costs that process alone: it is ended, and the next file has a
new one. The process is started before it is needed, since its start takes a second.
"""

import contextlib
import signal
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock

from vdsm.errors import InputError
from vdsm.studio.limits import Limits
from vdsm.video import beginning
from vdsm.video.limits import Frames


@dataclass(frozen=True)
class Job:
    """A file, and what is wanted of it, as `vdsm.video.beginning` takes it."""

    size: int
    grey: bool
    window: int
    path: Path = Path()
    fps: float | None = None
    start: float | None = None


class Decoder:
    """Reads files one after the other, from any thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.lock = limits, Lock()
        self._begin()

    def read(self, job: Job) -> tuple[Frames, bool]:
        """uint8 [T, H, W, C], and whether there are more; InputError where it cannot be read."""
        with self.lock:
            if not self.process.is_alive():
                self._begin()
            self.pipe.send(job)
            if not self.pipe.poll(self.limits.decode_seconds):
                self._begin()
                raise InputError(
                    f"{job.path} takes longer than {self.limits.decode_time} to decode: cut it, "
                    "or encode it again as mp4"
                )
            try:
                found: tuple[Frames, bool] | str = self.pipe.recv()
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
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_decode, args=(theirs, self.limits.decode_bytes), daemon=True
        )
        self.process.start()
        theirs.close()


def _decode(pipe: Connection, memory: int) -> None:
    """What the process does: jobs in, frames or one line out, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _confine(memory)
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(beginning(job.path, job.size, job.grey, job.window, job.fps, job.start))
        except InputError as error:
            pipe.send(str(error))


def _confine(memory: int) -> None:
    """No more memory than that, and no file written, where the system can say so."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
