"""Swaps beside the true clip, without a judge: of sprites and of moving MNIST.

python benchmarks/truth.py MODEL DATA [--clips 500]

MODEL: a run, an exported folder, or a shipped name. The swaps are those that
`vdsm evaluate MODEL DATA --test-clips N` judges. Prints JSON.

Sprites, the 1,120 characters of the paper's variant or the 1,296 of the benchmark: all are
combinations of body, trousers, shirt and hair, and every clip of an action has the same poses. So
the swap of one character's identity and another's action has one true clip, and all it could be
mistaken for are there too. PSNR to the true clip, the share of swaps to which the true clip is the
nearest of all characters doing this, and how many of the others are the nearest but for one factor.
Then the same actions by sampled identities, from the fitted density and from p(s): PSNR to the
nearest character; the share that is as near to one as all but 5 % of the swaps are, since what is
further away is a blend of several; the share whose nearest character training has not seen, beside
their share of all; how many different characters are met.

Moving MNIST of one digit: the true clip of a swap is drawn, the one digit where the other is. PSNR
to it; the share of swaps to which the true digit is the nearest of all held out, wherever within
four pixels of the path each fits best, and to which the nearest is one of the same class; how far
off the true digit is, in pixels, by where it fits each frame best, and how far after the clip's
own mean shift, which a pose has no need to agree on between digits. The same for reconstructions.
"""

import argparse
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from vdsm import VDSM
from vdsm.data import open_clips
from vdsm.data.cells import action_of
from vdsm.data.clips import Clips, Ints
from vdsm.data.moving_mnist import PATCH, SIDE, MovingMnistClips
from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.evaluate.sample import draw_sample
from vdsm.evaluate.seeds import generator
from vdsm.evaluate.swap import match
from vdsm.notation import Codes

FRAMES, AT_ONCE = 8, 50  # of sprites
SHIFT = 4  # pixels


def pairs_of(clips: Clips, count: int, frames: int = FRAMES) -> Ints:
    """[P, 2] clips (who, what) of the panel's swaps."""
    sample = draw_sample(clips, frames, 10_000, count, 0)
    pairs = match(np.flatnonzero(sample.split == 1), sample.groups, generator(0, "swap"))
    return np.asarray(sample.real.rows[pairs])


def swaps(
    model: VDSM, clips: Clips, pairs: Ints, frames: int = FRAMES, s: torch.Tensor | None = None
) -> torch.Tensor:
    """[P, T, C, H, W] in float32, of the first clips' identities or of `s` [P, S]."""
    made = []
    for at in np.array_split(np.arange(len(pairs)), range(AT_ONCE, len(pairs), AT_ONCE)):
        what = model.encode(whole(clips, pairs[at, 1], frames))
        who = model.encode(whole(clips, pairs[at, 0], frames)).s if s is None else s[at]
        made.append(model.decode(Codes(who, what.d, what.z)))
    return torch.cat(made)


def whole(clips: Clips, rows: Ints, frames: int = FRAMES) -> torch.Tensor:
    """[B, T, C, H, W] the first frames of clips, which are all of those of sprites."""
    return as_video(clips.batch(rows, np.zeros(len(rows), np.int64), frames))


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


def by_action(
    made: torch.Tensor, clips: Clips, pairs: Ints
) -> Iterator[tuple[Ints, Ints, Ints, torch.Tensor]]:
    """Of each action: rows of `made` that show it, all clips of it, and `nearest` among these."""
    action = action_of(clips)
    shown = action[pairs[:, 1]]
    for name in np.unique(shown):
        rows, candidates = np.flatnonzero(shown == name), np.flatnonzero(action == name)
        yield rows, candidates, *nearest(made[rows], clips, candidates)


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
    """Print what was found; InputError where the true clip of a swap is not known."""
    model, clips = VDSM.from_pretrained(model_name), open_clips(data)
    model.precision = "fp32"
    if isinstance(clips, MovingMnistClips):
        found = of_digits(model, clips, count)
    elif clips.info.name == "sprites":
        found = of_characters(model, clips, count)
    else:
        raise InputError(
            f"{data} holds {clips.info.name}: only of sprites and moving-mnist is the true clip "
            "of a swap known"
        )
    print(json.dumps(found))


def of_characters(model: VDSM, clips: Clips, count: int) -> dict[str, Any]:
    """Sprites: the true clip among those of all characters."""
    pairs, group = pairs_of(clips, count), clips.table.group
    looks = [clips.table.labels[f.name] for f in clips.info.factors if f.role == "identity"]
    made = swaps(model, clips, pairs)
    right, psnr, wrong_in, to_nearest = [], [], [], []
    for rows, candidates, found, squared in by_action(made, clips, pairs):
        who = pairs[rows, 0]
        place = np.array([np.flatnonzero(group[candidates] == g)[0] for g in group[who]])
        error = squared[torch.arange(len(rows)), torch.from_numpy(place)]
        psnr.append(decibels(error))
        to_nearest.append(decibels(squared.amin(1)))
        right.append(group[found] == group[who])
        wrong_in.append(sum(column[found] != column[who] for column in looks))
    differ = np.concatenate(wrong_in)
    usual = float(np.quantile(np.concatenate(to_nearest), 0.05))
    return {
        "swaps": len(pairs),
        "nearest_is_true": float(np.concatenate(right).mean()),
        "wrong_in_one_factor": float((differ == 1).mean()),
        "psnr": float(np.concatenate(psnr).mean()),
        "sampled": sampled(model, clips, pairs, usual),
    }


