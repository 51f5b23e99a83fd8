"""Which clips a folder of videos holds, with group, labels and split: from its tree or a table."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vdsm.data.folder.item import GROUP_NAMES, Found, Item, Passed
from vdsm.data.folder.levels import (
    IGNORED,
    SPLIT,
    Levels,
    Parts,
    check_names,
    parse_levels,
    usual_levels,
)
from vdsm.data.folder.metadata import read_metadata
from vdsm.data.folder.names import Names, parse_names
from vdsm.data.folder.scan import Reading, Scan, scan
from vdsm.errors import InputError
from vdsm.video import VIDEO_SUFFIXES
from vdsm.words import counted

__all__ = ["Item", "find", "find_tree"]
MOST_KINDS = 8  # of what is passed over, in one line


def find_tree(root: Path) -> list[Item]:
    """The clips below `root`, in natural order of their names; see `find`."""
    return find(root).items


def find(
    root: Path,
    *,
    levels: str | None = None,
    names: str | None = None,
    reading: Reading = Reading(),  # noqa: B008
) -> Found:
    """The clips below `root`, with what folders, file names and metadata tables say of them.

    levels: what the folders stand for, from the top; without it train, val, test ... are a split
    and the others identity and action: root/<identity>/<action>/clip.mp4.
    names: a pattern of file names; with it, folders that `levels` does not name give no labels.
    """
    told = parse_levels(levels) if levels is not None else None
    pattern = parse_names(names) if names is not None else None
    _check_together(told, pattern)
    found = scan(root, reading)
    if not found.items:
        raise _no_clip(found)
    folders = [_folders(item.path, root) for item in found.items]
    meaning = Levels(told) if told else usual_levels(folders)
    tables, said = read_metadata(found, reading)
    known = _by_folders(found, meaning, from_tables=bool(tables))
    if pattern is not None:
        known = _by_names(known, found, pattern, keep=told is not None)
    placed = meaning.remarks(_folders(item.path, root) for item in known)
    said = [*placed, *found.said(), *said]
    lost = _lost(found.passed, known, meaning, pattern, root)
    return Found(known, found.passed, said, lost)


def _folders(path: Path, root: Path) -> Parts:
    """The names of the folders from the source down to what lies at `path`."""
    return path.relative_to(root).parent.parts


def _check_together(levels: Parts | None, names: Names | None) -> None:
    if levels and names:
        both = [name for name in levels if name != IGNORED] + list(names.pattern.groupindex)
        check_names("--levels and --names", f"{','.join(levels)} {names.text}", both)


def _no_clip(found: Scan) -> InputError:
    kinds = ", ".join(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES)
    held = f"; there lie {in_kinds(found.passed)}" if found.passed else ""
    return InputError(
        f"{found.root} holds no video: expected {kinds}, or folders of pictures{held}"
    )


def in_kinds(passed: Iterable[Passed]) -> str:
    """Files counted by their kind, the most first: 12 jpg beside videos, 3 txt."""
    kinds = Counter(file.short for file in passed)
    most = sorted(kinds, key=lambda kind: (-kinds[kind], kind))
    rest = sum(kinds[kind] for kind in most[MOST_KINDS:])
    each = [f"{kinds[kind]:,} {kind}" for kind in most[:MOST_KINDS]]
    return ", ".join([*each, *([f"{rest:,} of other kinds"] if rest else [])])


def whose(labels: dict[str, str]) -> str | None:
    """The individual that labels name."""
    return next((labels[name] for name in GROUP_NAMES if labels.get(name)), None)


def _by_folders(found: Scan, meaning: Levels, *, from_tables: bool) -> list[Item]:
    """Items with what their folders say. What stands beside a split's folders is passed over.

    What a table says goes before; and where there is one, folders give labels only if told.
    """
    known = []
    for item in found.items:
        parts = _folders(item.path, found.root)
        place = meaning.place(parts)
        if place.aside and meaning.names is not None:
            raise InputError(
                f"{item.name}: '{parts[meaning.names.index(SPLIT)]}' stands where --levels has"
                " split, but is none: train, validation or test in any usual spelling"
            )
        if place.aside and not item.split:
            reason = "stands beside the folders of a split, in none of them (see --levels)"
            found.passed.append(Passed(item.path, reason, "beside the folders of a split"))
            continue
        labels = {} if from_tables and meaning.names is None else place.labels
        group = item.group or whose(labels)
        split = item.split or place.split
        known.append(replace(item, labels={**labels, **item.labels}, group=group, split=split))
    return known


def _by_names(items: list[Item], found: Scan, names: Names, *, keep: bool) -> list[Item]:
    """Items with what their names say; those that do not match are passed over."""
    known = []
    for item in items:
        labels = names.labels(item)
        if labels is None:
            reason = f"its name does not match --names {names.text}"
            found.passed.append(Passed(item.path, reason, "whose names do not match --names"))
            continue
        split = labels.pop(SPLIT, None) or item.split
        both = {**(item.labels if keep else {}), **labels}
        known.append(replace(item, labels=both, group=whose(both), split=split))
    if not known:
        raise InputError(
            f"no name matches --names '{names.text}': the first of {counted(len(items), 'clip')}"
            f" is '{items[0].file}'"
        )
    return known


def _lost(
    passed: Iterable[Passed], items: list[Item], meaning: Levels, names: Names | None, root: Path
) -> list[str]:
    """The individuals of whom nothing is read."""
    groups = set()
    for file in passed:
        labels = dict(meaning.place(_folders(file.path, root)).labels) if not names else {}
        if names:
            name = file.path.relative_to(root).as_posix()
            labels |= names.labels(Item(file.path, name)) or {}
        groups.add(whose(labels))
    return sorted(group for group in groups - {item.group for item in items} if group)
