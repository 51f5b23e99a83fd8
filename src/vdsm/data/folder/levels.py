"""What the folders above a clip mean: the split, who is shown, what is done."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from vdsm.data.clips import SPLITS
from vdsm.data.folder.item import GROUP_NAMES
from vdsm.errors import InputError
from vdsm.words import counted

USUAL = ("identity", "action")  # what folders stand for, from the top, where nothing is told
IGNORED = "-"
SPLIT = "split"
_SET = r"(sets?|splits?|data|videos?|clips?|images?|frames|samples)"
_SPELLINGS = {
    "train": r"tr|trn|train|training",
    "validation": r"val|valid|validation|validate|validating|dev|devel|development",
    "test": r"te|tst|test|testing|eval|evaluation|evaluate",
}
_SPLITS = {
    split: re.compile(rf"[\W_\d]*({words})[\W_]*{_SET}?[\W_\d]*", re.IGNORECASE)
    for split, words in _SPELLINGS.items()
}
Parts = tuple[str, ...]


def split_of(word: str) -> str | None:
    """The split that a word names in any usual spelling: Training, val, 2_test, train2017."""
    return next((split for split, words in _SPLITS.items() if words.fullmatch(word)), None)


@dataclass(frozen=True)
class Place:
    """What the folders say of the clips in one of them."""

    split: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    aside: bool = False  # it stands where a split should, and is none


@dataclass(frozen=True)
class Levels:
    """What each level of a tree stands for."""

    names: Parts | None = None  # as told, from the top; None: the usual ones below the split
    splits: frozenset[Parts] = frozenset()  # folders whose subfolders are train, test ...

    def place(self, parts: Parts) -> Place:
        """The meaning of the folders from the source down to a clip."""
        if self.names is not None:
            named = dict(zip(self.names, parts, strict=False))
            named.pop(IGNORED, None)
            word = named.pop(SPLIT, None)
            split = None if word is None else split_of(word)
            return Place(split, named, aside=word is not None and split is None)
        for depth in range(len(parts) + 1):
            if parts[:depth] in self.splits:
                split = split_of(parts[depth]) if depth < len(parts) else None
                rest = parts[:depth] + parts[depth + 1 :]
                return Place(split, dict(zip(USUAL, rest, strict=False)), aside=split is None)
        return Place(None, dict(zip(USUAL, parts, strict=False)))

    def remarks(self, folders: Iterable[Parts]) -> list[str]:
        """What to say of the clips whose folders these are, one for each."""
        folders = list(folders)
        if self.names is not None:
            return self._depths(folders)
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for parts in folders:
            place = self.place(parts)
            if place.split:
                depth = next(i for i in range(len(parts)) if parts[:i] in self.splits)
                found[place.split][parts[depth]] += 1
        if not found:
            return []
        names = {split: ", ".join(sorted(words)) for split, words in found.items()}
        each = [
            f"{names[split]}: {split}, {counted(found[split].total(), 'clip')}"
            for split in SPLITS
            if split in found
        ]
        remark = f"the folders {'; '.join(each)} are read as the split (--levels names levels)"
        lacking = [f"no clip is for {what}" for split, what in NEEDED if split not in found]
        anew = "--levels with - for that level makes the split anew"
        return [remark, *[f"{lack}: {anew}" for lack in lacking]]

    def _depths(self, folders: list[Parts]) -> list[str]:
        assert self.names is not None
        said = []
        deeper = [parts for parts in folders if len(parts) > len(self.names)]
        if deeper:
            left = "/".join(deeper[0][len(self.names) :])
            said.append(
                f"{len(deeper)} of {len(folders)} clips lie deeper than --levels names, the first"
                f" in {'/'.join(deeper[0])}: '{left}' is ignored"
            )
        shallow = [parts for parts in folders if len(parts) < len(self.names)]
        if shallow:
            said.append(
                f"{len(shallow)} of {len(folders)} clips lie in fewer folders than --levels names,"
                f" the first in '{'/'.join(shallow[0])}': their labels below it are unknown"
            )
        return said


NEEDED = (("train", "training"), ("test", "testing"))


def parse_levels(text: str) -> Parts:
    """The names of `split,action,identity,-`; InputError for what cannot be one."""
    names = tuple(name.strip() for name in text.split(","))
    check_names("--levels", text, [name for name in names if name != IGNORED])
    return names


def check_names(option: str, text: str, names: list[str]) -> None:
    """InputError unless these can be the names of labels, at most one of them of the group."""
    example = "split,action,identity,-" if option == "--levels" else "{identity}_{action}_*"
    for name in names:
        if not name or not name.isidentifier():
            raise InputError(f"{option} '{text}': '{name}' is no name; write it as {example}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{option} '{text}' names {twice[0]} twice: name each once")
    whose = [name for name in names if name in GROUP_NAMES]
    if len(whose) > 1:
        raise InputError(
            f"{option} '{text}': {' and '.join(whose)} both say whose clip it is: name one"
        )


def usual_levels(folders: Iterable[Parts]) -> Levels:
    """Levels where nothing is told: those of a split are found by their names, the first such.

    Folders are of a split where two of them that name different splits stand side by side, or
    where every folder of their level names one. Beside others tr and te may be initials.
    """
    below: dict[Parts, set[str | None]] = defaultdict(set)  # None: a clip lies there itself
    for parts in set(folders):
        for depth, name in enumerate(parts):
            below[parts[:depth]].add(name)
        below[parts].add(None)
    for depth in range(max(map(len, below), default=0) + 1):
        level = {parts: names for parts, names in below.items() if len(parts) == depth}
        only = {parts for parts, names in level.items() if all(map(_names_split, names))}
        split = {parts for parts, names in level.items() if _different(names, parts in only) > 1}
        if split or only == level.keys():
            return Levels(None, frozenset(split | only))
    return Levels()


def _names_split(name: str | None) -> bool:
    return name is not None and split_of(name) is not None


def _different(names: set[str | None], alone: bool) -> int:
    """How many splits the folders name; not those of two letters unless they stand alone."""
    clear = [name for name in names if name is not None and (alone or len(name) > 2)]
    return len({split_of(name) for name in clear} - {None})
