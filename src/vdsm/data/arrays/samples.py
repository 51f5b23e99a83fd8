"""Samples in tars of WebDataset: which files are clips, and what stands beside them."""

import glob
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from vdsm.data.arrays.keys import check_end, ending, hidden, long_key, partners
from vdsm.data.arrays.labels import Value
from vdsm.data.arrays.options import ArraysOptions
from vdsm.data.arrays.parts import Found
from vdsm.data.arrays.values import Array, Extremes
from vdsm.data.folder.levels import split_of
from vdsm.errors import InputError
from vdsm.video import VIDEO_SUFFIXES, natural_key

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
LABELS = ("json", "cls", "txt")
LARGEST = 2**20  # bytes of a file of labels


@dataclass
class Sample:
    """One clip in a tar, and what stands beside it."""

    shard: Path
    member: str
    shape: tuple[int, ...] | None = None  # of an array; None: a video
    group: str = ""
    split: str = ""
    values: dict[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.shard}: {self.member}"


def is_tar(path: Path) -> bool:
    return path.name.lower().endswith(TARS)


def find_tars(source: Path) -> list[Path]:
    """The tars that a source names: one, all of a folder, or those that fit shards/*.tar.

    Braces are understood as WebDataset has them: shards/train-{000..011}.tar. Empty where the
    source is no tar.
    """
    if source.is_dir():
        found = [path for path in source.iterdir() if is_tar(path) and not hidden(path.name)]
        return [] if any(source.glob("*.npy")) else _ordered(found)
    if source.exists():
        return [source] if is_tar(source) else []
    if not re.search(r"[*?\[{]", str(source)):
        if is_tar(source):
            raise InputError(f"no file {source}: name the tar, or a folder of them")
        return []
    found = [Path(p) for text in _braces(str(source)) for p in glob.glob(text, recursive=True)]
    if not found:
        raise InputError(f"no file fits {source}")
    other = next((path for path in found if not is_tar(path)), None)
    if other is not None:
        raise InputError(f"{source} fits {other}: only tars may be several, name one file")
    return _ordered(found)


def _ordered(paths: Sequence[Path]) -> list[Path]:
    return sorted(dict.fromkeys(paths), key=lambda path: natural_key(path.as_posix()))


def _braces(text: str) -> list[str]:
    """shard-{08..10}.tar to shard-08.tar, shard-09.tar, shard-10.tar."""
    match = re.search(r"\{(\d+)\.\.(\d+)\}", text)
    if match is None:
        return [text]
    low, high = match[1], match[2]
    numbers = [str(i).zfill(len(low)) for i in range(int(low), int(high) + 1)]
    return [
        full for n in numbers for full in _braces(text[: match.start()] + n + text[match.end() :])
    ]


@contextmanager
def _readable(shard: Path) -> Iterator[None]:
    """Whatever a damaged tar raises becomes one line."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = reason.splitlines()[0].rstrip(":")  # then comes one for each way to unpack
        raise InputError(f"{shard} is not a tar file that can be read ({reason})") from error


class Content:
    """One file in a tar, to be read before the next is asked for."""

    def __init__(self, shard: Path, file: IO[bytes]) -> None:
        self.shard, self.file = shard, file

    def read(self, limit: int = -1) -> bytes:
        """Its bytes, `limit` at most; InputError where the tar is damaged."""
        with _readable(self.shard):
            return self.file.read(limit)


def members(shard: Path) -> Iterator[tuple[str, Content]]:
    """Name and content of every plain file in a tar, in order."""
    with _readable(shard), tarfile.open(shard) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None and not hidden(member.name.removeprefix("./")):
                yield member.name, Content(shard, file)
        check_end(tar)
        while tar.fileobj and tar.fileobj.read(LARGEST):  # to the checksum of a compressed one
            pass


def samples_of(
    shard: Path, options: ArraysOptions, found: Found, extremes: Extremes | None
) -> list[Sample]:
    """The clips of one tar with their labels; what belongs to none goes to `found.passed`."""
    clips: dict[str, Sample] = {}
    beside: dict[str, bytes] = {}
    for name, content in members(shard):
        if name in clips or name in beside:
            raise InputError(f"{shard} holds {name} twice: keep one of them")
        if _is_clip(name, options.clips):
            clips[name] = sample = Sample(shard, name)
            if ending(name) == "npy":
                sample.shape = _look(sample, content, options, extremes)
        elif ending(name) in LABELS:
            beside[name] = content.read(LARGEST)
        else:
            kind = ending(name) or "files without ending"
            found.passed[kind] = "no clip and no label"
    _one_kind(shard, list(clips))
    for name, clip in partners(str(shard), list(clips), beside).items():
        if clip is None:
            found.passed[ending(name)] = "of some, without a clip of that name"
        else:
            _read_labels(clips[clip], name, beside[name], found)
    return list(clips.values())


def _is_clip(name: str, wanted: str | None) -> bool:
    if wanted is not None:
        return name.lower().endswith(f".{wanted.lower().removeprefix('.')}")
    return ending(name) == "npy" or f".{ending(name)}" in VIDEO_SUFFIXES


def _one_kind(shard: Path, names: Sequence[str]) -> None:
    """InputError for samples that have two clips, such as an mp4 and an npy."""
    seen: dict[str, str] = {}
    for name in names:
        key = long_key(name)
        if key in seen:
            raise InputError(
                f"{shard}: {seen[key]} and {name} are of one sample: choose by --clips"
                f" {ending(seen[key])} or --clips {ending(name)}"
            )
        seen[key] = name


def _look(
    sample: Sample, content: Content, options: ArraysOptions, extremes: Extremes | None
) -> tuple[int, ...]:
    """Shape of an array; its values are seen where they tell the range."""
    array = read_array(sample.name, content.read())
    if extremes is not None and not extremes.settled(array.dtype):
        extremes.see(sample.name, 0, array[None])
    return tuple(array.shape)


def read_array(name: str, content: bytes) -> Array:
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # a damaged header can raise anything
        reason = "it holds objects" if b"'|O'" in content[:200] else str(error)
        raise InputError(f"{name} is not an array that can be read ({reason})") from error
    if not array.size or array.dtype.kind not in "biuf":
        raise InputError(f"{name} is {array.dtype} {list(array.shape)}: expected pixels as numbers")
    return np.asarray(array)


def _read_labels(sample: Sample, name: str, content: bytes, found: Found) -> None:
    """Take a .json, .cls or .txt of a clip into its sample."""
    where = f"{sample.shard}: {name}"
    try:
        text = content.decode("utf-8-sig").strip()
        about = json.loads(text) if ending(name) == "json" else None
    except ValueError as error:
        raise InputError(f"{where} is not valid {ending(name).upper()}: {error}") from error
    if ending(name) == "cls":
        sample.values["class"] = text
    elif ending(name) == "txt":
        sample.values["text"] = text
    elif not isinstance(about, dict):
        raise InputError(f"{where} does not hold a JSON object")
    else:
        _read_object(sample, where, about, found)


def _read_object(sample: Sample, where: str, about: dict[str, Any], found: Found) -> None:
    group, split = about.pop("group", None), about.pop("split", None)
    sample.group = "" if group is None else str(group)
    if split not in (None, ""):
        called = split_of(str(split))
        if called is None:
            raise InputError(f"{where}: split is '{split}', it should be train, val or test")
        sample.split = called
    labels = about.get("labels", about)
    for key, value in (labels if isinstance(labels, dict) else about).items():
        if isinstance(value, str | int | float) or value is None:
            sample.values[str(key)] = value
        else:
            found.passed[str(key)] = f"a {type(value).__name__}, no label"
