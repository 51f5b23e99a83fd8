"""A metric: its formula and its measurement are one file, and this is what that file ends in.

    METRIC = Metric("swap", measure, ("labels", "s", "motion", "decode"))

`panel.py` lists them. What a metric needs and a model, or the data, cannot give stands in
`not_measured` under the metric's name, with one sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass

from vdsm.evaluate.context import Context
from vdsm.evaluate.result import Numbers, under


class NotMeasured(Exception):
    """Raised by a measurement that finds nothing to measure; its text says why."""


@dataclass(frozen=True)
class Metric:
    """One row or table of the panel."""

    name: str  # in `not_measured`
    measure: Callable[[Context], Numbers]  # figures by what follows `prefix`
    needs: tuple[str, ...] = ()  # as `Context.lacks` knows them
    prefix: str | None = None  # of the keys; the name by default

    def run(self, context: Context) -> None:
        """Add the figures to the context's, or say why there are none."""
        reason = context.lacks(*self.needs)
        try:
            if reason is not None:
                raise NotMeasured(reason)
            prefix = self.name if self.prefix is None else self.prefix
            context.numbers.update(under(prefix, self.measure(context)))
        except NotMeasured as why:
            context.not_measured[self.name] = str(why)
