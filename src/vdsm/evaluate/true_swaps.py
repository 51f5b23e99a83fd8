"""`truth.swap.*`: swaps beside the true ones, where the data were drawn and these can be drawn too.

The true swap is the identity's person in the action's take. At most `MOST` swaps are compared with
theirs, in `FRAMES` frames spread evenly over the clip:

    psnr, ssim               of the swap to the true swap; `action_clip.*` of the action's own clip
    nearest.person           which of all people, in this take, it is nearest to: the right one
    nearest.take             which of `TAKES` takes, by this person, it is nearest to: the right one
    nearest.action           the same, but any take of the right action counts
    nearest.both             the right person and the right take
    rank.person, rank.take   share of the others that are farther than the right one; chance 50 %

Near is the mean squared error. No judge is needed.
"""

from dataclasses import dataclass

import numpy as np
import torch

from vdsm.data.clips import Floats, Frames, Ints
from vdsm.device import as_video
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.reconstruction import WINDOW, psnr, ssim
from vdsm.evaluate.result import Number, Numbers
from vdsm.evaluate.swap import swaps

MOST = 24  # swaps
FRAMES = 4  # of each
TAKES = 48  # test clips whose takes are tried, the right one among them


@dataclass(frozen=True)
class Lineup:
    """Mean squared errors of S swaps to true clips."""

    person: Ints  # [S] who the right one is
    people: Floats  # [S, people] everybody in the right take
    takes: Floats  # [S, takes] the right person in several takes, of which the first is right
    true: Frames  # uint8 [S, n, H, W, C] the true swaps


def measure(context: Context) -> Numbers:
    """Of the first kept swaps of `swap`, which lie in a random order."""
    inputs, made, rng = context.inputs, swaps(context), context.rng("truth.swap")
    frames = spread(inputs.real.shape[1])
    drawn = made.kept[:MOST][:, frames]
    pairs = made.pairs[: len(drawn)]
    others = (rng.permutation(inputs.test[inputs.test != what]) for what in pairs[:, 1])
    takes = np.stack(
        [np.append(what, rest[: TAKES - 1]) for what, rest in zip(pairs[:, 1], others, strict=True)]
    )
    found = compared(context, drawn, pairs[:, 0], takes, frames)
    own = np.concatenate([inputs.real[np.array([what])][:, frames] for what in pairs[:, 1]])
    units, known = inputs.groups[pairs], actions_of(inputs, takes.ravel()).reshape(takes.shape)
    return fidelity(context, found.true, drawn, own, units) | placed(context, found, known, units)


def compared(context: Context, drawn: Frames, who: Ints, takes: Ints, frames: Ints) -> Lineup:
    """Draw every true clip and keep how far the swap is from it; one person after the other."""
    truth = context.inputs.truth
    assert truth is not None
    assert truth.draw is not None
    assert truth.person is not None
    person, true = truth.person[who], np.zeros_like(drawn)
    people, others = np.zeros((len(drawn), truth.people)), np.zeros(takes.shape)
    for p in range(truth.people):
        context.progress("true swaps", p, truth.people)
        for i, swap in enumerate(drawn):
            clip = truth.draw(p, int(takes[i, 0]), frames)
            people[i, p] = error(clip, swap)
            if p == person[i]:
                true[i] = clip
                clips = (truth.draw(p, int(take), frames) for take in takes[i, 1:])
                others[i] = [people[i, p], *(error(clip, swap) for clip in clips)]
    context.progress("true swaps", truth.people, truth.people)
    return Lineup(person, people, others, true)


def error(one: Frames, other: Frames) -> float:
    """Mean squared, of values up to 255."""
    return float(np.square(one.astype(np.float64) - other).mean())


def spread(length: int) -> Ints:
    """At most `FRAMES` frames, evenly over a clip of that many, none at its very ends."""
    count = min(FRAMES, length)
    return ((2 * np.arange(count) + 1) * length // (2 * count)).astype(np.int64)


def actions_of(inputs: Inputs, rows: Ints) -> Ints:
    """[n] a number for what each row shows; -1 where some action factor of it is unknown."""
    columns = [inputs.labels[name][rows] for name in inputs.factors("action")]
    if not columns:
        return np.full(len(rows), -1)
    known = np.logical_and.reduce([column >= 0 for column in columns])
    _, number = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
    return np.where(known, number.reshape(-1), -1).astype(np.int64)


def placed(context: Context, found: Lineup, actions: Ints, units: Ints) -> Numbers:
    """`nearest.*` with `chance.*`, and `rank.*`. actions: [S, takes] what the takes show."""
    share, mean, n = context.bootstrap.share, context.bootstrap.mean, len(units)
    person, nearest = found.people.argmin(1) == found.person, found.takes.argmin(1)
    right = {"person": person, "take": nearest == 0, "both": person & (nearest == 0)}
    numbers = {f"nearest.{name}": share(which, units) for name, which in right.items()}
    known = actions[:, 0] >= 0
    if known.any():
        alike = actions == actions[:, :1]
        numbers["nearest.action"] = share(alike[np.arange(n), nearest][known], units[known])
        numbers["chance.action"] = mean(alike.mean(1)[known], units[known])
    places = {"person": (found.people, found.person), "take": (found.takes, np.zeros(n, np.int64))}
    for name, (errors, which) in places.items():
        numbers[f"chance.{name}"] = Number(1 / errors.shape[1], n)
        if errors.shape[1] > 1:
            ranks = [rank(row, int(one)) for row, one in zip(errors, which, strict=True)]
            numbers[f"rank.{name}"] = mean(np.array(ranks), units)
    return numbers


def rank(errors: Floats, right: int = 0) -> float:
    """Share of the others that are farther than the right one; of equals half."""
    others = np.delete(errors, right)
    return float(((others > errors[right]) + 0.5 * (others == errors[right])).mean())


def fidelity(context: Context, true: Frames, drawn: Frames, own: Frames, units: Ints) -> Numbers:
    """PSNR and SSIM of swaps, and of the action's own clips, to the true swaps."""
    wanted, numbers = as_video(true).contiguous(), dict[str, Number]()
    for prefix, frames in (("", drawn), ("action_clip.", own)):
        clips = as_video(frames).contiguous()
        found: dict[str, torch.Tensor] = {"psnr": psnr(wanted, clips)}
        if min(wanted.shape[-2:]) >= WINDOW:
            found["ssim"] = ssim(wanted, clips)
        for name, values in found.items():
            numbers[prefix + name] = context.bootstrap.mean(values.double().numpy(), units)
    return numbers


METRIC = Metric("truth.swap", measure, ("redraw", "swap"))
