"""Clips in tar shards of WebDataset layout, local or behind ranges of a URL, read at random.

A dataset folder with storage "shards" holds

    shard-00000.tar ...  for each clip <number>.npy, uint8 [T, H, W, C], and <number>.json
    clips.npz            the columns of any dataset, and of each clip its shard and byte offset
    dataset.json         as of any dataset; made.shards lists the names and sizes of the shards

The shards are plain: any WebDataset reader takes them. The index makes access random without
unpacking, so the tars can lie elsewhere while the two small files stay here.
"""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from vdsm.data.clips import SPLITS, Clips, Frames, Info, Ints, read_meta, table_of, write_meta
from vdsm.errors import InputError
from vdsm.files import atomic_write, claim_folder
from vdsm.words import counted

RangeReader = Callable[[str, int, int], bytes]  # address, offset, length -> that many bytes
BLOCK, RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE
CHUNK = 2**22  # bytes of frames in memory while writing
AT_ONCE = 16  # ranges of a URL that are asked for at the same time


class ShardClips(Clips):
    """Clips read from tar shards by offset, without state: safe to fork, to pickle, in threads.

    read_range: asked for (address, offset, length) instead of the local disk, from several
    threads at once; base: what stands before a shard's name in the address, such as a URL.
    """

    def __init__(
        self,
        path: Path,
        info: Info,
        columns: Mapping[str, Ints],
        read_range: RangeReader | None = None,
        base: str | None = None,
    ) -> None:
        super().__init__(info, table_of(columns), path)
        try:
            self.shard, self.offset = columns["shard"], columns["offset"]
            listed = [(shard["name"], int(shard["bytes"])) for shard in info.made["shards"]]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} lacks the index of its shards: make the data again"
            ) from error
        base = f"{path}/" if base is None else base
        self.addresses = [base + name for name, _ in listed]
        self.frame = (info.size, info.size, info.channels)
        self.read_range = read_range
        if self.shard.min() < 0 or self.shard.max() >= len(listed) or self.offset.min() < 0:
            raise InputError(f"{path} names shards that it does not list: make the data again")
        if read_range is None:
            for address, (_, size) in zip(self.addresses, listed, strict=True):
                _check_shard(Path(address), size)

    def read(self, clip: int, start: int, frames: int) -> Frames:
        self.require_segment(clip, start, frames)
        size = int(np.prod(self.frame))
        address = self.addresses[self.shard[clip]]
        offset, length = int(self.offset[clip]) + start * size, frames * size
        content = (self.read_range or read_local)(address, offset, length)
        if len(content) != length:
            raise InputError(
                f"{address} gave {len(content)} bytes of {length} at {offset}: fetch it again"
            )
        return np.frombuffer(content, np.uint8).reshape(frames, *self.frame)

    def batch(self, clips: Ints, starts: Ints, frames: int) -> Frames:
        if self.read_range is None:
            return super().batch(clips, starts, frames)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            wanted = pool.map(lambda c, s: self.read(int(c), int(s), frames), clips, starts)
            return np.stack(list(wanted))


def open_shards(path: str | Path, read_range: RangeReader, base: str) -> ShardClips:
    """Open a folder that has the index alone; the shards lie at `base` + their names.

    read_range(address, offset, length) gives bytes, for instance by an HTTP request with a Range
    header. `base` ends as it should, with a slash for most.
    """
    info, columns = read_meta(Path(path))
    if info.storage != "shards":
        raise InputError(f"{path} has storage '{info.storage}', not shards")
    return ShardClips(Path(path), info, columns, read_range, base)


def read_local(address: str, offset: int, length: int) -> bytes:
    """The range reader of local files."""
    try:
        with open(address, "rb", buffering=0) as file:
            return os.pread(file.fileno(), length, offset)
    except OSError as error:
        raise InputError(f"cannot read {address}: {error.strerror}") from error


def _check_shard(shard: Path, size: int) -> None:
    found = shard.stat().st_size if shard.exists() else None
    if found is None:
        raise InputError(f"no shard {shard}: put it there, or open the data by open_shards")
    if found != size:
        raise InputError(f"{shard} holds {found} bytes, expected {size}: copy it again")


