"""Kinds of fault: each hurts a training once, has it resumed, and says what came of it."""

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
from runs import Bench, Ended, on_touch

Trial = dict[str, str]
Random = np.random.Generator


def trial(kind: str, method: str, moment: str, outcome: str, said: str = "") -> Trial:
    return {"kind": kind, "method": method, "moment": moment, "outcome": outcome, "said": said}


def judged(
    bench: Bench, kind: str, method: str, moment: str, out: Path, ended: Ended, torn: str = ""
) -> Trial:
    """What came of a resumed run: the same bytes, one line, or neither."""
    if ended.survived:
        wrong = bench.differs(out, method, torn)
        return trial(kind, method, moment, "failed" if wrong else "same bytes", wrong)
    outcome = "one line" if ended.in_one_line else "failed"
    return trial(kind, method, moment, outcome, ended.line if ended.in_one_line else ended.said)


def reached(out: Path) -> str:
    """Where a run stands: what its folder holds by now."""
    if not (out / "run.json").exists():
        return "before run.json"
    lines = (out / "metrics.jsonl").read_text() if (out / "metrics.jsonl").exists() else ""
    saved = [file.name for file in out.glob("checkpoint-*.pt")]
    return f"{lines.count(chr(10))} lines of metrics, {', '.join(saved) or 'no checkpoint'}"


# -- SIGKILL ---------------------------------------------------------------------------------------


def kills(bench: Bench, method: str, rng: Random, number: int) -> Iterator[Trial]:
    """So many kills, at random times or before random operations on files, each resumed."""
    left = number
    while left > 0:
        out, moments = bench.fresh(), []
        while left > 0 and (moment := killed(bench, out, method, rng)) is not None:
            moments.append(moment)
            left -= 1
            if not (out / "run.json").exists():
                shutil.rmtree(out, ignore_errors=True)  # as the message says
        end = bench.go(out, method).wait()
        found = judged(bench, "kill", method, "", out, end)
        if end.code == 2:
            found["outcome"] = "failed"  # whatever a kill leaves must go on
        yield from (found | {"moment": moment} for moment in moments)


def killed(bench: Bench, out: Path, method: str, rng: Random) -> str | None:
    """Have a training killed; where it was by then, None if it was done before."""
    _, seconds, touched = bench.whole(method)
    if rng.uniform() < 0.5:
        ended = bench.go(out, method).wait(rng.uniform(0, seconds))
        by = "by the clock"
    else:
        at = int(rng.integers(1, touched))
        ended = bench.go(out, method, lambda: kill_at(out, at)).wait()
        by = "before a file operation"
    if ended.code not in (0, -signal.SIGKILL):
        raise AssertionError(ended.said)
    return f"{by}, {reached(out)}" if ended.code else None


def kill_at(out: Path, at: int) -> None:
    """Kill this process before its so-many-th operation on files in the folder."""
    numbers = count(1)
    on_touch(out, lambda: next(numbers) == at and os.kill(os.getpid(), signal.SIGKILL))


def half(bench: Bench, method: str, rng: Random) -> Path:
    """A run that was killed on the way, at whatever moment after its first checkpoint."""
    while True:
        out = bench.fresh()
        killed(bench, out, method, rng)
        if (out / "checkpoint.json").exists():
            return out


# -- full disks ------------------------------------------------------------------------------------


def full_disk(bench: Bench, method: str, rng: Random) -> Trial:
    """On a file system of its own, too small at first; grown, the run goes on."""
    whole, _, _ = bench.whole(method)
    need = sum(file.stat().st_size for file in whole.rglob("*") if file.is_file())
    size = int(need * rng.uniform(0.05, 1.2)) // 1024 + 16
    with small_disk(bench.folder / "disk", size) as disk:
        out = disk / "run"
        first = bench.go(out, method).wait()
        moment = f"{size} KiB of {need // 1024}, {reached(out)}"
        if not first.survived and not first.in_one_line:
            return trial("full disk", method, moment, "failed", first.said)
        subprocess.run(["mount", "-o", f"remount,size={10 * need}", disk], check=True)
        if not (out / "run.json").exists():
            shutil.rmtree(out, ignore_errors=True)
        return judged(bench, "full disk", method, moment, out, bench.go(out, method).wait())


