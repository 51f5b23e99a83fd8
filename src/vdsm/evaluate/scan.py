"""A scan for rare leaks: is there any set of clips, however small, whose code gives a factor away?

Accuracy cannot show a leak in 1 % of the clips: it moves by less than its own interval. But where
a code does give a factor away, a probe that learned it is sure of itself. So test clips are
ordered by how sure a probe is; among the surest 2, 4, 8, ... of them, how often is it right, and
how often would it be by luck? The answer is a permutation test: the test labels are permuted, the
most striking count over all sizes and all probes is taken each time, and the p-value is the rank of
the true labels among them. It is exact whatever the probe, and it corrects for having looked at
every size.

Clips of one individual are alike in labels and in codes, so labels are not permuted between clips
at large. Where each individual has one value, individuals exchange theirs. Where values vary within
individuals, those of equally many clips exchange all theirs, and every individual's are permuted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from vdsm.evaluate.inputs import Ints
from vdsm.evaluate.intervals import Floats
from vdsm.evaluate.result import Number, Numbers

PERMUTATIONS = 1999


@dataclass(frozen=True)
class Reading:
    """What a probe says of n test codes."""

    predicted: Ints  # [n] classes
    confidence: Floats  # [n] higher is surer; only the order matters


def scan(
    readings: Sequence[Reading],
    truth: Ints,
    groups: Ints,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> Numbers:
    """`p_value` that the factor cannot be read from any clip, and the most striking set of clips.

    `share` is the size of that set as a share of the n test clips, `accuracy` how often the probe
    is right in it, `expected` how often it would be by luck. `least` is what `p_value` would be of
    a code that holds all of it: with few individuals the true labels come up by luck.
    """
    n = len(truth)
    sizes = np.array([*(2**j for j in range(1, n.bit_length()) if 2**j < n), n])
    labels = np.stack([truth, *_permuted(truth, groups, rng, permutations)])  # [1 + P, n]
    # Equal codes make readings equally sure, and datasets are sorted by their labels.
    shuffled = rng.permutation(n)
    surprises, hits, luck = [], [], []
    for reading in readings:
        order = shuffled[np.argsort(-reading.confidence[shuffled], kind="stable")]
        right = np.cumsum(labels[:, order] == reading.predicted[order], axis=1)[:, sizes - 1]
        chance = np.clip(right.mean(axis=0) / sizes, 0.5 / n, 1.0)
        surprises.append(-binom.logsf(right - 1, sizes, chance))  # [1 + P, sizes]
        hits.append(right[0] / sizes)
        luck.append(chance)
    surprise = np.stack(surprises, axis=2)  # [1 + P, sizes, probes]
    most = surprise.max(axis=(1, 2))
    # The largest of equally striking sets: beyond what a float holds, all are infinitely so.
    size, probe = np.argwhere(surprise[0] == most[0])[-1]
    return {
        "p_value": Number(float(np.mean(most >= most[0])), n),
        "least": Number(float(np.mean((labels == truth).all(axis=1))), n),
        "share": Number(float(sizes[size] / n), n),
        "accuracy": Number(float(hits[probe][size]), int(sizes[size])),
        "expected": Number(float(luck[probe][size]), int(sizes[size])),
    }


def _permuted(truth: Ints, groups: Ints, rng: np.random.Generator, count: int) -> list[Ints]:
    """Permutations of n labels that are as likely as the true ones where codes hold nothing."""
    distinct, first, member = np.unique(groups, return_index=True, return_inverse=True)
    of_individual = truth[first]
    if len(distinct) > 1 and np.array_equal(of_individual[member], truth):
        return [rng.permutation(of_individual)[member] for _ in range(count)]
    by_individual = np.argsort(member, kind="stable")
    ends = np.cumsum(np.bincount(member))
    clips: dict[int, list[Ints]] = {}  # of individuals, by how many clips they have
    for rows in np.split(by_individual, ends[:-1]):
        clips.setdefault(len(rows), []).append(rows)
    blocks = [np.stack(alike) for alike in clips.values()]
    permuted = np.tile(truth, (count, 1))
    for labels in permuted:
        for rows in blocks:
            labels[rows] = rng.permuted(rng.permutation(truth[rows]), axis=1)
    return list(permuted)
