"""Decoding into `frames.u8`, over processes, so that an interrupted run goes on where it was.

While it is being made, a dataset folder also holds

    making.json     how its frames are made; a folder with this and no dataset.json is half made
    journal.jsonl   a line for each clip whose frames are in frames.u8
    parts/          clips that are decoded and wait for their turn

Where clips are cropped to a subject, boxes.f4 and whole.jpgs grow as frames.u8 does.
"""

import json
import shutil
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO

from vdsm.data.clips import MAKING, resumable
from vdsm.data.crop.store import BOX_BYTES, BOXES, WHOLE
from vdsm.data.folder.cropping import NO_CROPPING, Cropping, Kept
from vdsm.data.folder.extract import Decoded, Job, Recipe, crashed_on, extract
from vdsm.data.folder.item import Item
from vdsm.data.folder.read import stamp
from vdsm.data.folder.send import Sent, received, send
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, is_disk_full, no_room, read_json
from vdsm.tasks import Where, in_turn, results

JOURNAL = "journal.jsonl"
PARTS = "parts"
STORED = ("frames.u8", BOXES, WHOLE)
COPY = 2**22  # bytes


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
    for name, size in _stored(done, recipe).items():
        with open(out / name, "ab") as file:
            file.truncate(size)
    return done


def _stored(done: list[Decoded], recipe: Recipe) -> dict[str, int]:
    """The files that grow with every clip, and how long they are with these."""
    frames = sum(entry.frames for entry in done)
    sizes = {"frames.u8": frames * recipe.frame_bytes}
    if recipe.subject is not None:
        pictures = sum(entry.crop.bytes for entry in done if entry.crop is not None)
        sizes |= {BOXES: frames * BOX_BYTES, WHOLE: pictures}
    return sizes


def _is_empty(file: Path) -> bool:
    return not file.exists() or file.stat().st_size == 0


def _read_journal(out: Path, recipe: Recipe) -> list[Decoded]:
    """The entries whose frames are there; the last line can be torn."""
    held = {name: (out / name).stat().st_size if (out / name).exists() else 0 for name in STORED}
    done: list[Decoded] = []
    for line in (out / JOURNAL).read_text().splitlines() if (out / JOURNAL).exists() else []:
        try:
            fields = json.loads(line)
        except ValueError:
            break
        fields.pop("short", None)  # of an earlier version
        crop = Kept.read(fields.pop("crop", None))
        entry = Decoded(**fields | {"stamp": tuple(fields["stamp"]), "crop": crop})
        if any(size > held[name] for name, size in _stored([*done, entry], recipe).items()):
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
    items: list[Item],
    out: Path,
    recipe: Recipe,
    *,
    shortest: int,
    where: Where,
    start: int,
    cropping: Cropping = NO_CROPPING,
) -> Generator[Decoded, None, None]:
    """Decode clips and append them to frames.u8 in the order of `items`, whoever is done first.

    shortest: frames that a clip must have; start: frames that are there already. Yields each clip
    once it is in the journal, or found unusable.
    """
    parts = out / PARTS
    parts.mkdir(exist_ok=True)
    threads = max(1, where.processes // len(items)) if items else 1
    jobs = [
        Job(item, parts / f"{i}.u8", recipe, shortest, threads, *cropping.of(item))
        for i, item in enumerate(items)
    ]
    order = {job.item.name: i for i, job in enumerate(jobs)}
    try:
        with (
            closing(_extracted(jobs, where)) as found,
            ExitStack() as files,
            open(out / JOURNAL, "a") as journal,
        ):
            stores = {n: files.enter_context(open(out / n, "ab")) for n in _stored([], recipe)}
            for job, result in zip(jobs, in_turn(found, lambda one: order[one.name]), strict=True):
                entry = replace(result, start=start)
                if entry.problem is None:
                    entry = _put(entry, job.part, stores)
                    journal.write(json.dumps(asdict(entry)) + "\n")
                    journal.flush()
                    start += entry.frames
                yield entry
    except OSError as error:
        if is_disk_full(error):
            raise InputError(
                f"{no_room(error, out)}, then run the same command to go on"
            ) from error
        raise


def _extracted(jobs: list[Job], where: Where) -> Generator[Decoded, None, None]:
    """What becomes of the clips, whose part files are here then, whoever has decoded them."""
    if where.ray is None:
        return results(extract, jobs, where, crashed_on)
    return received(results(send, jobs, where, lambda job: Sent(crashed_on(job))), jobs)


def _put(entry: Decoded, part: Path, stores: Mapping[str, BinaryIO]) -> Decoded:
    """Put what was decoded behind what is there already; gives the entry with its place."""
    for name, store in stores.items():
        if name == WHOLE and entry.crop is not None:
            entry = replace(entry, crop=replace(entry.crop, at=store.tell()))
        _append(part.with_suffix(Path(name).suffix), store)
    return entry


def _append(part: Path, store: BinaryIO) -> None:
    with open(part, "rb") as file:
        shutil.copyfileobj(file, store, COPY)
    store.flush()
    part.unlink()


def finish(out: Path) -> None:
    """Remove what only a half-made folder holds."""
    shutil.rmtree(out / PARTS, ignore_errors=True)
    for name in (JOURNAL, MAKING):
        (out / name).unlink(missing_ok=True)
