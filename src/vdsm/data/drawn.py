"""Clips that are drawn, not read: over processes, going on after an interruption, same bytes.

While it is being made, a dataset folder also holds

    making.json     what is being drawn; a folder with this and no dataset.json is half made
    journal.jsonl   a line for each clip whose frames are in frames.u8, at their place
"""

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.progress import Progress

from vdsm.data.clips import MAKING, Frames, Info, Ints, resumable, write_meta
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, is_disk_full, no_room, read_json
from vdsm.progress import bar_columns
from vdsm.screen import screen
from vdsm.tasks import HERE, Where, results

JOURNAL = "journal.jsonl"
Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Drawn:
    """A clip as it was drawn, uint8 [T, H, W, C], and what else its maker says of it."""

    clip: int
    frames: Frames
    truth: Any = None


def check_free(out: Path) -> None:
    """InputError for a folder in use, before any work is done; nothing is made."""
    if out.exists() and not resumable(out):
        claim_folder(out)


def begin(out: Path, recipe: Mapping[str, Any]) -> None:
    """Claim a new folder, or see that a half-made one was begun by the same recipe (JSON values).

    InputError for a folder in use, or begun otherwise.
    """
    if not resumable(out):
        claim_folder(out)
        atomic_write(out / MAKING, json.dumps(dict(recipe), indent=2).encode())
    begun = read_json(out / MAKING)
    for name, value in json.loads(json.dumps(dict(recipe))).items():
        if begun.get(name) != value:
            raise InputError(
                f"{out} was begun with {name} {begun.get(name)}, not {value}: use the same to go"
                " on, or choose another --out"
            )


def draw_all(
    out: Path,
    info: Info,
    columns: Mapping[str, Ints],
    draw: Callable[[Job], Drawn],
    jobs: Sequence[Job],
    where: Where = HERE,
    copies: Sequence[Path] = (),
    keep: Callable[[Drawn], None] = lambda _: None,
    last: Callable[[], None] = lambda: None,
) -> None:
    """Write the dataset: draw(jobs[i]) gives clip i, of length[i] frames.

    columns: those of clips.npz but for `start`. `begin` comes first; clips that the folder holds
    already are kept. `draw` and jobs can be pickled. copies: files that drawing reads by
    `tasks.copies.readable`. keep: called with every clip before it counts as drawn; last: when all
    are, before the folder is declared whole.
    """
    length = columns["length"]
    start = np.cumsum(length) - length
    frame = info.size**2 * info.channels
    try:
        _reserve(out / "frames.u8", int(length.sum()) * frame)
        done = _read_journal(out, start * frame, length * frame)
        todo = [job for i, job in enumerate(jobs) if i not in done]
        with (
            open(out / "frames.u8", "r+b", buffering=0) as store,
            _journal(out, done) as journal,
            closing(in_any_order(draw, todo, where, copies)) as found,
        ):
            for drawn in shown(found, len(jobs), len(done)):
                i, content = drawn.clip, drawn.frames.tobytes()
                assert len(content) == length[i] * frame, f"clip {i} has {drawn.frames.shape}"
                keep(drawn)
                _write_at(store.fileno(), content, int(start[i]) * frame)
                done[i] = hashlib.sha256(content).hexdigest()
                journal.write(json.dumps({"clip": i, "digest": done[i]}) + "\n")
                journal.flush()
        last()
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(error, out) from error
        raise
    digests = "".join(done[i] for i in range(len(jobs)))
    made = {**info.made, "content": hashlib.sha256(digests.encode()).hexdigest()}
    write_meta(out, replace(info, made=made), {"start": start, **columns})
    for name in (JOURNAL, MAKING):
        (out / name).unlink(missing_ok=True)


def disk_full(error: OSError, out: Path) -> InputError:
    """What to tell a user whose disk takes no more of a dataset."""
    return InputError(f"{no_room(error, out)}, then run the same command to go on")


def _reserve(path: Path, size: int) -> None:
    """Make the file as large as it will be, so that a full disk is found at once."""
    with open(path, "ab") as file:
        if file.tell() > size:
            file.truncate(0)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        file.truncate(size)


def _write_at(file: int, content: bytes, place: int) -> None:
    rest = memoryview(content)
    while len(rest):
        written = os.pwrite(file, rest, place)
        rest, place = rest[written:], place + written


def _read_journal(out: Path, start: Ints, size: Ints) -> dict[int, str]:
    """Digests of the clips that are there, whole; a line can be torn, and bytes can be lost."""
    done: dict[int, str] = {}
    lines = (out / JOURNAL).read_text().splitlines() if (out / JOURNAL).exists() else []
    with open(out / "frames.u8", "rb", buffering=0) as store:
        for line in lines:
            try:
                entry = json.loads(line)
                clip, digest = int(entry["clip"]), str(entry["digest"])
                content = os.pread(store.fileno(), int(size[clip]), int(start[clip]))
            except (ValueError, KeyError, TypeError, IndexError):
                continue
            if hashlib.sha256(content).hexdigest() == digest:
                done[clip] = digest
    return done


def _journal(out: Path, done: Mapping[int, str]) -> Any:
    """The journal, cut back to what is there, open for more."""
    lines = [json.dumps({"clip": clip, "digest": digest}) + "\n" for clip, digest in done.items()]
    atomic_write(out / JOURNAL, "".join(lines).encode())
    return open(out / JOURNAL, "a")


def in_any_order(
    draw: Callable[[Job], Result], jobs: Sequence[Job], where: Where, copies: Sequence[Path] = ()
) -> Generator[Result, None, None]:
    """draw(job) of every job as they are done; a lone worker or job stays in this process.

    InputError where a process is killed.
    """
    if where.ray is None and (where.processes == 1 or len(jobs) < 2):
        yield from map(draw, jobs)
    else:
        yield from results(draw, jobs, where, _crashed, copies)


def _crashed(job: Any) -> Any:
    raise InputError(
        "processes that draw are killed, often for want of memory: run the same command to go on,"
        " with --workers 1, or give Ray's hosts more"
    )


def shown(
    found: Iterable[Result], total: int, done: int, what: str = "drawing"
) -> Iterator[Result]:
    """The same, with a progress bar; `done` are there already."""
    console = screen(stderr=True)
    with Progress(*bar_columns(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, completed=done)
        for result in found:
            bar.update(task, advance=1)
            yield result
