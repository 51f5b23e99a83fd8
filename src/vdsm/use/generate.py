"""New clips of a model, written to a folder."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vdsm import figures
from vdsm.files import claim_folder
from vdsm.methods.checks import require_some
from vdsm.methods.readout import Density, Readout
from vdsm.protocol import Encodes, Generates
from vdsm.store.named import batch_of_one, load_clip, load_model, require, trained_window
from vdsm.store.shipped import example
from vdsm.video import grid, write_clips, write_picture
from vdsm.words import counted

FPS = 8


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
    require(model, Generates)
    generator = torch.Generator().manual_seed(seed)  # not of the device: every one draws the same
    start, seen = None, ""
    if given is not None:
        require(model, Encodes)
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
