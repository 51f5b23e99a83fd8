"""The truth of each clip, found by whoever draws it, waits in a file of its own."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.people.take import TRUTH
from vdsm.data.truth import Values, write_truth
from vdsm.files import atomic_write

FOLDER = "parts"  # in a dataset's folder, while it is being made


def keep(out: Path, clip: int, truth: Floats) -> None:
    """Write the truth [T, K] of a clip."""
    folder = out / FOLDER
    folder.mkdir(exist_ok=True)
    content = np.asarray(truth, np.float32)
    atomic_write(folder / f"{clip}.npy", partial(np.save, arr=content))


def join(out: Path, clips: int, again: Callable[[int], Floats]) -> None:
    """The truth of all clips, of their parts. again: finds that of a clip whose part is lost."""
    found = [_read(out / FOLDER / f"{clip}.npy", clip, again) for clip in range(clips)]
    write_truth(out, TRUTH, np.concatenate(found))
    shutil.rmtree(out / FOLDER, ignore_errors=True)


def _read(path: Path, clip: int, again: Callable[[int], Floats]) -> Values:
    try:
        return np.asarray(np.load(path), np.float32)
    except (OSError, ValueError, EOFError):
        return np.asarray(again(clip), np.float32)
