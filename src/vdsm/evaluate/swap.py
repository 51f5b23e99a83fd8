"""Swaps: the identity of one clip and the motion of another, decoded, and judged.

Test clips are paired at random with clips of other individuals; each pair is swapped in both
directions, so that every clip gives its identity and its motion once, but for clips of an
individual that has more than half of them and is not swapped with itself. A swap is right where the
judge sees every identity factor of the clip that gave s, and every action factor of the clip that
gave the other codes.

Per factor, only pairs that differ in it can tell: on target is the share of swaps that show the
value that was asked for, off target the share that show the value of the wrong clip, and chance
what can be had without the codes, as for probes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vdsm.data.clips import Frames, Ints
from vdsm.device import as_video
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Seen, Verdicts
from vdsm.evaluate.metric import Metric, NotMeasured
from vdsm.evaluate.probes import chance_of
from vdsm.evaluate.result import Number, Numbers, under
from vdsm.evaluate.stream import check_clips, cuts, decode_checked, mix, read_any
from vdsm.notation import Video

KEPT = 500  # swaps that are kept for what is measured without labels,
KEPT_BYTES = 256 << 20  # fewer where clips are large


def match(rows: Ints, groups: Ints, rng: np.random.Generator) -> Ints:
    """[P, 2] rows (who, what): a perfect matching in both directions, of other individuals.

    Every row is in one pair; with an odd number, one row is in two. Where one individual has more
    than half of the rows, those left over meet rows of its own.
    """
    shuffled = rng.permutation(rows)
    if len(shuffled) % 2:
        shuffled = np.append(shuffled, shuffled[0])
    left, right = shuffled[0::2], shuffled[1::2]
    for i in np.flatnonzero(groups[left] == groups[right]):
        fits = (groups[right] != groups[left[i]]) & (groups[left] != groups[right[i]])
        if fits.any():
            j = rng.choice(np.flatnonzero(fits))
            right[i], right[j] = right[j], right[i]
    return np.concatenate([np.stack([left, right], 1), np.stack([right, left], 1)])


def swapped(context: Context, pairs: Ints) -> Iterator[Video]:
    """Swaps of the pairs (identity, motion), batch by batch.

    By codes where the model has them, else by its own way of swapping clips.
    """
    inputs, system = context.inputs, context.system
    by_codes = context.lacks("s", "motion", "decode") is None
    for cut in cuts(len(pairs), context.settings.batch):
        who, what = pairs[cut, 0], pairs[cut, 1]
        if by_codes:
            yield decode_checked(system.decode, mix(inputs.codes, who, what), inputs)
        else:
            assert system.swap is not None
            clips = read_any(inputs.real, who), read_any(inputs.real, what)
            yield check_clips("swap", system.swap(*clips), tuple(clips[0].shape))


@dataclass(frozen=True)
class Swaps:
    """Swaps of test clips of two individuals: what the judges see, and the first of them kept."""

    pairs: Ints  # [P, 2] rows: identity, motion
    seen: Seen
    kept: Frames  # uint8 [K, T, H, W, C] of the first K pairs, in a random order

    def batches(self, batch: int) -> Iterator[tuple[Video, Ints]]:
        """Kept swaps, and their pairs [B, 2]."""
        for cut in cuts(len(self.kept), batch):
            yield as_video(self.kept[cut]).contiguous(), self.pairs[cut]


def pairs_of(context: Context) -> Ints:
    """[P, 2] test clips of two individuals each; NotMeasured where there is one individual."""
    inputs = context.inputs
    pairs = match(inputs.test, inputs.groups, context.rng("swap"))
    strangers: Ints = pairs[inputs.groups[pairs[:, 0]] != inputs.groups[pairs[:, 1]]]
    own = len(pairs) - len(strangers)
    if not len(strangers):
        raise NotMeasured("every test clip is of one individual")
    if own:
        said = f"{own} of {len(pairs)} are of one individual with itself"
        context.not_measured["swap.pairs"] = said
    return strangers


def swaps(context: Context) -> Swaps:
    """Every test clip's identity with another's motion, and the other way round; made once."""

    def make() -> Swaps:
        pairs = pairs_of(context)
        most = max(1, min(KEPT, KEPT_BYTES // int(np.prod(context.inputs.real.shape[1:]))))
        kept: list[Frames] = []

        def keep(made: Video) -> None:
            missing = most - sum(map(len, kept))
            if missing > 0:
                pixels = (made[:missing] * 255).round().to(torch.uint8)
                kept.append(pixels.permute(0, 1, 3, 4, 2).contiguous().numpy())

        seen = context.look(swapped(context, pairs), "swaps", len(pairs), keep)
        return Swaps(pairs, seen, np.concatenate(kept))

    return context.once("swaps", make)


def score(found: Verdicts, inputs: Inputs, pairs: Ints, bootstrap: Bootstrap) -> Numbers:
    """`joint`, `identity`, `action`, and `factors.<factor>.{on_target,off_target,chance}`."""
    units = inputs.groups[pairs]
    right, known = {}, {}
    for factor, probabilities in found.items():
        wanted, _ = _wanted(inputs, factor, pairs)
        right[factor] = probabilities.argmax(-1) == wanted
        known[factor] = wanted >= 0
    numbers: Numbers = {}
    roles = {"identity": inputs.factors("identity"), "action": inputs.factors("action")}
    for name, factors in {"joint": list(found), **roles}.items():
        if factors:
            kept = np.logical_and.reduce([known[f] for f in factors])
            all_right = np.logical_and.reduce([right[f] for f in factors])
            numbers[name] = bootstrap.share(all_right[kept], units[kept])
    for factor, probabilities in found.items():
        one = _factor(inputs, factor, probabilities.argmax(-1), pairs, bootstrap)
        numbers |= under(f"factors.{factor}", one)
    return numbers


def _wanted(inputs: Inputs, factor: str, pairs: Ints) -> tuple[Ints, Ints]:
    """Labels [P] of the clip that should decide a factor, and of the one that should not."""
    labels = inputs.labels[factor][pairs]
    own = 0 if inputs.roles[factor] == "identity" else 1
    return labels[:, own], labels[:, 1 - own]


def _factor(
    inputs: Inputs,
    factor: str,
    seen: npt.NDArray[np.int64],
    pairs: Ints,
    bootstrap: Bootstrap,
) -> dict[str, Number]:
    wanted, other = _wanted(inputs, factor, pairs)
    tells = (wanted != other) & (wanted >= 0) & (other >= 0)
    units = inputs.groups[pairs][tells]
    train = inputs.labels[factor][inputs.train]
    usual = chance_of(train[train >= 0], wanted[tells], inputs.classes[factor])
    return {
        "on_target": bootstrap.share((seen == wanted)[tells], units),
        "off_target": bootstrap.share((seen == other)[tells], units),
        "chance": bootstrap.mean(usual, units),
    }


def measure(context: Context) -> Numbers:
    """Where one individual has more than half of the clips, some find no other to swap with."""
    found = swaps(context)
    return score(found.seen.verdicts, context.inputs, found.pairs, context.bootstrap)


METRIC = Metric("swap", measure, ("labels", "swap"))
