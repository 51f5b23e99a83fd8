"""Makes a dataset of a folder of videos: decodes with a progress bar, reports, writes."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress, TextColumn

from vdsm.data.clips import Info, write_meta
from vdsm.data.folder.decode import Decoded, begin, decode_all, finish, still_valid
from vdsm.data.folder.find import Item, find_tree, read_table
from vdsm.data.folder.options import FolderOptions
from vdsm.data.folder.rows import Row, factors, groups, list_clips, rows, split, write_csv
from vdsm.data.maker import provenance
from vdsm.device import cores
from vdsm.errors import InputError
from vdsm.progress import bar_columns
from vdsm.screen import screen
from vdsm.video import parse_crop
from vdsm.words import counted

REPORT = "broken.csv"
BROKEN = ("broken", "crop")  # kinds of problems that count as broken


def make(out: Path, options: FolderOptions) -> None:
    """Decode videos into the dataset folder `out`; run again to go on after an interruption.

    Broken files are listed in broken.csv with the reason and left out. InputError if more than
    `max_broken` of them are, and for options or a table that make no sense.
    """
    _check(options)
    items = _items(options)
    _check_holdout(items, options)
    done = begin(out, options.recipe)
    still_valid(done, items, out)
    results = {entry.name: entry for entry in _decode(items, done, out, options)}
    _report(out, items, results, options)
    clips = rows(items, results, options)
    if not clips:
        raise InputError(f"no clip of {options.source} can be used: see {out / REPORT}")
    _write(out, clips, results, options)
    finish(out)


def most_clips(options: FolderOptions) -> int | None:
    """How many clips there are at most; None where videos are to be cut."""
    return None if options.segment else len(_items(options))


def _items(options: FolderOptions) -> list[Item]:
    if options.table is None:
        return find_tree(options.source)
    return read_table(options.table, options.source)


def _check(options: FolderOptions) -> None:
    parse_crop(options.crop)
    if options.stride is not None and options.segment is None:
        raise InputError(f"stride {options.stride} without a segment: give --segment too")


def _check_holdout(items: list[Item], options: FolderOptions) -> None:
    groups = {item.group for item in items}
    whole = options.holdout == "group" and len(items) > 1 and options.test_share > 0
    if whole and len(groups) == 1 and None not in groups and not any(i.split for i in items):
        raise InputError(
            f"all videos belong to '{groups.pop()}', so no individual can be held out:"
            " use --holdout clip, or --test-share 0"
        )


def _decode(
    items: list[Item], done: list[Decoded], out: Path, options: FolderOptions
) -> Iterator[Decoded]:
    """Results of all items: those that are done, then the others as they come."""
    yield from done
    known = {entry.name for entry in done}
    rest = [item for item in items if item.name not in known]
    start = sum(entry.frames for entry in done)
    workers = options.workers or cores()
    console = screen(stderr=True)
    with _bar(console) as bar:
        task = bar.add_task("decoding", total=len(items), completed=len(done), broken=0)
        fresh = decode_all(
            rest, out, options.recipe, shortest=options.shortest, workers=workers, start=start
        )
        with closing(fresh) as results:
            broken = 0
            for entry in results:
                broken += entry.problem is not None and entry.kind in BROKEN
                bar.update(task, advance=1, broken=broken)
                yield entry


def _bar(console: Console) -> Progress:
    return Progress(
        *bar_columns(),
        TextColumn("{task.fields[broken]} broken"),
        console=console,
        disable=not console.is_terminal,
    )


def _report(
    out: Path, items: list[Item], results: Mapping[str, Decoded], options: FolderOptions
) -> None:
    """List what is left out, with reasons; InputError if too much of it is broken."""
    problems = [results[item.name] for item in items if results[item.name].problem is not None]
    broken = [entry for entry in problems if entry.kind in BROKEN]
    (out / REPORT).unlink(missing_ok=True)
    if not problems:
        return
    lines = [[e.name, e.kind, e.problem] for e in problems]
    write_csv(out / REPORT, ["path", "kind", "reason"], lines)
    if len(broken) > options.max_broken * len(items):
        fault, remedy = "is broken" if len(broken) == 1 else "are broken", "mend them"
        if all(entry.kind == "crop" for entry in broken):
            elsewhere = "" if len(problems) == len(items) else " and another --out"
            fault, remedy = "cannot be used", f"choose another --crop{elsewhere}"
        raise InputError(
            f"{len(broken)} of {counted(len(items), 'file')} {fault}, more than the share"
            f" {options.max_broken:g} allowed; the first: {broken[0].problem}. See"
            f" {out / REPORT}; {remedy}, or raise --max-broken, and run the command again"
        )
    kinds = Counter(entry.kind for entry in problems)
    screen(stderr=True).print(
        f"left out: {len(broken)} broken, {kinds['short']} too short, {kinds['no video']} without"
        f" video, of {len(items)}: see {REPORT} in the dataset",
        soft_wrap=True,
    )


def _content(clips: list[Row], results: Mapping[str, Decoded]) -> str:
    """Digest of the frames of all videos in use, whatever the order in which they were decoded."""
    names = dict.fromkeys(row.item.name for row in clips)
    return hashlib.sha256("".join(results[name].digest for name in names).encode()).hexdigest()


def _write(
    out: Path, clips: list[Row], results: Mapping[str, Decoded], options: FolderOptions
) -> None:
    labelled = factors([row.item for row in clips], by_tree=options.table is None)
    group = groups(clips)
    columns = {
        "start": np.array([row.start for row in clips], np.int64),
        "length": np.array([row.length for row in clips], np.int64),
        "group": group,
        "split": split(clips, group, options),
    }
    for factor in labelled:
        index = {value: i for i, value in enumerate(factor.values)}
        labels = [index.get(row.item.labels.get(factor.name, ""), -1) for row in clips]
        columns[f"label.{factor.name}"] = np.array(labels, np.int64)
    problems = [entry for entry in results.values() if entry.problem is not None]
    held_out = np.unique(group[columns["split"] == 1])
    if options.holdout == "group" and len(held_out) == 1 and len(np.unique(group)) > 1:
        screen(stderr=True).print(
            "note: one individual is held out, so swaps and who is who cannot be measured: "
            "--holdout clip holds out clips of everybody, --test-share more individuals",
            soft_wrap=True,
        )
    made = provenance(
        "folder",
        options,
        source=options.source.resolve().name,
        licence="that of the source",
        videos=len(results),
        content=_content(clips, results),
        broken=sum(entry.kind in BROKEN for entry in problems),
        short=sum(entry.kind == "short" for entry in problems),
    )
    for name in ("workers", "max_broken"):  # what has no bearing on the data
        del made["options"][name]
    channels = 1 if options.grey else 3
    info = Info(options.source.resolve().name, options.size, channels, labelled, made)
    list_clips(out, clips, columns, labelled)
    with open(out / "frames.u8", "ab") as file:
        end = int((columns["start"] + columns["length"]).max())
        file.truncate(end * options.recipe.frame_bytes)
    write_meta(out, info, columns)
