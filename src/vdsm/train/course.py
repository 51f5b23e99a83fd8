"""How far a stage has come: by its steps, by the clock where there is a budget, and when it ends.

Schedules and learning rates are functions of progress in [0, 1], so a stage that is to end earlier
than its steps say runs through all of them faster and ends annealed. Progress is what steps say or
what the clock says, whichever is more.

    progress = p + (1 - p) max((step - s) / (end - s), (seconds - t) / left)

from an anchor (s, t, p), which is (0, 0, 0) at a stage's start. What a stage may take of a budget
of minutes is its share of the work that is left, by frames that it reads. Without a budget all of
this is a function of the steps taken, and resuming is exact. With one, a resumed run has what is
left of its minutes, of training alone; its steps are other ones than without the interruption.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from vdsm.train.stage import Stage

KEPT_BACK = 0.05  # of the minutes, for what is fitted last and for the verdict
SMALL_WORK = 0.1  # of a frame of a stage of small layers, beside one of a stage that draws
ENDING = 0.25  # of the steps taken, in which a stage that learns no more is annealed


@dataclass
class Course:
    """Where in its schedules a training is; a checkpoint holds exactly this."""

    taken: list[int] = field(default_factory=list)  # steps of the stages before
    end: int = 0  # step that the stage ends with; 0: it has not begun
    anchor_step: int = 0
    anchor_seconds: float = 0.0
    anchor: float = 0.0  # progress there
    left: float = math.inf  # seconds from the anchor on, of a budget
    best: float = -math.inf  # bound on clips for validation
    best_step: int = 0
    judged: bool = False  # whether the stage was asked if it learns anything
    gave_up: bool = False  # as it learns nothing

    def begin(self, steps: int) -> None:
        """A stage of so many steps."""
        self.__dict__.update(asdict(Course(self.taken, steps)))

    def complete(self, steps: int) -> None:
        """Its end, after so many steps."""
        self.taken, self.end = [*self.taken, steps], 0

    def progress(self, step: int, seconds: float) -> float:
        """In [0, 1]."""
        by_steps = (step - self.anchor_step) / max(self.end - self.anchor_step, 1)
        by_clock = (seconds - self.anchor_seconds) / self.left if self.left > 0 else 1.0
        return min(1.0, self.anchor + (1 - self.anchor) * max(by_steps, by_clock))

    def over(self, step: int, seconds: float) -> bool:
        """Whether the stage has come to its end; every stage takes one step, if it has any."""
        late = seconds - self.anchor_seconds >= self.left
        return self.gave_up or step >= self.end or (late and step > 0)

    def expected(self, step: int, seconds: float) -> int:
        """At which step the stage will end, at the pace that it has had since the anchor."""
        if self.left == math.inf:
            return self.end
        if self.over(step, seconds):
            return step
        part = (self.progress(step, seconds) - self.anchor) / max(1 - self.anchor, 1e-9)
        more = (step - self.anchor_step) / part if part > 0 else math.inf
        return int(max(step + 1, min(self.end, self.anchor_step + more)))

    def anchor_at(self, step: int, seconds: float) -> None:
        """From here on at another pace."""
        self.anchor = self.progress(step, seconds)
        self.anchor_step = step
        if self.left < math.inf:  # else no second matters
            self.left -= seconds - self.anchor_seconds
            self.anchor_seconds = seconds

    def budget(
        self, minutes: float, plan: Sequence[Stage], stage: int, at: tuple[int, float]
    ) -> None:
        """Share what is left of the minutes between this stage and those after it.

        at: step and seconds of training so far.
        """
        self.anchor_at(*at)
        self.anchor_seconds = at[1]
        here = work(plan[stage]) * (1 - self.anchor)
        later = sum(work(one) for one in plan[stage + 1 :])
        left = 60 * minutes * (1 - KEPT_BACK) - at[1]
        self.left = max(left, 0.0) * here / max(here + later, 1e-9)

    def bound(self, value: float, step: int) -> None:
        """Remember the best bound on clips held out."""
        if value > self.best:
            self.best, self.best_step = value, step

    def anneal(self, step: int, seconds: float) -> bool:
        """Let the stage end soon, annealed; False where it does so anyway."""
        end = step + max(1, round(ENDING * step))
        if end >= self.end:
            return False
        self.anchor_at(step, seconds)
        self.end = end
        return True

    def dump(self) -> dict[str, Any]:
        """As a checkpoint holds it."""
        return asdict(self)


def work(stage: Stage) -> float:
    """Frames that a stage reads, by what one costs, about."""
    frames = stage.settings.steps * stage.settings.batch * stage.frames
    return frames * (SMALL_WORK if stage.small else 1.0)