def write_shards(source: Clips, out: Path, shards: int) -> None:
    """Write all clips of a dataset as `shards` tar files, in flat memory, the same every time.

    Clip i goes to shard i mod `shards` under the name of its number. InputError for more shards
    than clips or an output folder in use; a failure leaves nothing behind.
    """
    check_number(shards, len(source))
    claim_folder(out)
    names = [f"shard-{i:05d}.tar" for i in range(shards)]
    offset = np.zeros(len(source), np.int64)
    try:
        for i, name in enumerate(names):
            clips = range(i, len(source), shards)

            def write(file: IO[bytes], clips: range = clips) -> None:
                offset[clips.start :: clips.step] = _write_shard(file, source, clips)

            atomic_write(out / name, write)
        shard = np.arange(len(source), dtype=np.int64) % shards
        write_index(out, source, names, {"shard": shard, "offset": offset})
    except BaseException:
        for name in (*names, "clips.npz"):
            (out / name).unlink(missing_ok=True)
        out.rmdir()
        raise


def check_number(shards: int, clips: int) -> None:
    """InputError for no shards, or more than clips."""
    if not 1 <= shards <= clips:
        asked = f"{counted(shards, 'shard')} for {counted(clips, 'clip')}"
        raise InputError(f"{asked}: choose 1 to {clips}")


def write_index(out: Path, source: Clips, names: list[str], where: Mapping[str, Ints]) -> None:
    """Write clips.npz and dataset.json beside the shards."""
    table = source.table
    columns = {"length": table.length, "group": table.group, "split": table.split, **where}
    columns |= {f"label.{name}": column for name, column in table.labels.items()}
    listed = [{"name": name, "bytes": (out / name).stat().st_size} for name in names]
    made = {**source.info.made, "shards": listed}
    write_meta(out, replace(source.info, storage="shards", made=made), columns)


def _write_shard(file: IO[bytes], source: Clips, clips: range) -> list[int]:
    """One tar of some clips; gives the offset in bytes of each clip's first frame."""
    offsets = []
    shape = (source.info.size, source.info.size, source.info.channels)
    for clip in clips:
        length = int(source.table.length[clip])
        head = npy_header((length, *shape))
        offsets.append(file.tell() + BLOCK + len(head))
        frames = _chunks(source, clip)
        _write_member(
            file, f"{clip:09d}.npy", len(head) + length * int(np.prod(shape)), head, frames
        )
        about = json.dumps(describe(source, clip), ensure_ascii=False).encode()
        _write_member(file, f"{clip:09d}.json", len(about), about, ())
    end = file.tell() + 2 * BLOCK
    file.write(bytes(2 * BLOCK + -end % RECORD))
    return offsets


def npy_header(shape: tuple[int, ...]) -> bytes:
    """What stands before the pixels in a .npy file of uint8."""
    buffer = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, fields)
    return buffer.getvalue()


def describe(source: Clips, clip: int) -> dict[str, Any]:
    """The .json of a clip: its row of the table, labels by name."""
    table = source.table
    labels = {
        factor.name: factor.values[table.labels[factor.name][clip]]
        for factor in source.info.factors
        if table.labels[factor.name][clip] >= 0
    }
    split = SPLITS[table.split[clip]]
    return {"group": int(table.group[clip]), "split": split, "labels": labels}


def _chunks(source: Clips, clip: int) -> Iterator[bytes]:
    """A clip's frames as bytes, a few MB at a time."""
    length = int(source.table.length[clip])
    step = max(1, CHUNK // (source.info.size**2 * source.info.channels))
    for start in range(0, length, step):
        yield source.read(clip, start, min(step, length - start)).tobytes()


def _write_member(
    file: IO[bytes], name: str, size: int, head: bytes, rest: Iterable[bytes]
) -> None:
    """One file of a tar: no time, no owner, so that equal clips give equal bytes."""
    member = tarfile.TarInfo(name)
    member.size = size
    file.write(member.tobuf(tarfile.USTAR_FORMAT))
    file.write(head)
    for content in rest:
        file.write(content)
    file.write(bytes(-size % BLOCK))
