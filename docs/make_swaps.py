"""A moving picture of swaps: people of held-out clips do what others show.

python docs/make_swaps.py MODEL DATA FILE.gif [--people 5] [--seed 0]
python docs/make_swaps.py faces data/faces docs/pictures/faces-swaps.gif

MODEL: a run, an exported folder, or a shipped name. Top row: true held-out clips, one for each
action. Left column: true held-out clips of others. The rest is drawn. A seed chooses the clips, and
nobody looks before; everybody in the picture is somebody else.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vdsm.data import open_clips
from vdsm.data.clips import Clips, Ints
from vdsm.errors import InputError
from vdsm.figures import action_transfer
from vdsm.figures.choose import load
from vdsm.store.named import load_model, trained_window
from vdsm.video import write_clips

FPS = 8


def chosen(clips: Clips, people: int, frames: int, seed: int) -> tuple[Ints, Ints]:
    """Held-out clips of `people` individuals, and one for each action, all of different ones."""
    factor = next((f for f in clips.info.factors if f.role == "action"), None)
    if factor is None:
        raise InputError(f"{clips.info.name} does not say what its clips show")
    held_out = clips.select("test", min_length=frames)
    order = np.random.default_rng(seed).permutation(held_out)
    action, taken = clips.table.labels[factor.name], set[int]()
    values = range(len(factor.values))
    columns = [taken_first(clips, order[action[order] == v], taken) for v in values]
    rows = [taken_first(clips, order, taken) for _ in range(people)]
    return np.array(rows), np.array(columns)


def taken_first(clips: Clips, order: Ints, taken: set[int]) -> int:
    """The first clip of an individual not taken yet, who is now."""
    for clip in order.tolist():
        who = int(clips.table.group[clip])
        if who not in taken:
            taken.add(who)
            return int(clip)
    raise InputError(f"{clips.info.name} has too few individuals in its test clips")


def main(words: Sequence[str] | None = None) -> None:
    """Choose, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    model, folder = load_model(asked.model, "cpu")
    clips, frames = open_clips(asked.data), trained_window(folder, None)
    rows, columns = (
        load(clips, some, frames) for some in chosen(clips, asked.people, frames, asked.seed)
    )
    write_clips(asked.out, action_transfer(model, rows, columns), FPS)


if __name__ == "__main__":
    main()
