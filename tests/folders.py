"""Folders of small videos that tests make, and the datasets made of them."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from media import encode, ramp
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.data.folder import FolderOptions, make
from vdsm.video import write_clips

LENGTHS = {"run": 7, "wave hand": 9}


def tree(root: Path, people: tuple[str, ...] = ("Ann", "Bob 2", "Zoë")) -> Path:
    """people / actions / two takes of each, GIF and mp4."""
    for i, who in enumerate(people):
        for what, length in LENGTHS.items():
            folder = root / who / what
            folder.mkdir(parents=True)
            write_clips(folder / "take 2.gif", ramp(length) // (i + 1), fps=10)
            encode(folder / "take 10.mp4", ramp(length + 1) // (i + 1))
    return root


def empty(root: Path, names: Iterable[str]) -> Path:
    """Files of no content: what a folder holds is told by their names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def made(out: Path, source: Path, **options: Any) -> Clips:
    """The dataset that is made of a folder."""
    make(out, FolderOptions(source=source, **({"size": 32, "workers": 1} | options)))
    return open_clips(out)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
