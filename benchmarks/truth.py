"""Swaps of sprites beside the true clip: no judge, since the data hold every character's actions.

python benchmarks/truth.py MODEL DATA [--clips 500]

MODEL: a run, an exported folder, or a shipped name. DATA: made by `vdsm data sprites`, where the
1,120 characters of the paper's variant, or the 1,296 of the benchmark, are all combinations of
body, trousers, shirt and hair, and every clip of an action has the same poses. So the swap of one
character's identity and another's action has one true clip, and all it could be mistaken for are
there too. The swaps are those that `vdsm evaluate MODEL DATA --test-clips N` judges. Prints JSON:
PSNR to the true clip, the share of swaps to which the true clip is the nearest of all characters
doing this, and how many of the others are the nearest but for one factor.
"""

import argparse
import json

import numpy as np
import torch

from vdsm import VDSM
from vdsm.data import open_clips
from vdsm.data.cells import action_of
from vdsm.data.clips import Clips, Ints
from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.evaluate.sample import draw_sample
from vdsm.evaluate.seeds import generator
from vdsm.evaluate.swap import match
from vdsm.notation import Codes

FRAMES, AT_ONCE = 8, 50


def pairs_of(clips: Clips, count: int) -> Ints:
    """[P, 2] clips (who, what) of the panel's swaps."""
    sample = draw_sample(clips, FRAMES, 10_000, count, 0)
    pairs = match(np.flatnonzero(sample.split == 1), sample.groups, generator(0, "swap"))
    return np.asarray(sample.real.rows[pairs])


def swaps(model: VDSM, clips: Clips, pairs: Ints) -> torch.Tensor:
    """[P, T, C, H, W] in float32."""
    made = []
    for part in np.array_split(pairs, range(AT_ONCE, len(pairs), AT_ONCE)):
        who, what = (model.encode(whole(clips, column)) for column in part.T)
        made.append(model.decode(Codes(who.s, what.d, what.z)))
    return torch.cat(made)


def whole(clips: Clips, rows: Ints) -> torch.Tensor:
    """[B, T, C, H, W] all frames of clips."""
    return as_video(clips.batch(rows, np.zeros(len(rows), np.int64), FRAMES))


def nearest(made: torch.Tensor, clips: Clips, candidates: Ints) -> tuple[Ints, torch.Tensor]:
    """[P] which candidate each clip is nearest to, and [P, candidates] mean squared errors."""
    flat = made.flatten(1)
    errors = []
    for part in np.array_split(candidates, range(AT_ONCE, len(candidates), AT_ONCE)):
        real = whole(clips, part).flatten(1)
        products = flat @ real.T
        errors.append(flat.square().sum(1)[:, None] + real.square().sum(1) - 2 * products)
    squared = torch.cat(errors, 1) / flat.shape[1]
    return candidates[squared.argmin(1).numpy()], squared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--clips", type=int, default=500, help="test clips to swap")
    options = parser.parse_args()
    try:
        measure(options.model, options.data, options.clips)
    except InputError as error:
        parser.error(str(error))


def measure(model_name: str, data: str, count: int) -> None:
    """Print what was found; InputError where the data are not sprites."""
    model, clips = VDSM.from_pretrained(model_name), open_clips(data)
    if clips.info.name != "sprites":
        raise InputError(
            f"{data} holds {clips.info.name}: only sprites have the true clip of swaps"
        )
    model.precision = "fp32"
    pairs, action, group = pairs_of(clips, count), action_of(clips), clips.table.group
    looks = [clips.table.labels[f.name] for f in clips.info.factors if f.role == "identity"]
    made = swaps(model, clips, pairs)
    right, psnr, wrong_in = [], [], []
    for name in np.unique(action[pairs[:, 1]]):
        rows = np.flatnonzero(action[pairs[:, 1]] == name)
        candidates = np.flatnonzero(action == name)
        found, squared = nearest(made[rows], clips, candidates)
        who = pairs[rows, 0]
        place = np.array([np.flatnonzero(group[candidates] == g)[0] for g in group[who]])
        error = squared[torch.arange(len(rows)), torch.from_numpy(place)]
        psnr.append(-10 * error.clamp_min(1e-10).log10().numpy())
        right.append(group[found] == group[who])
        wrong_in.append(sum(column[found] != column[who] for column in looks))
    differ = np.concatenate(wrong_in)
    print(
        json.dumps(
            {
                "swaps": len(pairs),
                "nearest_is_true": float(np.concatenate(right).mean()),
                "wrong_in_one_factor": float((differ == 1).mean()),
                "psnr": float(np.concatenate(psnr).mean()),
            }
        )
    )


if __name__ == "__main__":
    main()
