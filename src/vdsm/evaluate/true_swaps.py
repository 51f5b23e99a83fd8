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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vdsm.data.clips import Floats, Frames, Ints
from vdsm.device import as_video
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Inputs, Truth
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.reconstruction import WINDOW, psnr, ssim
from vdsm.evaluate.result import Number, Numbers
from vdsm.evaluate.swap import swaps

MOST = 48  # swaps
FRAMES = 4  # of each
TAKES = 48  # test clips whose takes are tried, the right one among them


@dataclass(frozen=True)
class Lineup:
    """Squared errors of one swap to true clips; the right one is the first of each."""

    people: Floats  # [people] in the right take
    takes: Floats  # [takes] by the right person
    actions: Ints  # [takes] what the takes show, -1 unknown


def measure(context: Context) -> Numbers:
    """Of the first kept swaps of `swap`, which lie in a random order."""
    inputs, made = context.inputs, swaps(context)
    truth = inputs.truth
    assert truth is not None
    frames = spread(inputs.real.shape[1])
    pairs = made.pairs[: min(MOST, len(made.kept))]
    rng, lineups, near = context.rng("truth.swap"), [], []
    context.progress("true swaps", 0, len(pairs))
    for i, (who, what) in enumerate(pairs):
        takes = np.append(what, rng.permutation(inputs.test[inputs.test != what])[: TAKES - 1])
        drawn = made.kept[i][frames]
        true = drawn_again(truth, int(who), takes, frames)
        lineups.append(lineup(drawn, *true, actions_of(inputs, takes)))
        near.append([drawn, inputs.real[np.array([what])][0][frames], true[0][0]])
        context.progress("true swaps", i + 1, len(pairs))
    units = inputs.groups[pairs]
    return fidelity(context, near, units) | placed(context, lineups, units)


def spread(length: int) -> Ints:
    """At most `FRAMES` frames, evenly over a clip of that many, none at its very ends."""
    count = min(FRAMES, length)
    return ((2 * np.arange(count) + 1) * length // (2 * count)).astype(np.int64)


def drawn_again(
    truth: Truth, who: int, takes: Ints, frames: Ints
) -> tuple[list[Frames], list[Frames]]:
    """All people in the first take, the right one first; the right one in every take."""
    assert truth.draw is not None
    assert truth.person is not None
    person = int(truth.person[who])
    others = [p for p in range(truth.people) if p != person]
    people = [truth.draw(p, int(takes[0]), frames) for p in (person, *others)]
    return people, [people[0], *(truth.draw(person, int(take), frames) for take in takes[1:])]


def lineup(
    drawn: Frames, people: Sequence[Frames], takes: Sequence[Frames], actions: Ints
) -> Lineup:
    """How far a swap is from each of the true clips."""

    def errors(clips: Sequence[Frames]) -> Floats:
        return np.array([np.square(clip.astype(np.float64) - drawn).mean() for clip in clips])

    return Lineup(errors(people), errors(takes), actions)


def actions_of(inputs: Inputs, rows: Ints) -> Ints:
    """[n] a number for what each row shows; -1 where some action factor of it is unknown."""
    columns = [inputs.labels[name][rows] for name in inputs.factors("action")]
    if not columns:
        return np.full(len(rows), -1)
    known = np.logical_and.reduce([column >= 0 for column in columns])
    _, number = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
    return np.where(known, number.reshape(-1), -1).astype(np.int64)


def placed(context: Context, lineups: Sequence[Lineup], units: Ints) -> Numbers:
    """`nearest.*` with `chance.*`, and `rank.*`."""
    people, takes = ([getattr(one, side) for one in lineups] for side in ("people", "takes"))
    person, take = (np.array([e.argmin() == 0 for e in side]) for side in (people, takes))
    action = np.array([one.actions[one.takes.argmin()] == one.actions[0] for one in lineups])
    alike = np.array([(one.actions == one.actions[0]).mean() for one in lineups])
    known = np.array([one.actions[0] >= 0 for one in lineups])
    right = {"person": person, "take": take, "both": person & take}
    share, mean = context.bootstrap.share, context.bootstrap.mean
    numbers = {f"nearest.{name}": share(found, units) for name, found in right.items()}
    if known.any():
        numbers["nearest.action"] = share(action[known], units[known])
        numbers["chance.action"] = mean(alike[known], units[known])
    for name, side in (("person", people), ("take", takes)):
        numbers[f"chance.{name}"] = Number(1 / len(side[0]), len(side))
        if len(side[0]) > 1:
            numbers[f"rank.{name}"] = mean(np.array([rank(errors) for errors in side]), units)
    return numbers


def rank(errors: Floats) -> float:
    """Share of the others that are farther than the first; of equals half."""
    others = errors[1:]
    return float(((others > errors[0]) + 0.5 * (others == errors[0])).mean())


def fidelity(context: Context, near: Sequence[Sequence[Frames]], units: Ints) -> Numbers:
    """PSNR and SSIM of swaps, and of the action's own clips, to the true swaps."""
    drawn, own, true = (as_video(np.stack(side)).contiguous() for side in zip(*near, strict=True))
    numbers: Numbers = {}
    for prefix, clips in (("", drawn), ("action_clip.", own)):
        found: dict[str, torch.Tensor] = {"psnr": psnr(true, clips)}
        if min(true.shape[-2:]) >= WINDOW:
            found["ssim"] = ssim(true, clips)
        for name, values in found.items():
            numbers[prefix + name] = context.bootstrap.mean(values.double().numpy(), units)
    return numbers


METRIC = Metric("truth.swap", measure, ("redraw", "swap"))
