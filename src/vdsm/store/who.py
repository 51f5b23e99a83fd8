"""`who.json` of a run: which training clips show whom, as the data say or as was found."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from vdsm.config import build
from vdsm.data.clips import Clips, Ints
from vdsm.files import atomic_write, read_json
from vdsm.store.run import Run
from vdsm.who import pairs
from vdsm.words import counted

FILE = "who.json"


@dataclass(frozen=True)
class Score:
    """Pairs of training clips that show one individual."""

    said: int  # as was found
    true: int  # by the data's own groups
    right: int  # by both

    def __str__(self) -> str:
        precision = f"{100 * self.right / self.said:.1f} %" if self.said else "–"
        recall = f"{100 * self.right / self.true:.1f} %"
        return f"precision {precision} of {self.said:,} pairs, recall {recall} of {self.true:,}"


@checked(frozen=True, config=ConfigDict(extra="ignore"))
class WhoIsWho:
    """What training took for granted of who is who."""

    by: str  # labels, found or clip
    clip: list[int]  # [n] training clips
    individual: list[int]  # [n] who is in them, numbers from 0
    said: str  # in one line
    covered: float = 0.0  # where found: share of clips that have another of the same individual,
    gap: float = 0.0  # and how far the nearest stranger is, in largest steps between its clips

    @property
    def twice(self) -> list[Ints]:
        """The clips of each individual in two or more, those of most clips first."""
        clip, who = np.array(self.clip, np.int64), np.array(self.individual, np.int64)
        order = np.argsort(who, kind="stable")
        _, first = np.unique(who[order], return_index=True)
        members = np.split(clip[order], first[1:])
        return sorted((m for m in members if len(m) > 1), key=lambda m: (-len(m), m[0]))


def who_is_who(run: Run, clips: Clips) -> WhoIsWho | None:
    """Of a run whose method asks for it; None for others."""
    if run.recipe.who is None:
        return None
    people = run.recipe.who(run.config, clips)
    clip = np.concatenate(people.members)
    order = np.argsort(clip)
    who = people.of_clip[clip[order]]
    found = people.found
    numbers: dict[str, float] = {}
    if found is not None:
        numbers = {"covered": found.covered, "gap": found.gap}
    twice = sum(len(members) > 1 for members in people.members)
    said = str(found) if found is not None else _said(people.by, len(clip), len(people.members))
    said += "" if found is None or not twice else f" ({counted(twice, 'individual')} twice or more)"
    return WhoIsWho(people.by, clip[order].tolist(), who.tolist(), said, **numbers)


def _said(by: str, clips: int, people: int) -> str:
    """One line on what was not found."""
    if by == "clip" or people == clips:
        return f"{clips:,} clips, each an individual of its own"
    return f"{counted(people, 'individual')} in {clips:,} clips, as the data say"


def score(who: WhoIsWho, clips: Clips) -> Score | None:
    """What was found beside the data's own groups; None where these have nobody twice."""
    if who.by != "found":
        return None
    truth = np.unique(clips.table.group[who.clip], return_inverse=True)[1]
    right, said, true = pairs(np.array(who.individual), truth)
    return Score(said, true, right) if true else None


def write(run: Run, clips: Clips) -> None:
    """Store it with the run."""
    if (found := who_is_who(run, clips)) is not None:
        fields: Mapping[str, Any] = vars(found)
        plain = {k: v for k, v in fields.items() if not k.startswith("_")}
        atomic_write(run.path / FILE, json.dumps(plain).encode())


def read(folder: Path) -> WhoIsWho | None:
    """What is stored with a run; None where nothing is."""
    if not (folder / FILE).exists():
        return None
    return build(WhoIsWho, read_json(folder / FILE), str(folder / FILE))
