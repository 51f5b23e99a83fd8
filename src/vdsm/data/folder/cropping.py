"""Crops of a folder's clips: what is asked, what is kept of each, and what the user is told."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vdsm.data.crop.asked import Asked, Crop
from vdsm.data.crop.given import Given
from vdsm.data.crop.store import SEPARATOR, TABLE, Cropped, strip, write_crops
from vdsm.data.folder.item import Item
from vdsm.words import counted


@dataclass(frozen=True)
class Kept:
    """What a dataset keeps of one clip's crop, beside boxes.f4 and whole.jpgs."""

    size: tuple[int, int]
    first: tuple[float, float, float]  # left, top, side
    remarks: tuple[str, ...]
    shown: tuple[int, ...]
    bytes: int  # in whole.jpgs
    at: int = 0

    @classmethod
    def read(cls, fields: dict[str, Any] | None) -> "Kept | None":
        """From a line of the journal."""
        if fields is None:
            return None
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Cropping:
    """What is asked for all clips, and the boxes of each where they are given."""

    asked: Asked | None = None
    given: Mapping[str, Given] = field(default_factory=dict)  # by the name of the item

    def of(self, item: Item) -> tuple[Asked | None, Given | None]:
        return self.asked, self.given.get(item.name)


NO_CROPPING = Cropping()
Crops = tuple[Item, int, int, Kept]  # its first frame in frames.u8, how many


def keep(crop: Crop, frames: int, part: Path) -> Kept:
    """Write the squares of all frames, and the pictures, beside the part file."""
    squares = np.broadcast_to(crop.squares, (frames, 3))
    part.with_suffix(".f4").write_bytes(np.ascontiguousarray(squares).tobytes())
    pictures = strip(crop.pictures)
    part.with_suffix(".jpgs").write_bytes(pictures)
    remarks = tuple(str(remark) for remark in crop.remarks)
    return Kept(crop.size, crop.square(0), remarks, crop.at, len(pictures))


def list_crops(out: Path, entries: Iterable[Crops]) -> list[Cropped]:
    """crops.csv: item, first frame, frames and crop of each clip."""
    rows = []
    for item, start, frames, kept in entries:
        x, y, side = (round(value, 2) for value in kept.first)
        shown = " ".join(map(str, kept.shown))
        doubtful = SEPARATOR.join(kept.remarks)
        part, place = str(item.cut or ""), (kept.at, kept.bytes)
        where = (start, frames, *kept.size, x, y, side)
        rows.append(Cropped(item.file, part, *where, doubtful, shown, *place))
    write_crops(out, rows)
    return rows


def summary(rows: list[Cropped]) -> str:
    """How many crops look wrong, and why."""
    wrong = [row for row in rows if row.doubtful]
    if not wrong:
        return f"crops: {counted(len(rows), 'clip')}, none looks wrong"
    kinds = Counter(remark for row in wrong for remark in row.remarks)
    said = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    look = "looks" if len(wrong) == 1 else "look"
    return (
        f"crops: {len(wrong):,} of {counted(len(rows), 'clip')} {look} wrong ({said}): see {TABLE},"
        " 'vdsm info DATA'"
    )
