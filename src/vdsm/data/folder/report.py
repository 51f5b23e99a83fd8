"""What the user is told: how the source was read, what is left out of the dataset and why."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from vdsm.data.clips import SPLITS, Ints
from vdsm.data.folder.extract import Decoded, Kind
from vdsm.data.folder.find import in_kinds
from vdsm.data.folder.item import Found
from vdsm.data.folder.options import FolderOptions
from vdsm.data.folder.rows import write_csv
from vdsm.errors import InputError
from vdsm.screen import screen
from vdsm.words import counted

REPORT = "broken.csv"
BROKEN: tuple[Kind, ...] = ("broken", "crop")  # kinds of problems that count as broken
PASSED = "passed over"
MOST_NAMED = 5  # individuals in one line


def say(lines: Iterable[str]) -> None:
    """Remarks, a line each."""
    for line in lines:
        screen(stderr=True).print(line, soft_wrap=True)


def report(out: Path, found: Found, results: Mapping[str, Decoded], options: FolderOptions) -> None:
    """List what is left out, with reasons; InputError if too much of it is broken."""
    problems = [results[i.name] for i in found.items if results[i.name].problem is not None]
    (out / REPORT).unlink(missing_ok=True)
    if not problems and not found.passed:
        return
    lines: list[list[object]] = [[e.name, e.kind, e.problem] for e in problems]
    for file in found.passed:
        lines.append([file.path.relative_to(options.source).as_posix(), PASSED, file.reason])
    write_csv(out / REPORT, ["path", "kind", "reason"], lines)
    _refuse_too_many(problems, len(found.items), out, options)
    if problems:
        kinds = Counter(entry.kind for entry in problems)
        broken = sum(kinds[kind] for kind in BROKEN)
        say(
            [
                f"left out: {broken} broken, {kinds['short']} too short, {kinds['no video']}"
                f" without video, of {len(found.items)}: see {REPORT} in the dataset"
            ]
        )
    if found.passed:
        say([f"passed over: {in_kinds(found.passed)}: see {REPORT} in the dataset{_lost(found)}"])


def _refuse_too_many(
    problems: list[Decoded], items: int, out: Path, options: FolderOptions
) -> None:
    broken = [entry for entry in problems if entry.kind in BROKEN]
    if len(broken) <= options.max_broken * items:
        return
    fault, remedy = "is broken" if len(broken) == 1 else "are broken", "mend them"
    if all(entry.kind == "crop" for entry in broken):
        elsewhere = "" if len(problems) == items else " and another --out"
        fault, remedy = "cannot be used", f"choose another --crop{elsewhere}"
    raise InputError(
        f"{len(broken)} of {counted(items, 'file')} {fault}, more than the share"
        f" {options.max_broken:g} allowed; the first: {broken[0].problem}. See"
        f" {out / REPORT}; {remedy}, or raise --max-broken, and run the command again"
    )


def _lost(found: Found) -> str:
    """Who has no file that is read."""
    if not found.lost:
        return ""
    more = "" if len(found.lost) <= MOST_NAMED else f" and {len(found.lost) - MOST_NAMED} more"
    return f"; nothing is read of {', '.join(found.lost[:MOST_NAMED])}{more}"


def remarks_on_split(split: Ints, group: Ints, options: FolderOptions, given: bool) -> list[str]:
    """What the splits do not allow to measure, and how they would. given: by the source."""
    lines = []
    held_out = np.unique(group[split == SPLITS.index("test")])
    if options.holdout == "group" and len(held_out) == 1 and len(np.unique(group)) > 1:
        remedy = "--holdout clip holds out clips of everybody, --test-share more individuals"
        lines.append(
            "note: one individual is held out, so swaps and who is who cannot be measured"
            + (f": {remedy}" if not given else "")
        )
    if options.validation_share and SPLITS.index("validation") not in split:
        what = "individuals" if options.holdout == "group" else "videos"
        lines.append(
            f"note: none is held out for validation, since there are too few {what} for a share"
            f" of {options.validation_share:g}: raise --validation-share, or 0 for none"
        )
    return lines
