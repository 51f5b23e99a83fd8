"""Makes a dataset of a folder of videos: decodes with a progress bar, reports, writes."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress, TextColumn

from vdsm.data.clips import Info, write_meta
from vdsm.data.folder.asking import check_crop, cropping_of
from vdsm.data.folder.cropping import Cropping, Crops, list_crops, summary
from vdsm.data.folder.decode import begin, decode_all, finish, still_valid
from vdsm.data.folder.extract import Decoded
from vdsm.data.folder.find import find
from vdsm.data.folder.item import Found, Item
from vdsm.data.folder.options import FolderOptions
from vdsm.data.folder.report import BROKEN, REPORT, remarks_on_split, report, say
from vdsm.data.folder.rows import Row, factors, groups, list_clips, rows, split
from vdsm.data.folder.table import read_table
from vdsm.data.maker import provenance
from vdsm.errors import InputError
from vdsm.progress import bar_columns
from vdsm.screen import screen
from vdsm.tasks import Where


def make(out: Path, options: FolderOptions) -> None:
    """Decode videos into the dataset folder `out`; run again to go on after an interruption.

    Broken files are listed in broken.csv with the reason and left out, and so is what is no video.
    InputError if more than `max_broken` of them are broken, and for options or a table that make
    no sense.
    """
    _check(options)
    found = _found(options)
    say(found.said)
    _check_holdout(found.items, options)
    cropping, told = cropping_of(options, found.items)
    say(told)
    done = begin(out, options.recipe)
    still_valid(done, found.items, out)
    results = {entry.name: entry for entry in _decode(found.items, done, out, options, cropping)}
    report(out, found, results, options)
    clips = rows(found.items, results, options)
    if not clips:
        raise InputError(f"no clip of {options.source} can be used: see {out / REPORT}")
    if cropping.asked is not None:
        say([summary(list_crops(out, _kept(clips, results)))])
    _write(out, clips, results, options)
    finish(out)


def most_clips(options: FolderOptions) -> int | None:
    """How many clips there are at most; None where videos are to be cut."""
    return None if options.segment else len(_found(options).items)


def _found(options: FolderOptions) -> Found:
    if options.table is not None:
        return read_table(options.table, options.source, options.reading)
    how = {"levels": options.levels, "names": options.names}
    return find(options.source, **how, reading=options.reading)


def _kept(clips: list[Row], results: Mapping[str, Decoded]) -> Iterator[Crops]:
    """Where the clips' files were cropped, each file or part once."""
    for item in {row.item.name: row.item for row in clips}.values():
        entry = results[item.name]
        assert entry.crop is not None
        yield item, entry.start, entry.frames, entry.crop


def _check(options: FolderOptions) -> None:
    Where(options.workers, options.ray)  # not both
    check_crop(options)
    if options.stride is not None and options.segment is None:
        raise InputError(f"stride {options.stride} without a segment: give --segment too")
    for flag, value in (("--levels", options.levels), ("--names", options.names)):
        if value is not None and options.table is not None:
            raise InputError(f"{flag} and --table both say what clips are called: give one")


def _check_holdout(items: list[Item], options: FolderOptions) -> None:
    groups = {item.group for item in items}
    whole = options.holdout == "group" and len(items) > 1 and options.test_share > 0
    if whole and len(groups) == 1 and None not in groups and not any(i.split for i in items):
        raise InputError(
            f"all videos belong to '{groups.pop()}', so no individual can be held out:"
            " use --holdout clip, or --test-share 0"
        )


def _decode(
    items: list[Item],
    done: list[Decoded],
    out: Path,
    options: FolderOptions,
    cropping: Cropping,
) -> Iterator[Decoded]:
    """Results of all items: those that are done, then the others as they come."""
    yield from done
    known = {entry.name for entry in done}
    rest = [item for item in items if item.name not in known]
    start = sum(entry.frames for entry in done)
    where = Where(options.workers, options.ray)
    console = screen(stderr=True)
    with _bar(console) as bar:
        task = bar.add_task("decoding", total=len(items), completed=len(done), broken=0)
        fresh = decode_all(
            rest,
            out,
            options.recipe,
            shortest=options.shortest,
            where=where,
            start=start,
            cropping=cropping,
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
    given = any(row.item.split for row in clips)
    say(remarks_on_split(columns["split"], group, options, given))
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
    for name in ("workers", "ray", "max_broken"):  # what has no bearing on the data
        del made["options"][name]
    channels = 1 if options.grey else 3
    info = Info(options.source.resolve().name, options.size, channels, labelled, made)
    list_clips(out, clips, columns, labelled)
    with open(out / "frames.u8", "ab") as file:
        end = int((columns["start"] + columns["length"]).max())
        file.truncate(end * options.recipe.frame_bytes)
    write_meta(out, info, columns)
