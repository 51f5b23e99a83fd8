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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.stats import binom

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.result import Number, Numbers

PERMUTATIONS = 9999  # the least p-value is 1e-4: of twenty runs, times twenty, it is still rare
AT_ONCE = 500  # permutations


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
    # Equal codes make readings equally sure, and datasets are sorted by their labels.
    shuffled = rng.permutation(n)
    orders = [shuffled[np.argsort(-one.confidence[shuffled], kind="stable")] for one in readings]
    counted, same = [], []
    for labels in chain([truth[None]], _permuted(truth, groups, rng, permutations)):
        counted.append(_right(labels, readings, orders, sizes))
        same.append((labels == truth).all(axis=1))
    right = np.concatenate(counted)  # [1 + P, probes, sizes]
    luck = np.clip(right.mean(axis=0) / sizes, 0.5 / n, 1.0)  # [probes, sizes]
    surprise = -binom.logsf(right - 1, sizes, luck)
    most = surprise.max(axis=(1, 2))
    # The largest of equally striking sets: beyond what a float holds, all are infinitely so.
    true = surprise[0].T  # [sizes, probes]
    size, probe = np.argwhere(true == most[0])[-1]
    return {
        "p_value": Number(float(np.mean(most >= most[0])), n),
        "least": Number(float(np.mean(np.concatenate(same))), n),
        "share": Number(float(sizes[size] / n), n),
        "accuracy": Number(float(right[0, probe, size] / sizes[size]), int(sizes[size])),
        "expected": Number(float(luck[probe, size]), int(sizes[size])),
    }


def _right(labels: Ints, readings: Sequence[Reading], orders: Sequence[Ints], sizes: Ints) -> Ints:
    """[P, probes, sizes] how many of the surest are right by labels [P, n]."""
    starts = np.append(0, sizes[:-1])
    found = []
    for reading, order in zip(readings, orders, strict=True):
        hits = labels[:, order] == reading.predicted[order]
        found.append(np.add.reduceat(hits, starts, axis=1, dtype=np.int32).cumsum(axis=1))
    return np.stack(found, axis=1)


def _permuted(truth: Ints, groups: Ints, rng: np.random.Generator, count: int) -> Iterator[Ints]:
    """Permutations, some rows [P, n] at a time, as likely as the truth where codes hold nothing."""
    distinct, first, member = np.unique(groups, return_index=True, return_inverse=True)
    of_individual = truth[first]
    constant = len(distinct) > 1 and np.array_equal(of_individual[member], truth)
    clips: dict[int, list[Ints]] = {}  # of individuals, by how many clips they have
    for rows in np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1]):
        clips.setdefault(len(rows), []).append(rows)
    blocks = [np.stack(alike) for alike in clips.values()]
    for start in range(0, count, AT_ONCE):
        some = min(AT_ONCE, count - start)
        if constant:
            yield rng.permuted(np.tile(of_individual, (some, 1)), axis=1)[:, member]
            continue
        labels = np.tile(truth, (some, 1))
        for rows in blocks:
            exchanged = rng.permuted(np.tile(np.arange(len(rows)), (some, 1)), axis=1)
            labels[:, rows] = rng.permuted(truth[rows][exchanged], axis=2)
        yield labels
