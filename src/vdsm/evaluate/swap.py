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

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Ints
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Verdicts
from vdsm.evaluate.probes import chance_of
from vdsm.evaluate.result import Number, Numbers, under
from vdsm.evaluate.stream import Decode, cuts, decode_checked, mix
from vdsm.notation import Video


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


def swapped(inputs: Inputs, decode: Decode, pairs: Ints, batch: int) -> Iterator[Video]:
    """Decoded clips of the pairs (identity, motion), batch by batch; of one row: reconstruction."""
    for cut in cuts(len(pairs), batch):
        codes = mix(inputs.codes, pairs[cut, 0], pairs[cut, 1])
        yield decode_checked(decode, codes, inputs)


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
