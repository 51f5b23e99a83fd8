"""What is known of every frame of clips that were drawn: `truth.npz` beside the frames.

One float32 column a name, such as `pose.yaw`, with a value for each frame, in the order of
`frames.u8`: those of clip n are start[n] .. start[n] + length[n].
"""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats
from vdsm.errors import InputError
from vdsm.files import atomic_write

FILE = "truth.npz"
Column = npt.NDArray[np.float32]


def write_truth(folder: Path, columns: Mapping[str, Floats | Column]) -> None:
    """columns: name -> [F], one value a frame."""
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(v, np.float32) for name, v in columns.items()})  # type: ignore[arg-type]
    atomic_write(folder / FILE, buffer.getvalue())


def read_truth(folder: str | Path) -> dict[str, Column]:
    """Name -> [F] of a dataset folder. InputError where it has none, or a damaged one."""
    path = Path(folder) / FILE
    if not path.exists():
        raise InputError(f"{folder} has no {FILE}: only clips that were drawn have a known pose")
    try:
        with np.load(path) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:
        raise InputError(f"{path} is damaged ({error}): make the data again") from error
