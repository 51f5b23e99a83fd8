"""Datasets behind one clip interface (`clips.Clips`): makers write folders, `open_clips` reads."""

from pathlib import Path

from vdsm.data import pendulum
from vdsm.data.clips import Clips, MemmapClips, read_meta
from vdsm.data.maker import Maker
from vdsm.errors import InputError

MAKERS: dict[str, Maker] = {
    "pendulum": Maker(
        pendulum.PendulumOptions, pendulum.make, "seven coloured pendula at two speeds, simulated"
    ),
}


def open_clips(path: str | Path) -> Clips:
    """Open a dataset folder in well under a second, whatever its storage."""
    path = Path(path)
    info, columns = read_meta(path)
    if info.storage == "memmap":
        return MemmapClips(path, info, columns)
    raise InputError(f"{path} has storage '{info.storage}', which this version cannot read")