@contextmanager
def small_disk(place: Path, kib: int) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def short_files(bench: Bench, method: str, rng: Random) -> Trial:
    """No file may grow beyond a size (`ulimit -f`); then any may."""
    whole, _, _ = bench.whole(method)
    most = max(file.stat().st_size for file in whole.rglob("*") if file.is_file())
    size = int(most * rng.uniform(0.001, 1.1))

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    out = bench.fresh()
    first = bench.go(out, method, limit).wait()
    moment = f"{size} bytes of {most}, {reached(out)}"
    if not first.survived and not first.in_one_line:
        return trial("ulimit -f", method, moment, "failed", first.said)
    if not (out / "run.json").exists():
        shutil.rmtree(out, ignore_errors=True)
    return judged(bench, "ulimit -f", method, moment, out, bench.go(out, method).wait())


# -- torn files ------------------------------------------------------------------------------------


def torn(bench: Bench, method: str, rng: Random) -> Trial:
    """A file of a killed run is cut at a random place, or a bit of it turned over."""
    out = half(bench, method, rng)
    files = sorted(file for file in out.rglob("*") if file.is_file() and file.stat().st_size)
    file = files[rng.integers(len(files))]
    size = file.stat().st_size
    at = int(rng.integers(size))
    cut = rng.uniform() < 0.5
    if cut:
        os.truncate(file, at)
    else:
        content = bytearray(file.read_bytes())
        content[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(content)
    how = f"cut to {at} of {size} bytes" if cut else f"a bit of byte {at} of {size} turned"
    name = str(file.relative_to(out))
    ended = bench.go(out, method).wait()
    return judged(bench, "torn file", method, f"{name} {how}", out, ended, name)


# -- clocks ----------------------------------------------------------------------------------------


def clock(bench: Bench, method: str, rng: Random) -> Trial:
    """The time of day jumps by up to ten years at every look, the machine sleeps for hours."""
    out = half(bench, method, rng)
    seed = int(rng.integers(2**31))
    for file in out.rglob("*"):
        os.utime(file, (0, float(rng.uniform(0, 2**32))))
    ended = bench.go(out, method, lambda: jump(seed)).wait()
    return judged(bench, "clock", method, reached(out), out, ended)


def jump(seed: int) -> None:
    """From now on this process' clocks jump: of day both ways, monotonic ones forward."""
    rng = np.random.default_rng(seed)
    day, steady = time.time, time.perf_counter
    slept = 0.0

    def perf_counter() -> float:
        nonlocal slept
        slept += float(rng.exponential(1000))
        return steady() + slept

    time.time = lambda: day() + float(rng.uniform(-3e8, 3e8))
    time.perf_counter = perf_counter


# -- two at once -----------------------------------------------------------------------------------


def two(bench: Bench, method: str, rng: Random) -> Trial:
    """Two trainings of one run: one of them goes on, the other says that it does not."""
    out = half(bench, method, rng)
    one = bench.go(out, method)
    time.sleep(float(rng.uniform(0, 0.3)))
    other = bench.go(out, method)
    ends = [one.wait(), other.wait()]
    moment = f"codes {sorted(end.code for end in ends)}"
    winner, loser = sorted(ends, key=lambda end: end.code)
    if not loser.survived and not loser.in_one_line:  # a late one finds a finished run
        return trial("two at once", method, moment, "failed", loser.said)
    return judged(bench, "two at once", method, moment, out, winner)


# -- memory ----------------------------------------------------------------------------------------


def memory(bench: Bench, method: str, rng: Random) -> Trial:
    """The process may take so many megabytes more than at its start (`ulimit -v`)."""
    out = half(bench, method, rng)
    more = int(rng.uniform(0, 200)) << 20

    def limit() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    first = bench.go(out, method, limit).wait()
    moment = f"{more >> 20} MiB more, {reached(out)}"
    if not first.survived and not first.in_one_line:
        return trial("memory", method, moment, "failed", first.said)
    return judged(bench, "memory", method, moment, out, bench.go(out, method).wait())


KINDS = (full_disk, short_files, torn, clock, two, memory)
