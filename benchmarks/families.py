"""Swaps of a family of drawn clips beside the true ones, factor by factor, without a judge.

python benchmarks/families.py RUN DATA [--split validation] [--after 0] [--swaps 100] [--by frames]

DATA is of `vdsm data family`, so any swap's true clip can be drawn. A swap is right in a factor if
it is nearer to the true rendering than to those with this factor mistaken, and right in all if that
holds for every factor and it moves (`vdsm.data.families.truth`). `read`: codes as they read; `raw`:
as the encoder gives them. Prints JSON, in percent. Chance depends on how many mistakes are tried
for a factor: below 50 for all but two-valued ones.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vdsm import figures
from vdsm.data import open_clips
from vdsm.data.clips import Clips, Ints
from vdsm.data.families.make import drawn_from
from vdsm.data.families.truth import right, swapped
from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.notation import Codes, Video
from vdsm.store.open import open_model
from vdsm.video import strips, write_picture

AT_ONCE = 20  # clips
SHOWN = 6  # swaps in a picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--split", default="validation", choices=("train", "validation", "test"))
    parser.add_argument("--swaps", type=int, default=100, help="clips, each swapped once")
    parser.add_argument(
        "--after", type=int, default=0, help="clips of the split to leave out first"
    )
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--by", default="dynamics", choices=("dynamics", "frames"))
    parser.add_argument("--out", type=Path, help="a picture: who, what, swap")
    options = parser.parse_args()
    try:
        print(json.dumps(measure(options)))
    except InputError as error:
        parser.error(str(error))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """What was found; InputError where the clips are of no family or the split is empty."""
    clips = open_clips(options.data)
    family, drawn = drawn_from(clips)
    rows = clips.select(options.split)[options.after :][: options.swaps]
    if len(rows) < 2:
        raise InputError(
            f"{options.data} has {len(rows)} clips for {options.split}: choose --split"
        )
    what = np.roll(rows, len(rows) // 2)
    frames = min(options.frames, int(clips.table.length[rows].min()))
    model = open_model(options.run)
    own, acted = ({k: v[of] for k, v in drawn.items()} for of in (rows, what))
    truth = swapped(family, own, acted)
    found: dict[str, Any] = {"split": options.split, "swaps": len(rows), "by": options.by}
    for name, raw in (("read", False), ("raw", True)):
        for kind, action, params in (("swap", what, truth), ("reconstruction", rows, own)):
            made = drawn_by(model, clips, rows, action, frames, options.by, raw)
            like = acted if kind == "swap" else None
            shares = right(family, made.permute(0, 1, 3, 4, 2).numpy(), params, like)
            found[f"{kind}.{name}"] = {
                k: round(100 * float(v.mean()), 1) for k, v in shares.items()
            }
            if options.out and kind == "swap" and not raw:
                show(options.out, clips, rows, what, made, frames)
    return found


@torch.no_grad()
def drawn_by(
    model: Any, clips: Clips, who: Ints, what: Ints, frames: int, by: str, raw: bool
) -> Video:
    """Swaps [N, T, C, H, W], some at a time."""
    how = {"raw": True} if raw and hasattr(model, "fitted") else {}
    made = []
    for at in np.array_split(np.arange(len(who)), range(AT_ONCE, len(who), AT_ONCE)):
        identity, action = read(clips, who[at], frames), read(clips, what[at], frames)
        codes = model.encode(action, **how)
        z = model.encode_frames(action).z if by == "frames" else codes.z
        made.append(model.decode(Codes(model.encode(identity, **how).s, codes.d, z)))
    return torch.cat(made)


def read(clips: Clips, rows: Ints, frames: int) -> Video:
    """The first frames of clips, [B, T, C, H, W]."""
    return as_video(clips.batch(rows, np.zeros(len(rows), np.int64), frames))


def show(out: Path, clips: Clips, who: Ints, what: Ints, made: Video, frames: int) -> None:
    """Who, what and swap, one below the other."""
    parts = [read(clips, who[:SHOWN], frames), read(clips, what[:SHOWN], frames), made[:SHOWN]]
    rows = torch.stack(parts, 1).flatten(0, 1)
    names = ("who", "what", "swap") * min(SHOWN, len(who))
    write_picture(out, figures.labelled(strips(figures.pixels(rows)), names))


if __name__ == "__main__":
    main()
