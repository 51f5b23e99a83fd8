"""Whether a stage still learned as it ended, from what its training wrote down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vdsm.data.clips import Floats

TERMS = ("held_out", "log_likelihood", "log_pose")  # the first of these that a stage has
BEFORE, AT_LAST = (0.65, 0.75), (0.9, 1.0)  # shares of a stage that are compared
LEAST = 4  # lines of each
ERRORS = 2.0  # standard errors by which more is more


@dataclass(frozen=True)
class Rise:
    """A term that was higher at the end of a stage than shortly before."""

    stage: str
    steps: int
    before: float
    last: float


def rises(metrics: Sequence[Mapping[str, Any]]) -> list[Rise]:
    """Of all stages, in order."""
    names = list(dict.fromkeys(m["name"] for m in metrics))
    found = [_rise([m for m in metrics if m["name"] == name]) for name in names]
    return [rise for rise in found if rise is not None]


def can_tell(metrics: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any stage was long enough for it to be seen."""
    names = {m["name"] for m in metrics}
    return any(_parts([m for m in metrics if m["name"] == name]) is not None for name in names)


def _rise(lines: Sequence[Mapping[str, Any]]) -> Rise | None:
    if (parts := _parts(lines)) is None:
        return None
    before, last = parts
    error = np.sqrt(before.var(ddof=1) / len(before) + last.var(ddof=1) / len(last))
    if last.mean() - before.mean() <= ERRORS * error:
        return None
    steps = int(lines[-1]["step"])
    return Rise(lines[-1]["name"], steps, float(before.mean()), float(last.mean()))


def _parts(lines: Sequence[Mapping[str, Any]]) -> tuple[Floats, Floats] | None:
    """Values of the stage's term in both parts; None where these are too few."""
    for term in TERMS:
        known = [(m["step"] / lines[-1]["step"], m[term]) for m in lines if m.get(term) is not None]
        before, last = (_within(known, *part) for part in (BEFORE, AT_LAST))
        if min(len(before), len(last)) >= LEAST:
            return before, last
    return None


def _within(known: Sequence[tuple[float, float]], low: float, high: float) -> Floats:
    return np.array([value for at, value in known if low < at <= high], np.float64)
