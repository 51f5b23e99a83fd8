"""Trainings in processes that can be hurt, and whether two of them ended alike."""

import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path

from vdsm.cli import run as command
from vdsm.config import describe
from vdsm.data import pendulum
from vdsm.methods.table import method_of
from vdsm.store.weights import WEIGHTS, digest, load

STEPS = 6  # of a stage
ALWAYS = (
    *("--preset", "debug", "--precision", "fp32", "--device", "cpu", "--log_every", "1"),
    *("--picture_every", "3", "--checkpoint_every", "2", "--checkpoint_seconds", "0"),
)
# Files that say how long something took, beside metrics.jsonl.
TIMED = ("verdict.json",)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative for a signal, and what it printed."""

    code: int
    said: str

    @property
    def survived(self) -> bool:
        return self.code == 0

    @property
    def in_one_line(self) -> bool:
        """A user's mistake, as the command line says it."""
        errors = [line for line in self.said.splitlines() if line.startswith("vdsm")]
        return self.code == 2 and len(errors) == 1 and "Traceback" not in self.said

    @property
    def line(self) -> str:
        """What it said at the end."""
        return self.said.strip().splitlines()[-1] if self.said.strip() else f"code {self.code}"


@dataclass(frozen=True)
class Process:
    """A command that runs in a fork of this process, where everything is imported already."""

    pid: int
    log: Path

    def wait(self, seconds: float | None = None) -> Ended:
        """Until it ends; it is killed after so many seconds."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, 0 if until is None else os.WNOHANG)
            if pid:
                return Ended(os.waitstatus_to_exitcode(status), self.log.read_text())
            if until is not None and time.monotonic() >= until:
                os.kill(self.pid, signal.SIGKILL)
                until = None
            time.sleep(0.002)


def begin(
    words: list[str],
    log: Path,
    hurt: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> Process:
    """Start `vdsm WORDS`; hurt: called in its process before; after: at its end, if it has one."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Process(pid, log)
    code = 70
    try:
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, 1)
        os.dup2(target, 2)
        hurt()
        code = command(words)
    except BaseException:
        traceback.print_exc()
    finally:
        after()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Bench:
    """Where trainings run: clips, and of each method a training that nobody hurts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.begun = 0  # processes
        options = {"size": 32, "clips_per_cell": 2, "test_share": 0.5, "frames": 12}
        pendulum.make(self.data, pendulum.PendulumOptions(**options))

    def words(self, out: Path, method: str) -> list[str]:
        """The command that begins a run, or goes on with it."""
        if (out / "run.json").exists():
            return ["train", "--resume", "--out", str(out)]
        words = ["train", str(self.data), "--out", str(out), "--method", method, *ALWAYS]
        config = method_of(method).preset("debug", "compact")
        for name in describe(type(config)):  # of every stage that there is
            if name.endswith(".steps") and attrgetter(name)(config):
                words += [f"--{name}", str(STEPS)]
        return words

    def go(self, out: Path, method: str, *hurt: Callable[[], object]) -> Process:
        """Begin the run, or go on with it; hurt: as `begin` takes it, and what comes after."""
        self.begun += 1
        return begin(self.words(out, method), self.folder / f"{self.begun % 2}.log", *hurt)

    def fresh(self, name: str = "hurt") -> Path:
        """A folder that is not there."""
        out = self.folder / name
        shutil.rmtree(out, ignore_errors=True)
        return out

    @cache  # noqa: B019
    def whole(self, method: str) -> tuple[Path, float, int]:
        """The run that nobody hurt, how long it took, and how often it touched its files."""
        out = self.fresh(f"whole-{method}")
        count, modules = self.folder / "count", self.folder / "modules"

        ended = self.go(
            out,
            method,
            lambda: counted(out, count),
            lambda: modules.write_text("\n".join(sys.modules)),
        ).wait()
        assert ended.survived, ended.said
        for name in modules.read_text().split():  # so that no later process has to
            if name.split(".")[0] in ("vdsm", "scipy", "sklearn", "matplotlib", "PIL", "torch"):
                with suppress(ImportError, AttributeError):
                    import_module(name)
        started = time.monotonic()
        self.go(self.fresh("timed"), method).wait()
        return out, time.monotonic() - started, count.stat().st_size

    def differs(self, out: Path, method: str, torn: str = "") -> str:
        """What of a run is not as in the one that nobody hurt; empty where all is.

        A picture that was torn stays so: it is read by people alone, and not drawn again.
        """
        whole, _, _ = self.whole(method)
        names = {f.relative_to(whole) for f in whole.rglob("*") if f.is_file()}
        found = {f.relative_to(out) for f in out.rglob("*") if f.is_file()}
        if names != found:
            return f"files {sorted(map(str, names ^ found))}"
        for name in sorted(names):
            if str(name) == torn and name.parts[0] == "pictures":
                continue
            if content(whole / name) != content(out / name):
                return f"{name} differs"
        return ""


def content(file: Path) -> object:
    """A file but for the seconds in it."""
    if file.name == "metrics.jsonl":
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        return [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]
    if file.name in TIMED:
        return {k: v for k, v in json.loads(file.read_text()).items() if "seconds" not in k}
    if file.name.startswith("checkpoint"):  # holds seconds; the weights are compared as such
        return None
    if file.name == WEIGHTS:  # whose header has no order
        return digest(load(file.parent).tensors)
    return file.read_bytes()


TOUCHED = ("open", "os.rename", "os.remove", "os.truncate", "os.mkdir")


def on_touch(folder: Path, do: Callable[[], object]) -> None:
    """From now on call `do` before every operation of this process on files in a folder."""

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in TOUCHED and str(args[0]).startswith(str(folder)):
            do()

    sys.addaudithook(hook)


def counted(folder: Path, file: Path) -> None:
    """Have a file grow by one byte with every operation on files in a folder."""
    target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    on_touch(folder, lambda: os.write(target, b"."))
