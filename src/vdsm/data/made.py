"""Clips that are drawn, each from its own seed: in parallel, with the same bytes however often
the making was interrupted and however many processes draw.

Lengths are known before anything is drawn, and so is the place of each clip in the files. While
it is being made, a dataset folder also holds

    making.json     what is made; a folder with this and no dataset.json is half made
    journal.jsonl   a line for each clip that is drawn: its number and the digest of its frames
    truth.f4        float32 [F, K], what is known of each frame
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from vdsm.data.clips import MAKING, Floats, Frames, Info, Ints, resumable, write_meta
from vdsm.data.folder.pool import in_processes
from vdsm.data.truth import write_truth
from vdsm.device import cores
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, is_disk_full, read_json
from vdsm.progress import bar_columns
from vdsm.screen import screen

JOURNAL, TRUTH, FRAMES = "journal.jsonl", "truth.f4", "frames.u8"
REAL = 4  # bytes of a number in TRUTH
SPARE = 2**20  # bytes on the disk beside frames and truth

Drawn = tuple[Frames, Floats]  # uint8 [T, H, W, C], and [T, K] what is known of each frame


@dataclass(frozen=True)
class Plan:
    """All that is decided before anything is drawn. `draw` of a clip's job gives its frames."""

    info: Info
    columns: Mapping[str, Ints]  # of clips.npz, without start
    truth: tuple[str, ...]  # names of what is known of each frame
    jobs: Sequence[Any]  # one a clip; what `draw` is given
    draw: Callable[[Any], Drawn]  # a function of a module, as other processes call it

    @property
    def start(self) -> Ints:
        """[N] the first frame of each clip in the files."""
        return np.asarray(np.cumsum(self.columns["length"]) - self.columns["length"])

    @property
    def frames(self) -> int:
        return int(self.columns["length"].sum())

    @property
    def frame_bytes(self) -> int:
        return self.info.size**2 * self.info.channels

    @property
    def recipe(self) -> dict[str, Any]:
        """What a half-made folder must have been begun with; as JSON keeps it."""
        made: dict[str, Any] = json.loads(json.dumps(self.info.made))
        return {"options": made["options"], "version": made["version"], "source": made["source"]}


@dataclass(frozen=True)
class Place:
    """One clip for a worker to draw, and where its frames go."""

    number: int
    start: int
    length: int
    out: Path
    job: Any
    draw: Callable[[Any], Drawn]


@dataclass(frozen=True)
class Done:
    number: int
    digest: str  # SHA-256 of the frames


def make_clips(out: Path, plan: Plan, workers: int) -> None:
    """Draw a dataset into the folder `out`; run again to go on after an interruption.

    workers: processes; 0: one for each core. InputError for a folder in use, or begun with other
    options, and where there is no space.
    """
    done = _begin(out, plan)
    missing = [i for i in range(len(plan.jobs)) if i not in done]
    places = [
        Place(i, int(plan.start[i]), int(plan.columns["length"][i]), out, plan.jobs[i], plan.draw)
        for i in missing
    ]
    try:
        done |= _draw_all(out, places, min(workers or cores(), len(places)), len(plan.jobs))
        _finish(out, plan, done)
    except OSError as error:
        if is_disk_full(error):
            raise _no_space(out) from error
        raise


def _begin(out: Path, plan: Plan) -> dict[int, Done]:
    """Claim a new folder, or find which clips a half-made one holds already."""
    if not resumable(out):
        claim_folder(out)
        _check_space(out, plan)
        atomic_write(out / MAKING, json.dumps(plan.recipe, indent=2).encode())
    _check_same(out, plan)
    done = _read_journal(out, plan)
    lines = "".join(json.dumps(vars(entry)) + "\n" for entry in done.values())
    atomic_write(out / JOURNAL, lines.encode())
    for name, size in ((FRAMES, plan.frame_bytes), (TRUTH, REAL * len(plan.truth))):
        with open(out / name, "ab") as file:
            file.truncate(plan.frames * size)
    return done


