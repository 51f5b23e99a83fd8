"""Which pictures of a folder are frames of one clip: series are told apart by their names."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import cache
from pathlib import Path

from vdsm.video.order import in_order, natural_key

_NUMBER = re.compile(r"()([0-9]+(?:\.[0-9]+)?)")
_NUMBER_BUT_OF_WORD = re.compile(  # cam1 in cam1_0001 is a word
    r"([^\W\d_]{2,}[0-9]+(?=.*[0-9]))|([0-9]+(?:\.[0-9]+)?)"
)
Files = list[Path]


def series_of(files: Iterable[Path], chosen: str | None = None) -> tuple[dict[str, Files], Files]:
    """The series in a folder's pictures, each in order, by its pattern; and what is left over.

    Names that differ in their numbers are a series: img_0001, img_0002. Two are told apart where
    they share numbers (img_0001, flow_0001), or where every name belongs to one of them. What has
    no number (cover.png beside img_0001.png) is left over. Where names give no order to find
    (a.png, b.png) all are one series, of pattern *.
    chosen: a pattern with * and # (digits); only names that match it are taken.
    """
    found = list(files)
    rest: Files = []
    if chosen is not None:
        rest = [file for file in found if not matches(file, chosen)]
        found = [file for file in found if matches(file, chosen)]
    stems = _by_pattern(found, _NUMBER_BUT_OF_WORD)
    if any(len(files) < 2 for files in stems.values()):
        stems = _by_pattern(found, _NUMBER)
    series, alone = _told_apart(stems)
    kept = {pattern: in_order(members) for pattern, members in series.items() if members}
    short = _in_short(kept)
    ordered = sorted(kept, key=lambda pattern: natural_key(short[pattern]))
    return {short[p]: kept[p] for p in ordered}, rest + alone


def matches(file: Path, pattern: str) -> bool:
    """Whether a picture's name, with its suffix or without, is of a series.

    A pattern without * ? # is the name of one of its pictures.
    """
    expression = _expression(pattern)
    return any(expression.match(name) for name in (file.name, file.stem))


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    if not set(pattern) & set("*?#"):
        pattern = _NUMBER.sub("#", pattern)
    plain = translate(pattern.replace("[", "[[]"))
    return re.compile(plain.replace(r"\#", r"[0-9]+(?:\.[0-9]+)?"))


def _by_pattern(files: Files, number: re.Pattern[str]) -> dict[str, Files]:
    """Pictures by their names with # for the numbers; with the suffix where a name has several."""
    stems = Counter(file.stem for file in files)
    found: dict[str, Files] = defaultdict(list)
    for file in files:
        name = file.stem if stems[file.stem] == 1 else file.name
        found[number.sub(lambda m: m[1] or "#", name)].append(file)
    return found


def _numbers(file: Path) -> str:
    """The last number of a name."""
    return str(re.findall(r"[0-9]+", file.stem)[-1]).lstrip("0")


def _told_apart(stems: Mapping[str, Files]) -> tuple[dict[str, Files], Files]:
    """Patterns that are series, others joined to the first; and pictures that belong to none."""
    plain = [files[0] for pattern, files in stems.items() if "#" not in pattern]
    numbered = {p: files for p, files in stems.items() if "#" in p}
    most = sorted(numbered, key=lambda p: (-len(numbered[p]), natural_key(p)))
    if not most or len(numbered[most[0]]) < 2:
        return {"*": [file for files in stems.values() for file in files]}, []
    main = numbered[most[0]]
    first = [file for file in plain if _begins(file, main)]
    clear = all(len(files) > 1 for files in numbered.values())
    series = {most[0]: main + first}
    for pattern in most[1:]:
        files = numbered[pattern]
        if clear or _shared(files, main) * 2 >= len(files):
            series[pattern] = list(files)
        else:
            series[most[0]] += files
    return series, [file for file in plain if file not in first]


def _begins(file: Path, series: Files) -> bool:
    """Whether a name without a number comes before those with one: frame, frame (2)."""
    return all(member.stem.startswith(file.stem) for member in series)


def _shared(files: Files, others: Files) -> int:
    """How many of the files have the numbers of one of the others."""
    return len({_numbers(file) for file in files} & {_numbers(file) for file in others})


def _in_short(series: Mapping[str, Files]) -> dict[str, str]:
    """Each pattern with * for its numbers where that picks these pictures alone."""
    if len(series) == 1:
        return dict.fromkeys(series, "*")
    short = {}
    for pattern, files in series.items():
        star = pattern.replace("#", "*")
        others = [file for other, found in series.items() if other != pattern for file in found]
        clear = not any(matches(file, star) for file in others)
        short[pattern] = star if clear and all(matches(file, star) for file in files) else pattern
    return short
