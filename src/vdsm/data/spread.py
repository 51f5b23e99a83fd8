"""Clips that differ as much as can be, always the same ones."""

from collections.abc import Sequence

import numpy as np

from vdsm.data.clips import Ints


def spread(columns: Sequence[Ints], count: int) -> Ints:
    """`count` of the N rows of columns [N], which share as few values as possible, as chosen.

    Greedy: each next one is the first that has least in common with those already chosen.
    """
    values = np.stack(columns)
    shared = np.zeros(values.shape[1])
    chosen: list[int] = []
    for _ in range(min(count, len(shared))):
        chosen.append(int(shared.argmin()))
        shared += (values == values[:, chosen[-1:]]).sum(0)
        shared[chosen[-1]] = np.inf
    return np.array(chosen, np.int64)