def _check_space(out: Path, plan: Plan) -> None:
    """Refuse before the work what cannot be finished."""
    needed = plan.frames * (plan.frame_bytes + 2 * REAL * len(plan.truth)) + SPARE
    free = shutil.disk_usage(out).free
    if free < needed:
        out.rmdir()
        raise InputError(
            f"{out} needs {needed / 1e6:,.0f} MB and {free / 1e6:,.0f} are free there: free some,"
            " choose another --out, or ask for less"
        )


def _check_same(out: Path, plan: Plan) -> None:
    begun, asked = read_json(out / MAKING), plan.recipe
    for name, before, now in (
        *((f"--{n.replace('_', '-')}", _of(begun, n), v) for n, v in asked["options"].items()),
        *((n, begun.get(n), asked[n]) for n in ("version", "source")),
    ):
        if before != now:
            raise InputError(
                f"{out} was begun with {name} {before}, not {now}: use the same to go on, or choose"
                " another --out"
            )


def _of(begun: Mapping[str, Any], name: str) -> Any:
    options = begun.get("options")
    return options.get(name) if isinstance(options, dict) else None


def _read_journal(out: Path, plan: Plan) -> dict[int, Done]:
    """The clips that are drawn; the last line can be torn."""
    stored, path = out / FRAMES, out / JOURNAL
    whole = stored.exists() and stored.stat().st_size == plan.frames * plan.frame_bytes
    done: dict[int, Done] = {}
    for line in path.read_text().splitlines() if whole and path.exists() else []:
        try:
            entry = Done(**json.loads(line))
        except (ValueError, TypeError):
            break
        done[entry.number] = entry
    return done


def _draw_all(out: Path, places: list[Place], workers: int, total: int) -> dict[int, Done]:
    """Draw what is missing and write it into the journal, in the order in which it is done."""
    console = screen(stderr=True)
    done: dict[int, Done] = {}
    with (
        Progress(*bar_columns(), console=console, disable=not console.is_terminal) as bar,
        closing(in_processes(_draw, places, workers, _killed)) as results,
        open(out / JOURNAL, "a") as journal,
    ):
        task = bar.add_task("drawing", total=total, completed=total - len(places))
        for entry in results:
            journal.write(json.dumps(vars(entry)) + "\n")
            journal.flush()
            done[entry.number] = entry
            bar.advance(task)
    return done


def _draw(place: Place) -> Done:
    """Draw one clip into its place in the files."""
    frames, truth = place.draw(place.job)
    assert len(frames) == len(truth) == place.length
    content = np.ascontiguousarray(frames).tobytes()
    known = np.ascontiguousarray(truth, "<f4").tobytes()
    for name, values in ((FRAMES, content), (TRUTH, known)):
        with open(place.out / name, "r+b") as file:
            file.seek(place.start * (len(values) // place.length))
            file.write(values)
    return Done(place.number, hashlib.sha256(content).hexdigest())


def _killed(place: Place) -> Done:
    raise InputError(
        f"the process that drew clip {place.number} was killed, perhaps for want of memory: run the"
        " same command to go on, with fewer --workers"
    )


def _finish(out: Path, plan: Plan, done: Mapping[int, Done]) -> None:
    with open(out / FRAMES, "r+b") as file:
        os.fsync(file.fileno())
    shape = (plan.frames, len(plan.truth))
    known = np.fromfile(out / TRUTH, "<f4").reshape(shape)
    write_truth(out, dict(zip(plan.truth, known.T, strict=True)))
    digests = "".join(done[i].digest for i in range(len(plan.jobs)))
    made = {**plan.info.made, "content": hashlib.sha256(digests.encode()).hexdigest()}
    columns = {"start": plan.start, **plan.columns}
    write_meta(out, replace(plan.info, made=made), columns)
    for name in (JOURNAL, TRUTH, MAKING):
        (out / name).unlink(missing_ok=True)


def _no_space(out: Path) -> InputError:
    return InputError(f"no space left for {out}: free some, then run the same command to go on")
