"""Whether a stage is to end before its steps: it learns no more, or nothing at all."""

from collections.abc import Callable

from vdsm.train.course import Course
from vdsm.train.held_out import CHECKS, LEAST_STEPS, HeldOut
from vdsm.train.processes import Processes
from vdsm.train.stage import Source, Stage

HELD_OUT, GAVE_UP = "held_out", "gave_up"  # in metrics: the bound; 1 where training ended


class Ends:
    """Asks clips held out, at the steps at which that is due; the first process alone has them."""

    def __init__(
        self,
        held: HeldOut | None,
        source: Source,
        stage: Stage,
        tell: Callable[[str], None],
        processes: Processes,
    ) -> None:
        self.held, self.source, self.stage = held, source, stage
        self.tell, self.processes = tell, processes
        self.any = processes.once(lambda: held is not None)
        self.patience = stage.settings.patience * stage.settings.steps
        self.every = max(1, stage.settings.steps // CHECKS)

    def ask(self, course: Course, step: int, seconds: float) -> dict[str, float]:
        """What was found of clips held out, as metrics have it; the course may end sooner by it."""
        found: dict[str, float] = {}
        if not self.any:
            return found
        if self.patience and step % self.every == 0:
            found[HELD_OUT] = bound = self.processes.once(self._bound)
            course.bound(bound, step)
            if step - course.best_step >= self.patience and course.anneal(step, seconds):
                self._say(
                    f"{self.stage.name} step {step}: clips for validation have been told no better "
                    f"since step {course.best_step}; it anneals and ends at step {course.end}"
                )
        if self._due(course, step, seconds) and self.processes.once(self._nothing):
            found[GAVE_UP], course.gave_up = 1.0, True
            self._say(
                f"{self.stage.name} step {step}: clips, for training and for validation, are drawn "
                "no better than by the average frame; training ends, as it learns nothing"
            )
        return found

    def _due(self, course: Course, step: int, seconds: float) -> bool:
        """Whether it is time to see if anything is learned; once in a stage.

        Not after a few steps, as many as a short budget of minutes may leave it.
        """
        s = self.stage.settings
        if course.judged or not s.give_up or self.stage.null is None or s.steps < LEAST_STEPS:
            return False
        course.judged = step >= LEAST_STEPS and course.progress(step, seconds) >= s.give_up
        return course.judged

    def _bound(self) -> float:
        assert self.held is not None
        return self.held.bound()

    def _nothing(self) -> bool:
        assert self.held is not None
        return max(self.held.gains(self.source)) <= 0

    def _say(self, text: str) -> None:
        if self.processes.first:
            self.tell(text)
