"""One reader for everything that holds frames: video files, GIFs, pictures, folders of pictures."""

import math
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from vdsm.errors import InputError
from vdsm.files import POINTER, refuse_pointer
from vdsm.video.clock import Span, clocked, cut, resample
from vdsm.video.container import decode
from vdsm.video.heic import is_heif, prepare
from vdsm.video.limits import Frames, Numbered, TimedFrames
from vdsm.video.series import series_of
from vdsm.video.shape import Fit, luma
from vdsm.video.still import BEGINNING, count_pictures, picture_format, pictures

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m1v",
    ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".flv", ".f4v", ".wmv", ".asf",
    ".3gp", ".3g2", ".ogv", ".rm", ".rmvb", ".h264", ".gif",
)  # fmt: skip
IMAGE_SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".bmp", ".webp", ".avif", ".heic", ".heif"),
    *(".tif", ".tiff", ".ppm", ".pgm"),
)
ALWAYS_ONE = (".jpg", ".jpeg", ".bmp", ".ppm", ".pgm")  # kinds of pictures without animation


def read_video(
    path: str | Path,
    *,
    size: int | None = None,
    max_frames: int | None = None,
    crop: str = "centre",
    grey: bool = False,
    fps: float | None = None,
    start: float | None = None,
) -> Frames:
    """uint8 [T, H, W, C] of a video, a GIF, a folder of pictures, or one picture (T = 1).

    size    side of the square that frames are cropped and scaled to; None keeps them as they are
    crop    used with `size`, see `Fit`: centre, square, or x,y,w,h
    grey    C is 1, else 3
    fps     frames a second to take, by their time stamps; None takes every frame
    start   seconds since the first frame to begin at

    InputError for a file that is missing, damaged, truncated, too large or no video.
    """
    path = Path(path)
    images: list[Frames] = []
    fit = Fit(size, crop, grey) if size is not None else luma if grey else None
    with named(path), closing(frames(path, fps=fps, start=start)) as source:
        for image in islice(source, max_frames):
            images.append(fit(image) if fit else image)
            if images[-1].shape != images[0].shape:
                raise _changes_size(path, images)
    if not images:
        raise InputError(f"{path} holds no frame")
    return np.stack(images)


def beginning(
    path: Path,
    size: int,
    grey: bool,
    window: int,
    fps: float | None = None,
    start: float | None = None,
) -> tuple[Frames, bool]:
    """The first `window` frames (0 for all) of what `read_video` reads, and whether there are more.

    Damage behind them is none of theirs.
    """
    read = partial(read_video, path, size=size, grey=grey, fps=fps, start=start)
    if not window:
        return read(), False
    try:
        found = read(max_frames=window + 1)  # one more tells whether there are more
    except InputError:  # that one may be damaged
        return read(max_frames=window), True
    return found[:window], len(found) > window


def frames(
    path: str | Path,
    *,
    fps: float | None = None,
    threads: int = 1,
    start: float | None = None,
    end: float | None = None,
) -> Generator[Frames, None, None]:
    """The frames of `path` one by one, uint8 RGB [H, W, 3], in flat memory; see `timed_frames`.

    start, end  seconds since the first frame: those shown at start <= time < end. With fps, at
                start + k / fps. InputError where there is no such frame, or no clock.
    """
    for _, image in numbered_frames(path, fps=fps, threads=threads, start=start, end=end):
        yield image


def numbered_frames(
    path: str | Path,
    *,
    fps: float | None = None,
    threads: int = 1,
    start: float | None = None,
    end: float | None = None,
) -> Generator[Numbered, None, None]:
    """The same as `frames`, each with its number among all frames of the file, from 0."""
    path = Path(path)
    span = Span(start or 0.0, math.inf if end is None else end)
    with named(path):
        timed = numbered(_timed(path, threads, standing=bool(fps)))
        if start is not None or end is not None:
            timed = clocked(timed)
        taken = resample(timed, fps, span) if fps else cut(timed, span)
        for _, image in taken:
            yield image


def numbered(timed: TimedFrames) -> Iterator[tuple[float | None, Numbered]]:
    """Frames with their numbers. A picture that stands on comes as the same array, and number."""
    number, before = -1, None
    for time, image in timed:
        number += image is not before
        before = image
        yield time, (number, image)


def timed_frames(path: str | Path, *, threads: int = 1) -> TimedFrames:
    """Frames, uint8 RGB [H, W, 3], each with its time in seconds since the first.

    Pictures, and folders of pictures in natural order, have no clock: their times are None.
    Upright by the file's rotation or EXIF, square pixels, transparency on black. InputError for
    what is missing, unreadable, damaged, truncated or over `MAX_PIXELS`, raised no later than
    after the last good frame.
    """
    yield from _timed(Path(path), threads)


def _timed(path: Path, threads: int, *, standing: bool = False) -> TimedFrames:
    """standing: a picture comes again where a video says that it stands on."""
    with named(path):
        if path.is_dir():
            for file in pictures_in(path):
                with named(file):
                    _start(file)
                    yield None, next(pictures(file))[1]
        elif _is_picture(path):
            yield from pictures(path)
        else:
            yield from decode(path, threads, standing=standing)


def pictures_in(folder: Path) -> list[Path]:
    """The frames that lie in a folder, in natural order: frame2 before frame10.

    InputError for none, and for more than one clip: several series, or animations.
    """
    found = [file for file in folder.iterdir() if is_picture_name(file)]
    if not found:
        raise InputError(f"{folder} holds no picture: expected {', '.join(IMAGE_SUFFIXES)}")
    if several := next((file.name for file in found if is_animated(file)), None):
        raise InputError(f"{folder} holds clips ({several} is one), not frames of one: name a file")
    series, _ = series_of(found)
    if len(series) > 1:
        raise InputError(
            f"{folder} holds several series of pictures ({', '.join(series)}): give each a folder,"
            " or make a dataset of it: vdsm data folder --help"
        )
    return next(iter(series.values()))


def is_animated(picture: Path) -> bool:
    """Whether a picture file shows more than one in time; damaged ones are found so later."""
    if picture.suffix.lower() in ALWAYS_ONE:
        return False
    try:
        return count_pictures(picture) > 1
    except (InputError, OSError, SyntaxError, ValueError, EOFError):
        return False


def is_picture_name(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _is_picture(path: Path) -> bool:
    """Whether Pillow reads it: by what the file begins with, else by its name."""
    start = _start(path)
    return picture_format(start) is not None or is_heif(start) or is_picture_name(path)


def _start(path: Path) -> bytes:
    """The first bytes of a file, which must have some; HEIC can be read from then on."""
    with open(path, "rb") as file:
        start = file.read(BEGINNING)
    if not start:
        raise InputError(f"{path} is empty (0 bytes): copy or record it again")
    if start.startswith(POINTER):
        refuse_pointer(path)
    prepare(path, start)
    return start


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a file is read becomes one InputError that names it.

    Decoders raise exceptions of every kind on damaged data, so every kind is taken.
    """
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit in memory: scale it down or cut it") from error
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"{path} cannot be read ({' '.join(reason.split())})") from error


def _changes_size(path: Path, images: list[Frames]) -> InputError:
    (h, w), (new_h, new_w) = images[0].shape[:2], images[-1].shape[:2]
    return InputError(
        f"{path} changes size at frame {len(images) - 1}, from {w} x {h} to {new_w} x {new_h}"
        " pixels: give a size to scale them to"
    )