def sampled(model: VDSM, clips: Clips, pairs: Ints, usual: float) -> dict[str, Any]:
    """Sampled identities doing what the second clips of pairs show; `usual`: dB that are near."""
    group = clips.table.group
    held_out = np.unique(group[clips.select("test")])
    found: dict[str, Any] = {"held_out": len(held_out) / len(np.unique(group))}
    for density in ("fitted", "standard"):
        s = model.sample_identity(len(pairs), torch.Generator().manual_seed(0), density)
        made = swaps(model, clips, pairs, s=s)
        psnr, who = np.zeros(len(pairs)), np.zeros(len(pairs), np.int64)
        for rows, _, nearest_to, squared in by_action(made, clips, pairs):
            psnr[rows], who[rows] = decibels(squared.amin(1)), group[nearest_to]
        found[density] = {
            "psnr": float(psnr.mean()),
            "as_near_as_swaps": float((psnr >= usual).mean()),
            "held_out": float(np.isin(who, held_out).mean()),
            "characters": len(np.unique(who)),
        }
    return found


def of_digits(model: VDSM, clips: MovingMnistClips, count: int) -> dict[str, Any]:
    """Moving MNIST: the true digit among those held out, and its place."""
    if clips.info.size != SIDE or len(clips.info.factors) != 2:
        raise InputError(f"{clips.path}: only one digit in {SIDE} x {SIDE} pixels is compared")
    frames = min(16, int(clips.table.length.min()))
    pairs = pairs_of(clips, count, frames)
    same = np.stack([pairs[:, 0]] * 2, 1)
    found = compare(clips, pairs, swaps(model, clips, pairs, frames))
    alone = compare(clips, same, swaps(model, clips, same, frames))
    return {"swaps": len(pairs), **found, "reconstructions": alone}


def compare(clips: MovingMnistClips, pairs: Ints, made: torch.Tensor) -> dict[str, float]:
    """Clips [P, T, 1, 64, 64] beside the digit of the first of a pair on the path of the second."""
    frames, group, label = made.shape[1], clips.table.group, clips.table.labels["digit"]
    true = as_video(np.stack([clips.crossed(who, what, 0, frames) for who, what in pairs]))
    corners = np.stack([clips.corners(what, 0, frames)[0] for what in pairs[:, 1]])
    _, rows = np.unique(group[clips.select("test")], return_index=True)
    candidates = clips.select("test")[rows]  # a clip of every digit held out
    patches = as_video(np.stack([clips.digits(row) for row in candidates])[..., None]).flatten(1)
    nearest_to, off, moved = [], [], []
    for clip, at, who in zip(made[:, :, 0], corners, pairs[:, 0], strict=True):
        nearest_to.append(candidates[fits_best(clip, at, patches)])
        own = as_video(clips.digits(who)[None, ..., None])[0]
        fit = F.conv2d(clip[:, None], own)  # a patch is whole everywhere, so the largest fits best
        down, right = np.divmod(fit.flatten(1).argmax(1).numpy(), fit.shape[-1])
        shift = np.stack([right, down], 1) - at
        off.append(np.linalg.norm(shift, axis=1))
        moved.append(np.linalg.norm(shift - shift.mean(0), axis=1))
    found, who = np.array(nearest_to), pairs[:, 0]
    return {
        "psnr": float(decibels((made - true).square().flatten(1).mean(1)).mean()),
        "nearest_is_true": float((group[found] == group[who]).mean()),
        "nearest_is_of_its_class": float((label[found] == label[who]).mean()),
        "pixels_off": float(np.concatenate(off).mean()),
        "pixels_off_but_for_mean_shift": float(np.concatenate(moved).mean()),
    }


def fits_best(clip: torch.Tensor, at: Ints, patches: torch.Tensor) -> int:
    """Which patch, at corners `at` [T, 2] or shifted throughout, is nearest to frames [T, H, W]."""
    wide, side = F.pad(clip, [SHIFT] * 4), PATCH + 2 * SHIFT
    around = [f[y : y + side, x : x + side] for f, (x, y) in zip(wide, at.tolist(), strict=True)]
    seen = F.unfold(torch.stack(around).mean(0)[None, None], PATCH)[0]  # [784, shifts]
    # Σ_t |frame_t - patch|² over T, but for what is the same of all.
    errors = patches.square().sum(1, keepdim=True) - 2 * patches @ seen
    return int(errors.amin(1).argmin())


def decibels(error: torch.Tensor) -> np.ndarray:
    """PSNR from mean squared errors."""
    found: np.ndarray = -10 * error.clamp_min(1e-10).log10().numpy()
    return found


if __name__ == "__main__":
    main()
