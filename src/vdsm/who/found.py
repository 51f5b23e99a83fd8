"""Who was found to be who."""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats, Ints


@dataclass(frozen=True)
class Found:
    """Who was found to be who."""

    individual: Ints  # [N] numbers of individuals, 0 up
    sure: Floats  # [N] 0 to 1: another clip shows them
    covered: float = 0.0  # share of clips that have another of the same individual
    gap: float = 0.0  # to the nearest stranger, in largest steps within; the median individual's

    @property
    def anybody(self) -> bool:
        """Whether anybody appears twice."""
        return self.covered > 0

    def __str__(self) -> str:
        people = len(np.unique(self.individual))
        if not self.anybody:
            return f"{people:,} clips, nobody found twice: each is an individual of its own"
        if people == 1:
            return f"{len(self.individual):,} clips that look alike: of one individual"
        return (
            f"{people:,} individuals found in {len(self.individual):,} clips: "
            f"{100 * self.covered:.0f} % of the clips have another of the same, and strangers are "
            f"{self.gap:.1f} times as far as these"
        )
