"""The person of one clip doing the action of another, written to a file."""

from pathlib import Path

import numpy as np

from vdsm import figures
from vdsm.files import check_writable
from vdsm.methods.sampling import PosesFrom
from vdsm.methods.sampling import swap as swap_clips
from vdsm.protocol import Swaps
from vdsm.store.named import (
    FOR_ALL,
    batch_of_one,
    load_clip,
    load_model,
    require,
    trained_window,
)
from vdsm.store.shipped import example
from vdsm.video import grid, strips, write_clips, write_picture
from vdsm.video.write import CLIP_SUFFIXES
from vdsm.words import counted

FPS = 8
SHOWN = ("identity", "action", "swap")  # with --show-inputs


def swap(
    name: str,
    identity: str,
    action: str,
    out: Path,
    frames: int | None,
    window: int | None,
    by: PosesFrom,
    show_inputs: bool,
    device: str,
) -> None:
    """Write the person of one clip doing the action of another."""
    check_writable(out, *CLIP_SUFFIXES, inputs=(identity, action))
    model, folder = load_model(name, device)
    require(model, Swaps)
    length = trained_window(folder, window)
    clips = {
        option: load_clip(example(place, folder), model, length)
        for option, place in (("--identity", identity), ("--action", action))
    }
    who, what = (batch_of_one(clip.frames, model) for clip in clips.values())
    own = by == "dynamics"  # a method may swap in its own way
    made = model.swap(who, what, frames) if own else swap_clips(model, who, what, frames, by)
    drawn = figures.pixels(made)
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
