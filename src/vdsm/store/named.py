"""Models and clips as the user names them: runs, folders, shipped names, videos, DATA:NUMBER."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from vdsm.data import open_clips
from vdsm.data.clips import Frames, is_dataset
from vdsm.data.folder.find import find_tree
from vdsm.device import as_video, pick_device
from vdsm.errors import InputError
from vdsm.protocol import device_of, missing
from vdsm.screen import screen
from vdsm.store.open import open_model, unfinished
from vdsm.store.shipped import find
from vdsm.store.trained import read, require_fit
from vdsm.video import beginning

FOR_ALL = "(--window 0 for all)"


@dataclass(frozen=True)
class Clip:
    """What is encoded of a clip."""

    frames: Frames  # uint8 [T, H, W, C]
    cut: str = ""  # 'the first 16 of 240' where these are not all of its frames


def load_model(name: str, device: str) -> tuple[Any, Path]:
    """The model of a run, a folder of weights or a shipped name, on a device; and its folder.

    One line where the run is unfinished.
    """
    folder = find(name)
    model = open_model(folder)
    if said := unfinished(folder, model):
        screen(stderr=True).print(f"note: {said}", soft_wrap=True)
    return model.to(pick_device(device)), folder


def require(model: Any, ability: type[Any]) -> None:
    """InputError where a model lacks an ability."""
    if lacks := missing(model, ability):
        raise InputError(lacks)


def trained_window(folder: Path, window: int | None) -> int:
    """Frames of a clip to encode: what the user asked for, else what training saw, 0 for all."""
    if window is not None:
        if window < 0:
            raise InputError(f"--window is {window}: give a number of frames, or 0 for all")
        return window
    trained = read(folder)
    return trained.frames if trained else 0


def load_clip(place: str, model: Any, window: int) -> Clip:
    """At most `window` frames (0 for all) of a video, a folder of frames, or DATA:NUMBER."""
    if (stored := clip_of_dataset(place)) is not None:
        clips, number = open_clips(stored[0]), stored[1]
        if number >= len(clips):
            raise InputError(f"{stored[0]} has clips 0 to {len(clips) - 1}, not {number}")
        require_fit(clips, model.config)
        length = int(clips.table.length[number])
        frames = clips.read(number, 0, min(length, window or length))
        return Clip(frames, f"the first {window} of {length}" if len(frames) < length else "")
    if is_dataset(Path(place)):
        raise InputError(f"{place} is a dataset: say which of its clips, as {place}:NUMBER")
    if not Path(place).exists():
        raise InputError(f"no clip at {place}: give a video, a folder of frames or DATA:NUMBER")
    config = model.config
    frames, more = beginning(Path(place), config.size, config.channels == 1, window)
    return Clip(frames, f"the first {window}" if more else "")


def clip_of_dataset(place: str) -> tuple[Path, int] | None:
    """The dataset and the clip of DATA:NUMBER; None for any other place."""
    data, _, number = place.rpartition(":")
    if number.isdecimal() and is_dataset(Path(data)):
        return Path(data), int(number)
    return None


def clips_at(place: str) -> list[str]:
    """The clip itself, or the videos and folders of frames in a folder and below, in order."""
    path = Path(place)
    if path.is_dir():
        return list(dict.fromkeys(str(item.path) for item in find_tree(path)))
    if not path.exists() and clip_of_dataset(place) is None:
        raise InputError(f"no video, folder of videos or dataset at {place}")
    return [place]


def batch_of_one(frames: Frames, model: Any) -> Tensor:
    """[1, T, C, H, W] on the model's device."""
    return as_video(np.array(frames[None]), device_of(model))
