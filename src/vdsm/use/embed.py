"""Codes of clips that the user names, written to a file."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vdsm.data import open_clips
from vdsm.data.clips import Clips, is_dataset
from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.files import atomic_write, check_writable
from vdsm.notation import Codes
from vdsm.protocol import Encodes, device_of
from vdsm.store.named import (
    FOR_ALL,
    batch_of_one,
    clips_at,
    load_clip,
    load_model,
    require,
    trained_window,
)
from vdsm.store.shipped import example
from vdsm.store.trained import require_fit
from vdsm.words import counted

CHUNK = 32  # clips encoded at once


@dataclass
class Embedded:
    """Codes of N clips, and what else is known of these."""

    names: list[str] = field(default_factory=list)
    codes: list[Codes] = field(default_factory=list)
    cut: int = 0  # clips of which not all frames were seen
    columns: dict[str, Any] = field(default_factory=dict)  # name -> [N]
    problems: list[str] = field(default_factory=list)  # why others were left out


def embed(name: str, place: str, out: Path, window: int | None, device: str) -> None:
    """Write s [N, κ_s], d [N, κ_d], z [ΣT, κ_z], length [N] and clip [N], with labels of DATA."""
    check_writable(out, ".npz", inputs=(place,))
    model, folder = load_model(name, device)
    require(model, Encodes)
    frames = trained_window(folder, window)
    place = example(place, folder)
    found = (embed_dataset if is_dataset(Path(place)) else embed_videos)(model, place, frames)
    columns = found.columns | {
        "clip": np.array(found.names),
        "length": np.array([c.z.shape[1] for c in found.codes]),
        "s": torch.cat([c.s for c in found.codes]).cpu().numpy(),
        "d": torch.cat([c.d for c in found.codes]).cpu().numpy(),
        "z": torch.cat([c.z[0] for c in found.codes]).cpu().numpy(),
    }
    atomic_write(out, lambda file: np.savez(file, **columns))
    seen = f"; of {found.cut} the first {counted(frames, 'frame')} {FOR_ALL}" if found.cut else ""
    print(f"{out}: codes of {counted(len(found.names), 'clip')}{seen}")
    for problem in found.problems:
        print(f"left out: {problem}", file=sys.stderr)


def embed_dataset(model: Any, place: str, window: int) -> Embedded:
    """Every clip of a dataset, with its group, split and labels."""
    clips = open_clips(place)
    require_fit(clips, model.config)
    table = clips.table
    columns = {"group": table.group, "split": table.split}
    columns |= {f"label.{factor}": values for factor, values in table.labels.items()}
    cut = int((table.length > window).sum()) if window else 0
    names = [str(i) for i in range(len(clips))]
    return Embedded(names, encode_stored(model, clips, window), cut, columns)


def embed_videos(model: Any, place: str, window: int) -> Embedded:
    """One clip, or all in a folder but for those that cannot be read; InputError if none can."""
    found = Embedded()
    for name in clips_at(place):
        try:
            clip = load_clip(name, model, window)
        except InputError as error:
            found.problems.append(str(error))
            continue
        found.names.append(name)
        found.codes.append(model.encode(batch_of_one(clip.frames, model)))
        found.cut += clip.cut != ""
    if not found.names:
        first, *others = found.problems
        many = f"none of {len(found.problems)} clips in {place} can be read; the first: "
        raise InputError(many + first if others else first)
    return found


def encode_stored(model: Any, clips: Clips, window: int) -> list[Codes]:
    """Codes of every clip of a dataset; clips of one length go through the model together."""
    lengths = np.minimum(clips.table.length, window or clips.table.length.max())
    codes: dict[int, Codes] = {}
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        for some in np.array_split(chosen, -(-len(chosen) // CHUNK)):
            frames = clips.batch(some, np.zeros_like(some), int(length))
            found = model.encode(as_video(frames, device_of(model)))
            parts = zip(*(torch.split(p, 1) for p in (found.s, found.d, found.z)), strict=True)
            codes |= {int(i): Codes(*part) for i, part in zip(some, parts, strict=True)}
    return [codes[i] for i in range(len(clips))]
