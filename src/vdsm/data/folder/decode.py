"""Decoding into `frames.u8`, over processes, so that an interrupted run goes on where it was.

While it is being made, a dataset folder also holds

    making.json     how its frames are made; a folder with this and no dataset.json is half made
    journal.jsonl   a line for each clip whose frames are in frames.u8
    parts/          clips that are decoded and wait for their turn
"""

import hashlib
import json
import shutil
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

from vdsm.data.clips import MAKING, resumable
from vdsm.data.folder.item import Item
from vdsm.data.folder.pool import in_processes, stopping
from vdsm.data.folder.read import images, stamp
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, is_disk_full, no_room, read_json
from vdsm.video import Fit
from vdsm.video.limits import BeyondPicture, NoVideo
from vdsm.video.source import named
from vdsm.words import counted

JOURNAL = "journal.jsonl"
PARTS = "parts"
COPY = 2**22  # bytes
Kind = Literal["broken", "crop", "short", "no video"]  # of a problem
KINDS: dict[type[InputError], Kind] = {BeyondPicture: "crop", NoVideo: "no video"}


@dataclass(frozen=True)
class Recipe:
    """How a video becomes frames. Kept while the folder is half made; it must not change."""

    source: str
    size: int
    crop: str
    grey: bool
    fps: float | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame as it is stored."""
        return self.size**2 * (1 if self.grey else 3)


@dataclass(frozen=True)
class Decoded:
    """What became of one item: where its frames are, or what is wrong with it."""

    name: str
    stamp: tuple[int, int]  # of the source, see `stamp`
    frames: int = 0
    digest: str = ""  # SHA-256 of the frames
    start: int = 0  # in frames.u8, frames
    problem: str | None = None
    kind: Kind = "broken"  # if there is a problem


@dataclass(frozen=True)
class Job:
    """One clip for a worker to decode into the file `part`."""

    item: Item
    part: Path
    recipe: Recipe
    shortest: int  # frames; shorter clips are left out
    threads: int


def begin(out: Path, recipe: Recipe) -> list[Decoded]:
    """Claim a new folder, or find what a half-made one holds already.

    Frames and journal are cut back to what both agree on. Where nothing is decoded yet another
    recipe may take the place of the first.
    """
    goes_on = resumable(out)
    if not goes_on:
        claim_folder(out)
    if not goes_on or _is_empty(out / JOURNAL):
        atomic_write(out / MAKING, json.dumps(asdict(recipe), indent=2).encode())
    begun = read_json(out / MAKING)
    for name, value in asdict(recipe).items():
        if begun.get(name) != value:
            raise InputError(
                f"{out} was begun with {name} {begun.get(name)}, not {value}: use the same to go"
                " on, or choose another --out"
            )
    shutil.rmtree(out / PARTS, ignore_errors=True)
    done = _read_journal(out, recipe)
    lines = "".join(json.dumps(asdict(entry)) + "\n" for entry in done)
    atomic_write(out / JOURNAL, lines.encode())
    with open(out / "frames.u8", "ab") as file:
        file.truncate(sum(entry.frames for entry in done) * recipe.frame_bytes)
    return done


def _is_empty(file: Path) -> bool:
    return not file.exists() or file.stat().st_size == 0


def _read_journal(out: Path, recipe: Recipe) -> list[Decoded]:
    """The entries whose frames are there; the last line can be torn."""
    stored = out / "frames.u8"
    held = stored.stat().st_size if stored.exists() else 0
    done: list[Decoded] = []
    for line in (out / JOURNAL).read_text().splitlines() if (out / JOURNAL).exists() else []:
        try:
            fields = json.loads(line)
        except ValueError:
            break
        fields.pop("short", None)  # of an earlier version
        entry = Decoded(**fields | {"stamp": tuple(fields["stamp"])})
        if (entry.start + entry.frames) * recipe.frame_bytes > held:
            break
        done.append(entry)
    return done


def still_valid(done: list[Decoded], items: list[Item], out: Path) -> None:
    """Refuse to go on after sources changed. New ones are welcome."""
    stamps = {item.name: stamp(item) for item in items}
    for entry in done:
        if stamps.get(entry.name) != entry.stamp:
            raise InputError(
                f"{entry.name} was changed or removed since {out} was begun: choose another --out"
            )


def decode_all(
    items: list[Item], out: Path, recipe: Recipe, *, shortest: int, workers: int, start: int
) -> Generator[Decoded, None, None]:
    """Decode clips and append them to frames.u8 in the order of `items`, whoever is done first.

    shortest: frames that a clip must have; start: frames that are there already. Yields each clip
    once it is in the journal, or found unusable.
    """
    parts = out / PARTS
    parts.mkdir(exist_ok=True)
    threads = max(1, workers // len(items)) if items else 1
    jobs = [Job(item, parts / f"{i}.u8", recipe, shortest, threads) for i, item in enumerate(items)]
    order = {job.item.name: i for i, job in enumerate(jobs)}
    early: dict[int, Decoded] = {}
    turn = 0
    try:
        with (
            closing(in_processes(extract, jobs, min(workers, len(items)), _crashed)) as results,
            open(out / "frames.u8", "ab") as store,
            open(out / JOURNAL, "a") as journal,
        ):
            for result in results:
                early[order[result.name]] = result
                while turn in early:
                    entry = replace(early.pop(turn), start=start)
                    if entry.problem is None:
                        _append(jobs[turn].part, store)
                        journal.write(json.dumps(asdict(entry)) + "\n")
                        journal.flush()
                        start += entry.frames
                    turn += 1
                    yield entry
    except OSError as error:
        if is_disk_full(error):
            raise InputError(
                f"{no_room(error, out)}, then run the same command to go on"
            ) from error
        raise


def _append(part: Path, store: BinaryIO) -> None:
    with open(part, "rb") as file:
        shutil.copyfileobj(file, store, COPY)
    store.flush()
    part.unlink()


def extract(job: Job) -> Decoded:
    """Decode one clip into its part file, frame by frame."""
    entry = Decoded(job.item.name, stamp(job.item))
    recipe = job.recipe
    fit = Fit(recipe.size, recipe.crop, recipe.grey)
    count, digest = 0, hashlib.sha256()
    try:
        with open(job.part, "wb") as file:
            for image in images(job.item, recipe.fps, job.threads):
                with named(job.item.path):
                    content = fit(image).tobytes()
                file.write(content)
                digest.update(content)
                count += 1
                if stopping():
                    return replace(entry, problem="called off")
    except InputError as error:
        job.part.unlink()
        return replace(entry, problem=str(error), kind=KINDS.get(type(error), "broken"))
    if count < job.shortest:
        job.part.unlink()
        problem = f"{job.item.path} has {counted(count, 'frame')}, fewer than {job.shortest}"
        return replace(entry, problem=problem, kind="short" if count else "broken")
    return replace(entry, frames=count, digest=digest.hexdigest())


def _crashed(job: Job) -> Decoded:
    job.part.unlink(missing_ok=True)
    problem = f"{job.item.path} makes the decoder crash: encode it again"
    return Decoded(job.item.name, stamp(job.item), problem=problem)


def finish(out: Path) -> None:
    """Remove what only a half-made folder holds."""
    shutil.rmtree(out / PARTS, ignore_errors=True)
    for name in (JOURNAL, MAKING):
        (out / name).unlink(missing_ok=True)
