"""What labels are for, by their names: splits, lengths, groups; who is shown, or what is done."""

import re
from collections.abc import Iterable, Mapping, Sequence

from vdsm.data.folder.levels import split_of
from vdsm.errors import InputError

NUMBERS = {2: ("train", "test"), 3: ("train", "validation", "test")}  # 0, 1 and 2
SPLIT = {"split", "splits", "subset", "partition", "fold"}
LENGTH = {"length", "lengths", "len", "lens", "numframes", "nframes", "seqlen", "seqlens",
          "seqlength", "seqlengths", "framecount", "framecounts"}  # fmt: skip
GROUP = {"group", "groups", "groupid", "groupids"}
PLACES = {"index", "indices", "idx", "file", "files", "filename", "filenames", "path", "paths",
          "key", "keys", "uuid", "url", "urls"}  # fmt: skip
IDENTITY = {"identity", "identities", "id", "ids", "person", "persons", "people", "subject",
            "subjects", "individual", "individuals", "character", "characters", "actor", "actors",
            "speaker", "speakers", "who", "name", "names", "face", "animal", "participant",
            "static", "group", "groups", "digit", "digits", "shape", "color", "colour", "body",
            "skin", "hair", "gender", "sex"}  # fmt: skip
ACTION = {"action", "actions", "act", "activity", "activities", "motion", "motions", "movement",
          "move", "dynamic", "dynamics", "verb", "gesture", "gestures", "expression",
          "expressions", "emotion", "emotions", "mood", "speed", "direction", "view",
          "trajectory"}  # fmt: skip
LABEL = {"label", "labels"}


def words(name: str) -> list[str]:
    """The words of a name in lower case: personID, person_id and person-id have the same."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+", spaced.lower())


def joined(name: str) -> str:
    """A name in one word: num_frames as numframes."""
    return "".join(words(name))


def split_ending(name: str) -> tuple[str, str | None]:
    """A name without the split that it ends or begins with, and that split: X_train, train_X.

    Of `train` itself nothing is left.
    """
    if split_of(name):
        return "", split_of(name)
    for pattern, stem, split in ((r"(.+?)[_\-./ ]([A-Za-z]+)", 1, 2),
                                 (r"([A-Za-z]+)[_\-./ ](.+)", 2, 1)):  # fmt: skip
        match = re.fullmatch(pattern, name)
        called = split_of(match[split]) if match else None
        if match and called:
            return match[stem], called
    return name, None


def splits_of(name: str, values: Sequence[str]) -> list[str]:
    """The split of each clip from text, or from numbers: 0 train, 1 test; or 0, 1 validation, 2."""
    count = 3 if "2" in values else 2
    numbers = {str(i): split for i, split in enumerate(NUMBERS[count])}
    numbers |= {"False": "train", "True": "test"}  # an array `split` of truth values
    found = []
    for clip, value in enumerate(values):
        split = split_of(value) or numbers.get(value)
        if split is None:
            raise InputError(
                f"{name} holds '{value}' for clip {clip}: expected train, val or test, or 0 for"
                " train and 1 for test, or 0, 1, 2 for train, validation, test"
            )
        found.append(split)
    return found


def identities(
    names: Iterable[str], asked: str | None, told: Mapping[str, bool], fixed: Iterable[str] = ()
) -> set[str]:
    """Which labels say who is shown.

    asked: names that the user gives, or "none"; told: what the file itself says. Else by a word in
    the name: one for actions outweighs one for identity; `label` alone says who where nothing else
    does. fixed: labels that have one value in each group count, too.
    """
    names = list(names)
    if asked is not None:
        chosen = {part.strip() for part in asked.split(",") if part.strip()}
        chosen = set() if chosen == {"none"} else chosen
        if missing := sorted(chosen - set(names)):
            raise InputError(
                f"--identity {asked}: there is no label '{missing[0]}', only"
                f" {', '.join(names) or 'none at all'}"
            )
        return chosen
    found = {name for name in names if told.get(name, by_name(name))}
    fixed = {name for name in fixed if name not in told and not set(words(name)) & ACTION}
    general = {name for name in names if name not in told and is_general(name)}
    return found | fixed or general


def is_general(name: str) -> bool:
    """Whether a label's name says nothing of what it labels."""
    return bool(words(name)) and set(words(name)) <= LABEL


def by_name(name: str) -> bool:
    """Whether a label's name says that it is about who is shown."""
    found = set(words(name))
    return not found & ACTION and bool(found & IDENTITY)
