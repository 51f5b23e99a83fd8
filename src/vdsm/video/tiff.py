"""TIFF: which of its pages are pictures shown in time, by its directories (TIFF 6.0, section 2).

Thumbnails, the smaller levels of a pyramid and masks are pages too, and no frames.
"""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from vdsm.errors import InputError
from vdsm.video.limits import Bytes, damaged, truncated

SUBFILE, DESCRIPTION, SAMPLES = 254, 270, 277  # tags
REDUCED, MASK = 1, 4  # bits of SUBFILE
ONE = {1: 1, 2: 1, 3: 2, 4: 4, 16: 8}  # bytes of one value of a type
Tags = dict[int, tuple[int, int, int]]  # type, count, where its value lies


def tiff_pages(path: Path) -> tuple[list[int], float | None]:
    """Indices of the pages to show, in order, and the seconds between them where ImageJ says so."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _Reader(path, data)
        kinds, about, samples = [], "", 1
        for tags in reader.directories():
            kinds.append(reader.number(tags, SUBFILE))
            about = about or reader.text(tags, DESCRIPTION)
            samples = max(samples, reader.number(tags, SAMPLES))
    shown = [i for i, kind in enumerate(kinds) if not kind & (REDUCED | MASK)] or [0]
    _check_series(path, about, len(shown), samples)
    return shown, _interval(about)


def _check_series(path: Path, about: str, pages: int, samples: int) -> None:
    """Refuse a stack whose pages are not one series in time, by what its writer says of it."""
    # ImageJ; OME; tifffile
    images = _said(about, r"^ImageJ=(?:.*\n)*images=(\d+)")
    if images > pages or (about.startswith("{") and '"truncated": true' in about):
        raise InputError(f"{path} has more pictures than pages: save each as a page of its own")
    channels = _said(about, r"^ImageJ=(?:.*\n)*channels=(\d+)") or _said(about, r' SizeC="(\d+)"')
    if channels > 1 and pages > 1 and samples == 1:
        raise InputError(f"{path} has a page for each channel: save it as RGB or one channel")


def _said(about: str, pattern: str) -> float:
    found = re.search(pattern, about)
    return float(found[1]) if found else 0.0


def _interval(about: str) -> float | None:
    """Seconds between frames by ImageJ; None where it says none."""
    rate = _said(about, r"^ImageJ=(?:.*\n)*fps=([0-9.]+)")
    return _said(about, r"^ImageJ=(?:.*\n)*finterval=([0-9.]+)") or (1 / rate if rate else None)


class _Reader:
    """The directories of a TIFF or a BigTIFF of either byte order."""

    def __init__(self, path: Path, data: Bytes) -> None:
        self.path, self.data = path, data
        self.order = "little" if data[:2] == b"II" else "big"
        self.big = self._int(2, 2) == 43
        # Bytes of an offset, of the number of entries, of an entry.
        self.word, self.few, self.entry = (8, 8, 20) if self.big else (4, 2, 12)

    def _int(self, at: int, size: int) -> int:
        if at + size > len(self.data):
            raise truncated(self.path, "a page that lies beyond its end")
        return int.from_bytes(self.data[at : at + size], self.order)  # type: ignore[arg-type]

    def directories(self) -> Iterator[Tags]:
        at, seen = self._int(8 if self.big else 4, self.word), set()
        while at:
            if at in seen:
                raise damaged(self.path, "pages that go in a circle")
            seen.add(at)
            entries = self._int(at, self.few)
            first = at + self.few
            next_at = first + entries * self.entry
            at = self._int(next_at, self.word)
            yield dict(self._tag(first + i * self.entry) for i in range(entries))

    def _tag(self, at: int) -> tuple[int, tuple[int, int, int]]:
        tag, kind, count = self._int(at, 2), self._int(at + 2, 2), self._int(at + 4, self.word)
        if not 1 <= kind <= 18:
            raise damaged(self.path, f"a tag of an unknown kind at byte {at}")
        place = at + 4 + self.word
        size = ONE.get(kind, 1) * count
        if size > self.word:
            place = self._int(place, self.word)
        if place + size > len(self.data):
            raise truncated(self.path, "a tag whose value lies beyond its end")
        return tag, (kind, count, place)

    def number(self, tags: Tags, tag: int) -> int:
        kind, _, place = tags.get(tag, (0, 0, 0))
        return self._int(place, ONE[kind]) if kind in ONE else 0

    def text(self, tags: Tags, tag: int) -> str:
        _, count, place = tags.get(tag, (0, 0, 0))
        return self.data[place : place + count].decode("latin-1").rstrip("\0")
