"""The frames of an item, and what tells whether they have changed."""

import hashlib
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from pathlib import Path

from vdsm.data.folder.item import Cut, Item
from vdsm.data.folder.strips import strip_frames
from vdsm.errors import InputError
from vdsm.video import frames, resample, timed_frames
from vdsm.video.clock import P, TimedPictures
from vdsm.video.limits import Frames, Numbered
from vdsm.video.source import named, numbered, numbered_frames, pictures_in

Images = Generator[Numbered, None, None]


def images(item: Item, fps: float | None, threads: int) -> Images:
    """The frames of a clip one by one, uint8 RGB [H, W, 3], each with its number in the file.

    fps: how many a second to take, where the item has a clock. InputError where it cannot be read.
    """
    if item.strip:
        yield from enumerate(strip_frames(_first(item.path)))
    elif item.pictures is not None:
        yield from _pictures(item.path, item.pictures, item.cut)
    elif item.cut is not None and item.cut.unit == "frames":
        yield from _by_frames(item.path, item.cut, fps, threads)
    elif item.cut is not None:
        start, end = item.cut.start, item.cut.end
        yield from numbered_frames(item.path, fps=fps, threads=threads, start=start, end=end)
    else:
        yield from numbered_frames(item.path, fps=fps, threads=threads)


def _first(picture: Path) -> Frames:
    with closing(frames(picture)) as found:
        return next(found)


def _pictures(folder: Path, names: tuple[str, ...], cut: Cut | None) -> Images:
    if cut is not None and cut.unit != "frames":
        raise InputError(f"{folder} holds pictures, which have no times: cut it by start_frame")
    chosen = list(enumerate(names))[_slice(cut) if cut else slice(None)]
    for number, name in chosen:
        yield number, _first(folder / name)
    if not chosen:
        raise InputError(f"{folder} has {len(names)} frames, none of [{cut}]")


def _by_frames(path: Path, cut: Cut, fps: float | None, threads: int) -> Images:
    part = _slice(cut)
    with named(path):
        timed = islice(numbered(timed_frames(path, threads=threads)), part.start, part.stop)
        shifted = _from_zero(timed)
        empty = True
        for _, image in resample(shifted, fps) if fps else shifted:
            empty = False
            yield image
        if empty:
            raise InputError(f"{path} has no frame in [{cut}]")


def _from_zero(timed: TimedPictures[P]) -> TimedPictures[P]:
    """The frames with their times since the first of them."""
    first: float | None = None
    for time, image in timed:
        first = time if first is None else first
        yield (None if time is None or first is None else time - first), image


def _slice(cut: Cut) -> slice:
    return slice(int(cut.start or 0), None if cut.end is None else int(cut.end))


def stamp(item: Item) -> tuple[int, int]:
    """Tells whether a source was changed since; (0, 0) where there is none.

    Of a folder of frames: bytes of all its pictures, and a digest of their names and times.
    """
    try:
        if item.path.is_dir():
            names = item.pictures
            files = pictures_in(item.path) if names is None else [item.path / n for n in names]
            return _stamp_of(files)
        return _stamp(item.path)
    except (OSError, InputError):
        return 0, 0


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _stamp_of(pictures: list[Path]) -> tuple[int, int]:
    stamps = [(file.name, *_stamp(file)) for file in pictures]
    digest = hashlib.sha256(repr(stamps).encode(errors="surrogateescape")).digest()
    return sum(size for _, size, _ in stamps), int.from_bytes(digest[:7])
