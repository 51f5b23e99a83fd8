"""Files of codes: one .npz of arrays, or one .parquet with a row a clip, written as they come."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import SPLITS, Clips
from vdsm.errors import InputError
from vdsm.files import atomic_write
from vdsm.use.encode import Encoded

Columns = Mapping[str, npt.NDArray[Any]]  # what is known of clips beside codes: name -> [N]


def write_codes(out: Path, found: Iterator[Encoded], clips: Clips | None) -> None:
    """Write the codes of tasks, in turn; `clips` is the dataset that they are of, if any."""
    if out.suffix.lower() == ".npz":
        write_npz(out, list(found), clips)
    else:
        write_parquet(out, found, clips)


def write_npz(out: Path, found: Sequence[Encoded], clips: Clips | None) -> None:
    """s [N, κ_s], d [N, κ_d], z [ΣT, κ_z], length [N], clip [N]; of a dataset its table."""
    columns: dict[str, Any] = {}
    if clips is not None:
        columns = {"group": clips.table.group, "split": clips.table.split}
        columns |= {f"label.{name}": values for name, values in clips.table.labels.items()}
    some = [one for one in found if one.names]
    columns |= {
        "clip": np.array([name for one in some for name in one.names]),
        "length": np.array([length for one in some for length in one.length]),
    }
    columns |= {code: np.concatenate([getattr(one, code) for one in some]) for code in "sdz"}
    atomic_write(out, lambda file: np.savez(file, **columns))


def write_parquet(out: Path, found: Iterator[Encoded], clips: Clips | None) -> None:
    """A row a clip: clip, length, s, d, z (a list of lists); of a dataset group, split, labels."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            f'writing {out} needs pyarrow: pip install "vdsm[parquet]", or name a .npz file'
        ) from None

    def write(file: IO[bytes]) -> None:
        writer = None
        for one in (one for one in found if one.names):
            table = pyarrow.table(rows(one, clips, pyarrow))
            writer = writer or parquet.ParquetWriter(file, table.schema)
            writer.write_table(table)
        assert writer is not None  # `found` raises where there is nothing
        writer.close()

    atomic_write(out, write)


def rows(one: Encoded, clips: Clips | None, pyarrow: Any) -> dict[str, Any]:
    """The columns of a task's clips."""
    numbers = pyarrow.float32()
    ends = np.concatenate([[0], np.cumsum(one.length)]).astype(np.int32)
    poses = pyarrow.FixedSizeListArray.from_arrays(one.z.ravel(), one.z.shape[1])
    columns = {"clip": pyarrow.array(one.names), "length": pyarrow.array(one.length)}
    if clips is not None:
        columns |= {name: pyarrow.array(v) for name, v in known(one, clips).items()}
    for name, code in (("s", one.s), ("d", one.d)):
        kind = pyarrow.list_(numbers, code.shape[1])
        columns[name] = pyarrow.array(list(code), kind)
    return columns | {"z": pyarrow.ListArray.from_arrays(ends, poses)}


def known(one: Encoded, clips: Clips) -> dict[str, list[Any]]:
    """Group, split and labels by name of a task's clips; None where a clip has no label."""
    chosen = np.array([int(name) for name in one.names])
    table = clips.table
    columns: dict[str, list[Any]] = {"group": table.group[chosen].tolist()}
    columns["split"] = [SPLITS[split] for split in table.split[chosen]]
    for factor in clips.info.factors:
        values = [*factor.values, None]
        columns[f"label.{factor.name}"] = [values[i] for i in table.labels[factor.name][chosen]]
    return columns
