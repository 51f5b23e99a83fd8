"""The one clip interface: N clips of uint8 frames, their groups, split and factor labels.

A stored dataset is a folder of three files, written in this order:

    frames.u8      every frame of every clip, uint8 [F, H, W, C], memory-mapped when read
    clips.npz      one entry per clip: start, length, group, split, and label.<factor>
    dataset.json   name, frame size, factors, and how it was made; written last, so a folder
                   that has one is complete
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder, is_disk_full, no_room, read_json
from vdsm.words import counted

FORMAT = 1
MAKING = "making.json"  # in what `vdsm data folder` has begun, until it is whole
SPLITS = ("train", "test", "validation")  # for learning; the last measurement; choices
Role = Literal["identity", "action"]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Factor:
    """A labelled factor of variation. `role` says which code should hold it: s or d."""

    name: str
    role: Role
    values: tuple[str, ...]


@dataclass(frozen=True)
class Info:
    """What a dataset is and how it was made; `dataset.json` holds exactly this."""

    name: str
    size: int  # side of a square frame, pixels
    channels: int  # 1 or 3
    factors: tuple[Factor, ...] = ()
    made: Mapping[str, Any] = field(default_factory=dict)  # maker, options, seed, source, licence
    storage: str = "memmap"  # which reader opens it
    format: int = FORMAT

    def factor(self, name: str) -> Factor:
        """The factor of that name; InputError that lists those there are."""
        for factor in self.factors:
            if factor.name == name:
                return factor
        raise InputError(
            f"{self.name} has no factor '{name}': it has {[f.name for f in self.factors]}"
        )


@dataclass(frozen=True)
class Table:
    """One row per clip."""

    length: Ints  # [N] frames in the clip
    group: Ints  # [N] clips of one individual share a group; without grouping, arange(N)
    split: Ints  # [N] index into SPLITS
    labels: Mapping[str, Ints]  # factor name -> [N] index into that factor's values; -1 unknown

    def __post_init__(self) -> None:
        n = len(self.length)
        columns = {"group": self.group, "split": self.split, **self.labels}
        wrong = {name: len(column) for name, column in columns.items() if len(column) != n}
        assert not wrong, f"columns of other lengths than {n}: {wrong}"


class Clips:
    """Random access to the clips of a dataset. Subclasses say where frames come from."""

    def __init__(self, info: Info, table: Table, path: Path | None = None) -> None:
        self.info = info
        self.table = table
        self.path = path

    def __len__(self) -> int:
        return len(self.table.length)

    def read(self, clip: int, start: int, frames: int) -> Frames:
        """uint8 [frames, H, W, C]: frames start .. start + frames of one clip."""
        raise NotImplementedError

    def batch(self, clips: Ints, starts: Ints, frames: int) -> Frames:
        """uint8 [B, frames, H, W, C]: the same number of frames of several clips."""
        return np.stack(
            [self.read(int(c), int(s), frames) for c, s in zip(clips, starts, strict=True)]
        )

    def whole(self, clip: int) -> Frames:
        """uint8 [T_n, H, W, C]: every frame of one clip."""
        return self.read(clip, 0, int(self.table.length[clip]))

    def require_segment(self, clip: int, start: int, frames: int) -> None:
        """InputError where a clip has no frames start .. start + frames."""
        if not 0 <= clip < len(self):
            raise InputError(f"there is no clip {clip} among {counted(len(self), 'clip')}")
        length = int(self.table.length[clip])
        if not 0 <= start <= start + frames <= length:
            has = counted(length, "frame")
            raise InputError(f"clip {clip} has {has}, none of {start} to {start + frames}")

    def select(self, split: str | None = None, min_length: int = 1) -> Ints:
        """Indices of the clips of a split of `SPLITS` (None for all) that are long enough."""
        chosen = self.table.length >= min_length
        if split is not None and split not in SPLITS:
            raise InputError(f"no split '{split}': it is {' or '.join(SPLITS)}")
        if split is not None:
            chosen &= self.table.split == SPLITS.index(split)
        return np.flatnonzero(chosen).astype(np.int64)

    @property
    def fingerprint(self) -> str:
        """Digest of what the data are: frames, labels, groups, split; of no name but a label's.

        What the same frames were made from, where, and by which version has no part in it.
        """
        if "content" not in self.info.made:
            return self.former_fingerprint
        frames = {"size": self.info.size, "channels": self.info.channels}
        factors = [asdict(factor) for factor in self.info.factors]
        return self._digest({**frames, "factors": factors, **_content(self.info.made)})

    @property
    def former_fingerprint(self) -> str:
        """As it was in version 0.1.0: of the whole record, the maker's version and all."""
        return self._digest(asdict(self.info))

    def known_as(self, fingerprint: str) -> bool:
        """Whether a fingerprint, recorded by this version or an earlier one, is of these data."""
        return fingerprint in (self.fingerprint, self.former_fingerprint, self.undivided)

    @property
    def undivided(self) -> str:
        """The fingerprint of the same data before clips for validation were taken from training.

        A model of those has learned from the clips for validation too.
        """
        split = self.table.split
        whole = np.where(split == SPLITS.index("validation"), SPLITS.index("train"), split)
        return Clips(self.info, replace(self.table, split=whole)).fingerprint

    def _digest(self, record: Mapping[str, Any]) -> str:
        """Of a record and the table."""
        digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
        for name, column in _columns(self.table).items():
            digest.update(name.encode() + np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


class MemmapClips(Clips):
    """Frames of a stored dataset, memory-mapped: opening costs no reading."""

    def __init__(self, path: Path, info: Info, columns: Mapping[str, Ints]) -> None:
        super().__init__(info, table_of(columns), path)
        self.start = columns["start"]
        if self.start.min() < 0:
            raise InputError(f"{path / 'clips.npz'} is damaged: make the data again")
        end = int((self.start + self.table.length).max())  # clips may share frames
        shape = (end, info.size, info.size, info.channels)
        file = path / "frames.u8"
        found = file.stat().st_size if file.exists() else 0
        if found != int(np.prod(shape)):
            raise InputError(
                f"{file} holds {found} bytes, expected {int(np.prod(shape))}: make the data again"
            )
        self.frames: Frames = np.memmap(file, dtype=np.uint8, mode="r", shape=shape)

    def read(self, clip: int, start: int, frames: int) -> Frames:
        self.require_segment(clip, start, frames)
        first = int(self.start[clip]) + start
        return self.frames[first : first + frames]


class ClipWriter:
    """Writes a stored dataset clip by clip, in flat memory.

    with ClipWriter(folder, info) as out:
        out.add(frames, group=3, split="train", labels={"hair": 2})
    """

    def __init__(self, path: Path, info: Info) -> None:
        self.path = path
        self.info = info
        self.rows: list[dict[str, int]] = []
        claim_folder(path)
        try:
            self._file = (path / "frames.u8").open("wb")
        except OSError as error:
            raise _write_error(path, error) from error
        self._digest = hashlib.sha256()

    def add(
        self, frames: Frames, *, group: int, split: str, labels: Mapping[str, int] | None = None
    ) -> None:
        """Append one clip, uint8 [T, H, W, C]."""
        expected = (self.info.size, self.info.size, self.info.channels)
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == expected, f"frames {frames.shape}, expected [T, *{expected}]"
        assert len(frames) > 0
        labels = labels or {}
        row = {f"label.{f.name}": int(labels.get(f.name, -1)) for f in self.info.factors}
        start = self.rows[-1]["start"] + self.rows[-1]["length"] if self.rows else 0
        row |= {"start": start, "length": len(frames)}
        row |= {"group": int(group), "split": SPLITS.index(split)}
        content = np.ascontiguousarray(frames).tobytes()
        self._digest.update(content)
        try:
            self._file.write(content)
        except OSError as error:
            raise _write_error(self.path, error) from error
        self.rows.append(row)

    def __enter__(self) -> "ClipWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException:
            self._discard()
            raise
        if kind is not None:
            self._discard()

    def _finish(self) -> None:
        if not self.rows:
            raise InputError(f"no clip to write to {self.path}: the source has none")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _write_error(self.path, error) from error
        columns = {
            name: np.array([row[name] for row in self.rows], np.int64) for name in self.rows[0]
        }
        made = {**self.info.made, "content": self._digest.hexdigest()}
        write_meta(self.path, replace(self.info, made=made), columns)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        _discard(self.path, ["frames.u8"])


def write_arrays(
    path: Path, info: Info, columns: Mapping[str, Ints], arrays: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Write a dataset whose reader makes the frames from `arrays`: <name>.npy each."""
    claim_folder(path)
    digest = hashlib.sha256()
    try:
        for name, array in arrays.items():
            atomic_write(path / f"{name}.npy", partial(np.save, arr=array))
            digest.update(np.ascontiguousarray(array).tobytes())
        made = {**info.made, "content": digest.hexdigest()}
        write_meta(path, replace(info, made=made), columns)
    except BaseException:
        _discard(path, [f"{name}.npy" for name in arrays])
        raise


def _discard(path: Path, names: Sequence[str]) -> None:
    """Leave nothing behind that would look like a dataset, or keep the folder in use."""
    for name in (*names, "clips.npz"):
        (path / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.rmdir()


def _write_error(path: Path, error: OSError) -> InputError:
    """What to tell a user whose disk does not take the data."""
    if is_disk_full(error):
        return InputError(f"{no_room(error, path)}, or choose another --out")
    return InputError(f"cannot write to {path}: {error.strerror}")


def write_meta(path: Path, info: Info, columns: Mapping[str, Ints]) -> None:
    """Write clips.npz, then dataset.json, which declares the folder complete."""
    buffer = io.BytesIO()
    np.savez(buffer, **columns)  # type: ignore[arg-type]
    atomic_write(path / "clips.npz", buffer.getvalue())
    atomic_write(path / "dataset.json", json.dumps(asdict(info), indent=2).encode())


def is_dataset(path: Path) -> bool:
    """Whether a folder is a dataset, and whole."""
    return (path / "dataset.json").exists()


def half_made(path: Path) -> bool:
    """Whether a folder was begun as a dataset and never finished."""
    begun = (path / "frames.u8").exists() or (path / MAKING).exists()
    return begun and not is_dataset(path)


def resumable(path: Path) -> bool:
    """Whether it is half made and the command that began it can go on with it."""
    return half_made(path) and (path / MAKING).exists()


def read_meta(path: Path) -> tuple[Info, dict[str, Ints]]:
    """Read dataset.json and clips.npz of a dataset folder."""
    if not path.is_dir():
        raise InputError(f"no folder {path}: make one with 'vdsm data ... --out {path}'")
    if half_made(path):
        remedy = "" if resumable(path) else "delete it, then "
        raise InputError(
            f"{path} is half made: {remedy}run the 'vdsm data' command that began it again"
        )
    if not is_dataset(path):
        raise InputError(f"{path} has no dataset.json: name a folder that 'vdsm data' has made")
    fields = read_json(path / "dataset.json")
    try:
        if fields["format"] != FORMAT:
            raise InputError(
                f"{path} has data format {fields['format']}, this version reads {FORMAT}"
            )
        factors = tuple(
            Factor(f["name"], f["role"], tuple(f["values"])) for f in fields.pop("factors")
        )
        info = Info(**fields, factors=factors)
        with (path / "clips.npz").open("rb") as file, np.load(file) as stored:
            columns = {name: stored[name] for name in stored.files}
        _check_columns(info, columns)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} is damaged ({error}): make the data again") from error
    return info, columns


def _check_columns(info: Info, columns: Mapping[str, Ints]) -> None:
    """ValueError unless the columns are those that a table needs."""
    needed = {"length", "group", "split", *(f"label.{f.name}" for f in info.factors)}
    if info.storage == "memmap":
        needed |= {"start"}
    if missing := needed - columns.keys():
        raise ValueError(f"clips.npz has no column {', '.join(sorted(missing))}")
    n = len(columns["length"])
    for name, column in columns.items():
        if column.shape != (n,) or column.dtype != np.int64:
            raise ValueError(f"column {name} of clips.npz is {column.dtype}{list(column.shape)}")
    known = np.isin(columns["split"], range(len(SPLITS)))
    if n == 0 or columns["length"].min() < 1 or not known.all():
        raise ValueError("clips.npz has impossible lengths or splits")
    for factor in info.factors:
        labels = columns[f"label.{factor.name}"]
        if labels.min() < -1 or labels.max() >= len(factor.values):
            raise ValueError(f"labels of {factor.name} exceed its {len(factor.values)} values")


def table_of(columns: Mapping[str, Ints]) -> Table:
    """The table of a dataset from the columns of its clips.npz, where labels are label.<factor>."""
    labels = {k.removeprefix("label."): v for k, v in columns.items() if k.startswith("label.")}
    return Table(columns["length"], columns["group"], columns["split"], labels)


def _columns(table: Table) -> dict[str, Ints]:
    plain = {"length": table.length, "group": table.group, "split": table.split}
    return plain | {f"label.{name}": column for name, column in sorted(table.labels.items())}


def _content(made: Mapping[str, Any]) -> dict[str, Any]:
    """What tells frames apart: the digest of their source, and how `vdsm data folder` cuts them."""
    options = made.get("options", {})
    return {"content": made["content"], "stride": options.get("stride") or options.get("segment")}


def hold_out(values: Sequence[int] | Ints, share: float, seed: int) -> Ints:
    """Split of each distinct value: 1 (test) for a seeded random `share` of them, else 0.

    Whole values are held out, never parts of one, so identities of the test split are unseen.
    At least one value is held out and at least one is kept when there are two.
    """
    distinct = np.unique(np.asarray(values))
    count = int(np.clip(round(share * len(distinct)), 1, max(len(distinct) - 1, 1)))
    held = np.random.Generator(np.random.PCG64(seed)).permutation(distinct)[:count]
    if share == 0 or len(distinct) < 2:
        held = held[:0]
    return np.isin(np.asarray(values), held).astype(np.int64)


def hold_out_validation(split: Ints, values: Sequence[int] | Ints, share: float, seed: int) -> Ints:
    """[N] the split, with a seeded `share` of all distinct values moved from train to validation.

    Whole values, of which all clips are for training; at least one of these stays. None is moved
    where the share of them rounds to none.
    """
    values = np.asarray(values)
    elsewhere = values[split != SPLITS.index("train")]
    free = np.setdiff1d(values, elsewhere)
    count = min(round(share * len(np.unique(values))), len(free) - 1)
    held = np.random.Generator(np.random.PCG64([seed, 1])).permutation(free)[: max(count, 0)]
    return np.where(np.isin(values, held), SPLITS.index("validation"), split).astype(np.int64)


def three_splits(
    values: Sequence[int] | Ints, test_share: float, validation_share: float, seed: int
) -> Ints:
    """[N] index into SPLITS: seeded shares of the distinct values for testing and for choices."""
    return hold_out_validation(hold_out(values, test_share, seed), values, validation_share, seed)
