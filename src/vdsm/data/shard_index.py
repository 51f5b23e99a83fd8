"""An index for tar shards that others have written, so that they open as any dataset.

A sample is <key>.npy, uint8 [T, S, S, C], and optionally <key>.json: an object with group, split
(train or test) and labels, or with labels alone. Keys may have dots (`vdsm.data.arrays.keys`).
Labels are text or numbers; fractions are kept, or in bins (`vdsm.data.arrays.labels`).
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vdsm.data.arrays.keys import check_end, ending, hidden, long_key, partners
from vdsm.data.arrays.labels import Value, as_text
from vdsm.data.clips import SPLITS, Info, Ints, hold_out, write_meta
from vdsm.data.folder.item import Item
from vdsm.data.folder.levels import split_of
from vdsm.data.folder.rows import Row, factors, groups
from vdsm.data.shards import RangeReader, read_local
from vdsm.errors import InputError
from vdsm.screen import screen

BUFFER = 2**16  # bytes of one range
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
NO_LABELS = ("group", "split")
PROBE = 2**16  # bytes of a clip, from its start, that tell it from others


@dataclass(frozen=True)
class ShardSample:
    """One clip in a tar."""

    key: str
    shard: int
    offset: int  # bytes, of its first frame
    shape: tuple[int, ...]  # [T, S, S, C]
    about: dict[str, Any]  # its .json
    digest: str  # SHA-256 of its first bytes


def index_shards(
    out: Path,
    names: Sequence[str] | None = None,
    *,
    read_range: RangeReader | None = None,
    base: str | None = None,
    test_share: float = 0.1,
    seed: int = 0,
) -> None:
    """Write dataset.json and clips.npz for shards; their headers, .json and first 64 KiB are read.

    Without `read_range` the shards lie in the folder `out`, by default every .tar there, and
    `open_clips(out)` opens them. With it they lie at `base` + name, and `open_shards` does. What
    has no split of its own is held out by group, a seeded `test_share`.
    """
    if (out / "dataset.json").exists():
        raise InputError(f"{out} has an index already: remove its dataset.json to make another")
    names = list(names or sorted(file.name for file in out.glob("*.tar")))
    packed = [n for n in names or sorted(f.name for f in out.glob("*")) if n.endswith(COMPRESSED)]
    if packed:
        raise InputError(
            f"{packed[0]} is compressed, so clips cannot be read out of its middle: unpack it to a"
            f" .tar, or make a dataset of it: vdsm data arrays --source {out / packed[0]}"
        )
    if not names:
        raise InputError(f"{out} holds no .tar file: name the folder of the shards")
    base = f"{out}/" if base is None else base
    samples = [
        sample
        for i, name in enumerate(names)
        for sample in _samples(base + name, i, read_range or read_local)
    ]
    if not samples:
        raise InputError(f"the shards of {base} hold no .npy file: expected <key>.npy, <key>.json")
    out.mkdir(parents=True, exist_ok=True)
    sizes = [(out / name).stat().st_size if read_range is None else 0 for name in names]
    listed = [{"name": n, "bytes": size} for n, size in zip(names, sizes, strict=True)]
    _write(out, samples, listed, test_share, seed)


def _write(
    out: Path,
    samples: list[ShardSample],
    listed: list[dict[str, Any]],
    test_share: float,
    seed: int,
) -> None:
    size, channels = _agreed([sample.shape[1:] for sample in samples])
    texts = _texts(samples)
    items = [
        _item(sample, listed[sample.shard]["name"], labels)
        for sample, labels in zip(samples, texts, strict=True)
    ]
    labelled = factors(items, by_tree=False)
    length = np.array([sample.shape[0] for sample in samples], np.int64)
    group = groups([Row(item, 0, 0, 0) for item in items])
    columns = {
        "length": length,
        "group": group,
        "split": _split(items, group, test_share, seed),
        "shard": np.array([sample.shard for sample in samples], np.int64),
        "offset": np.array([sample.offset for sample in samples], np.int64),
    }
    for factor in labelled:
        values = [item.labels.get(factor.name, "") for item in items]
        index = {value: i for i, value in enumerate(factor.values)}
        columns[f"label.{factor.name}"] = np.array([index.get(v, -1) for v in values], np.int64)
    content = hashlib.sha256("".join(sample.digest for sample in samples).encode()).hexdigest()
    made = {"maker": "index", "test_share": test_share, "seed": seed, "content": content}
    made["shards"] = listed
    write_meta(out, Info(out.resolve().name, size, channels, labelled, made, "shards"), columns)


def _agreed(shapes: list[tuple[int, ...]]) -> tuple[int, int]:
    """Side and channels that all frames have."""
    different = sorted(set(shapes))
    height, width, channels = different[0]
    if len(different) > 1 or height != width or channels not in (1, 3):
        raise InputError(f"frames of shapes {different[:4]}: all should be one [S, S, 1 or 3]")
    return height, channels


def _texts(samples: Sequence[ShardSample]) -> list[dict[str, str]]:
    """The labels of each sample as text; what is neither text nor number is passed over, said."""
    found: list[dict[str, Value]] = []
    passed: dict[str, str] = {}
    for sample in samples:
        about = sample.about
        labels = about.get("labels", {k: v for k, v in about.items() if k not in NO_LABELS})
        labels = labels if isinstance(labels, dict) else {}
        plain = {k: v for k, v in labels.items() if isinstance(v, str | int | float)}
        passed |= {k: type(v).__name__ for k, v in labels.items() if k not in plain}
        found.append({name.replace(".", "_"): value for name, value in plain.items()})
    columns = {
        name: as_text([labels.get(name) for labels in found])[0]
        for name in dict.fromkeys(name for labels in found for name in labels)
    }
    if passed:
        listed = ", ".join(f"{name} ({kind})" for name, kind in passed.items())
        screen(stderr=True).print(f"passed over: {listed}: no text, no number", soft_wrap=True)
    return [{name: columns[name][i] for name in labels} for i, labels in enumerate(found)]


def _item(sample: ShardSample, shard: str, labels: Mapping[str, str]) -> Item:
    """Named by its shard too: tars of others may number their samples each from 0."""
    about = sample.about
    given = about.get("split") or None
    split = None if given is None else split_of(str(given))
    if (given and split is None) or not isinstance(about.get("labels", {}), dict):
        raise InputError(
            f"{shard}: {sample.key}.json: expected group, split (train, test) and labels"
        )
    group = about.get("group")
    name = f"{shard}/{sample.key}"
    return Item(Path(name), name, None if group is None else str(group), labels, split)


def _split(items: list[Item], group: Ints, test_share: float, seed: int) -> Ints:
    if any(item.split for item in items):
        return np.array([SPLITS.index(item.split or "train") for item in items], np.int64)
    return hold_out(group, test_share, seed)


def _samples(address: str, shard: int, read_range: RangeReader) -> Iterator[ShardSample]:
    """The samples of one shard."""
    arrays: dict[str, tuple[int, tuple[int, ...], str]] = {}
    beside: dict[str, dict[str, Any]] = {}
    try:
        file = io.BufferedReader(_Ranges(address, read_range), BUFFER)
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                kind = "" if hidden(member.name) else ending(member.name)
                if content is not None and kind == "npy":
                    shape = _shape(content, f"{address}: {member.name}")
                    offset = member.offset_data + content.tell()
                    digest = hashlib.sha256(content.read(PROBE)).hexdigest()
                    arrays[member.name] = (offset, shape, digest)
                elif content is not None and kind == "json":
                    beside[member.name] = _object(content.read(), f"{address}: {member.name}")
            check_end(tar)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{address} is not a tar file that can be read ({error})") from error
    clip_of = partners(address, list(arrays), beside)
    about = {clip: beside[name] for name, clip in clip_of.items() if clip is not None}
    for name, (offset, shape, digest) in arrays.items():
        yield ShardSample(long_key(name), shard, offset, shape, about.get(name, {}), digest)


def _shape(file: Any, name: str) -> tuple[int, ...]:
    """Shape of a .npy file of pixels; leaves the file at its first pixel."""
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_column, dtype = read(file)
    except (ValueError, KeyError) as error:
        raise InputError(f"{name} is not a .npy file that can be read ({error})") from error
    if dtype != np.uint8 or len(shape) != 4 or 0 in shape:
        raise InputError(f"{name} is {dtype}{list(shape)}, expected uint8 [T, S, S, C]")
    if by_column and sum(side > 1 for side in shape) > 1:
        raise InputError(
            f"{name} is stored by columns (Fortran order), so its frames do not lie one after"
            " another: save it by np.ascontiguousarray, or make a dataset of it by vdsm data arrays"
        )
    return tuple(shape)


def _object(content: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise InputError(f"{name} is not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{name} does not hold a JSON object")
    return found


class _Ranges(io.RawIOBase):
    """A file made of ranges, for tarfile to seek in."""

    def __init__(self, address: str, read_range: RangeReader) -> None:
        self.address = address
        self.read_range = read_range
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise OSError("the end of a range is not known")
        self.at = offset + (self.at if whence == io.SEEK_CUR else 0)
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        content = self.read_range(self.address, self.at, len(buffer))
        buffer[: len(content)] = content
        self.at += len(content)
        return len(content)
