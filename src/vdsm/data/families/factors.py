"""What varies in a family: values, ranges, turns; how each is drawn, labelled, mistaken."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vdsm.data.clips import Floats, Ints, Role

Params = Mapping[str, Floats]  # factor -> [N], one value a clip
BINS = 6  # labels of a factor that has a range


@dataclass(frozen=True)
class Varies:
    """One factor: of who (role identity) or of what they do (action).

    A choice has `values`. A range goes from `low` to `high`; a `turn` closes on itself there.
    `step` is what a value is told apart by: right is what is nearer to the truth than to values a
    step away. A factor without values and step is never mistaken, as the seed of a shake.
    """

    name: str
    role: Role
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    step: float = 0.0
    turn: bool = False

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """[count] values."""
        if self.values:
            return rng.integers(len(self.values), size=count).astype(np.float64)
        return rng.uniform(self.low, self.high, count)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the labels: the values, or equal parts of the range."""
        if self.values:
            return self.values
        edges = np.linspace(self.low, self.high, BINS + 1)
        return tuple(f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges))

    def label(self, value: Floats) -> Ints:
        """[N] indices into `names`."""
        if self.values:
            return value.astype(np.int64)
        share = (value - self.low) / (self.high - self.low)
        return np.clip((share * BINS).astype(np.int64), 0, BINS - 1)

    def mistaken(self, value: float) -> Floats:
        """Other values, one of which a wrong clip shows instead of this one."""
        if self.values:
            others = np.arange(len(self.values), dtype=np.float64)
            return np.asarray(others[others != value])
        if not self.step:
            return np.empty(0)
        if self.turn:
            turn = self.high - self.low
            count = max(round(turn / self.step), 2)
            return self.low + (value - self.low + turn * np.arange(1, count) / count) % turn
        return value + self.step * np.array([-2.0, -1.0, 1.0, 2.0])
