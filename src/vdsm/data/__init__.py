"""Datasets behind one clip interface (`clips.Clips`): makers write folders, `open_clips` reads."""

from pathlib import Path

from vdsm.data.clips import Clips, MemmapClips, read_meta
from vdsm.errors import InputError


def open_clips(path: str | Path) -> Clips:
    """Open a dataset folder in well under a second, whatever its storage."""
    path = Path(path)
    info, columns = read_meta(path)
    if info.storage == "memmap":
        return MemmapClips(path, info, columns)
    raise InputError(f"{path} has storage '{info.storage}', which this version cannot read")
