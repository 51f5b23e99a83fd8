"""The true state of every frame, stored beside the frames of a dataset that was drawn.

`truth.npz` holds `names`, what is known of a frame (such as pose.yaw), and `values`, float32
[F, K]: one row a frame, clip after clip in the order of the table.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Ints, read_meta
from vdsm.errors import InputError
from vdsm.files import atomic_write

FILE = "truth.npz"
Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Truth:
    """What is known of each frame of each clip."""

    names: tuple[str, ...]  # of the K columns
    values: Values  # [F, K]
    start: Ints  # [N] row of each clip's first frame
    length: Ints  # [N] frames of each clip

    def of(self, clip: int) -> Values:
        """[T_n, K] of one clip."""
        start = int(self.start[clip])
        return self.values[start : start + int(self.length[clip])]

    def column(self, name: str) -> Values:
        """[F] one value of all frames; InputError that lists those there are."""
        if name not in self.names:
            raise InputError(f"no truth '{name}': there is {', '.join(self.names)}")
        return self.values[:, self.names.index(name)]


def write_truth(folder: Path, names: tuple[str, ...], values: Values) -> None:
    """Write the truth of a dataset, one row a frame, clip after clip."""
    assert values.dtype == np.float32
    assert values.shape[1:] == (len(names),)
    write = partial(np.savez_compressed, names=np.array(names), values=values)
    atomic_write(folder / FILE, write)


def read_truth(folder: str | Path) -> Truth:
    """The truth of a dataset folder.

    InputError where the dataset has none, as photographed ones have, or where it is damaged.
    """
    folder = Path(folder)
    _, columns = read_meta(folder)
    length = columns["length"]
    if not (folder / FILE).is_file():
        raise InputError(f"{folder} has no {FILE}: only drawn data have a truth, such as faces")
    try:
        with np.load(folder / FILE) as stored:
            names = tuple(str(name) for name in stored["names"])
            values = stored["values"]
        if values.shape != (length.sum(), len(names)) or values.dtype != np.float32:
            raise ValueError(f"{values.dtype}{list(values.shape)} for {length.sum()} frames")
    except Exception as error:  # a damaged zip can raise anything
        raise InputError(f"{folder / FILE} is damaged ({error}): make the data again") from error
    return Truth(names, values, np.cumsum(length) - length, length)
