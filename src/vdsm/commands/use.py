"""`vdsm embed`, `swap` and `generate`: what a trained model is for."""

import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vdsm import figures
from vdsm.data import open_clips
from vdsm.data.clips import Clips, Frames, is_dataset
from vdsm.data.folder.find import find_tree
from vdsm.device import as_video, pick_device
from vdsm.errors import InputError
from vdsm.files import atomic_write, check_writable, claim_folder
from vdsm.methods.checks import require_some
from vdsm.methods.readout import Density, Readout
from vdsm.notation import Codes
from vdsm.protocol import device_of
from vdsm.screen import screen
from vdsm.store.open import open_model, unfinished
from vdsm.store.shipped import example, find
from vdsm.store.trained import read, require_fit
from vdsm.video import grid, read_video, strips, write_clips, write_picture
from vdsm.video.write import CLIP_SUFFIXES
from vdsm.words import counted

FPS = 8
CHUNK = 32  # clips encoded at once
SHOWN = ("identity", "action", "swap")  # with --show-inputs
FOR_ALL = "(--window 0 for all)"


@dataclass(frozen=True)
class Clip:
    """What is encoded of a clip."""

    frames: Frames  # uint8 [T, H, W, C]
    cut: str = ""  # 'the first 16 of 240' where these are not all of its frames


def load_model(name: str, device: str) -> tuple[Any, Path]:
    """The model of a run, a folder of weights or a shipped name, on a device; and its folder."""
    folder = find(name)
    model = open_model(folder)
    say_unfinished(folder, model)
    return model.to(pick_device(device)), folder


def say_unfinished(folder: Path, model: Any) -> None:
    """One line where a run has not come to its end."""
    if said := unfinished(folder, model):
        screen(stderr=True).print(f"note: {said}", soft_wrap=True)


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
    read = partial(read_video, Path(place), size=model.config.size, grey=model.config.channels == 1)
    if not window:
        return Clip(read())
    try:
        frames = read(max_frames=window + 1)  # one more tells whether there are more
    except InputError:  # that one may be damaged
        return Clip(read(max_frames=window), f"the first {window}")
    return Clip(frames[:window], f"the first {window}" if len(frames) > window else "")


def clip_of_dataset(place: str) -> tuple[Path, int] | None:
    """The dataset and the clip of DATA:NUMBER; None for any other place."""
    data, _, number = place.rpartition(":")
    if number.isdecimal() and is_dataset(Path(data)):
        return Path(data), int(number)
    return None


def batch_of_one(frames: Frames, model: Any) -> Tensor:
    """[1, T, C, H, W] on the model's device."""
    return as_video(np.array(frames[None]), device_of(model))


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


def clips_at(place: str) -> list[str]:
    """The clip itself, or the videos and folders of frames in a folder and below, in order."""
    path = Path(place)
    if path.is_dir():
        return list(dict.fromkeys(str(item.path) for item in find_tree(path)))
    if not path.exists() and clip_of_dataset(place) is None:
        raise InputError(f"no video, folder of videos or dataset at {place}")
    return [place]


def swap(
    name: str,
    identity: str,
    action: str,
    out: Path,
    frames: int | None,
    window: int | None,
    show_inputs: bool,
    device: str,
) -> None:
    """Write the person of one clip doing the action of another."""
    check_writable(out, *CLIP_SUFFIXES, inputs=(identity, action))
    model, folder = load_model(name, device)
    length = trained_window(folder, window)
    clips = {
        option: load_clip(example(place, folder), model, length)
        for option, place in (("--identity", identity), ("--action", action))
    }
    who, what = (batch_of_one(clip.frames, model) for clip in clips.values())
    drawn = figures.pixels(model.swap(who, what, frames))
    if show_inputs:
        given = [figures.hold(figures.pixels(clip), drawn.shape[1]) for clip in (who, what)]
        drawn = np.concatenate([*given, drawn])
    still = out.suffix.lower() == ".png"
    if show_inputs and still:
        write_picture(out, figures.labelled(strips(drawn), SHOWN))
    else:
        write_clips(out, grid(drawn, len(SHOWN)) if show_inputs else drawn[0], FPS)
    cut = ", ".join(f"{clip.cut} of {option}" for option, clip in clips.items() if clip.cut)
    seen = f"; seen: {cut} {FOR_ALL}" if cut else ""
    order = f"; from the left: {', '.join(SHOWN)}" if show_inputs and not still else ""
    print(f"{out}: {counted(drawn.shape[1], 'frame')}{order}{seen}")


def generate(
    name: str,
    num: int,
    frames: int,
    out: Path,
    seed: int,
    given: str | None,
    density: Density,
    device: str,
) -> None:
    """Write `num` sampled clips as 000.gif, 001.gif, ... and all of them as samples.png."""
    require_some(num, frames)
    model, folder = load_model(name, device)
    generator = torch.Generator().manual_seed(seed)  # not of the device: every one draws the same
    start, seen = None, ""
    if given is not None:
        clip = load_clip(example(given, folder), model, trained_window(folder, None))
        start = batch_of_one(clip.frames, model)
        seen = f"; seen: {clip.cut} of --given" if clip.cut else ""
    claim_folder(out)
    drawn = figures.pixels(generated(model, num, frames, generator, start, density))
    for i, clip in enumerate(drawn):
        write_clips(out / f"{i:03d}.gif", clip, FPS)
    shown = drawn[:10, :: max(1, frames // 16)]
    write_picture(out / "samples.png", grid(shown.reshape(-1, *shown.shape[2:]), shown.shape[1]))
    print(f"{out}: {counted(num, 'clip')} of {counted(frames, 'frame')} and samples.png{seen}")


def generated(
    model: Any,
    num: int,
    frames: int,
    generator: torch.Generator,
    given: Tensor | None,
    density: Density,
) -> Tensor:
    """Clips of a model, by the density asked for where it was read out and so has two."""
    if isinstance(model, Readout):
        return model.generate(num, frames, generator, given, density)
    drawn: Tensor = model.generate(num, frames, generator, *([] if given is None else [given]))
    return drawn
