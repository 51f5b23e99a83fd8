"""Figures of a result as they are printed: with what is known of their spread."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from vdsm.evaluate.result import flatten

NONE = "–"


class Readings:
    """Looks up the figures of a result, printed with what is known of their spread."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.values = flatten(result)
        self.intervals = result.get("intervals", {})
        self.counts = result.get("counts", {})
        self.sd = result.get("sd", {})

    def value(self, key: str) -> float | None:
        """The bare figure."""
        return self.values.get(key)

    def percent(self, key: str) -> str:
        """98.7 [97.9, 99.3], or 98.7 ± 0.4 over runs."""
        return self._print(key, 100, 1)

    def number(self, key: str, digits: int = 3) -> str:
        """The same without the factor of 100."""
        return self._print(key, 1, digits)

    def _print(self, key: str, factor: float, digits: int) -> str:
        value = self.values.get(key)
        if value is None:
            return NONE
        shown = f"{factor * value:.{digits}f}"
        interval = self.intervals.get(key)
        if key in self.sd:
            shown += f" ± {factor * self.sd[key]:.{digits}f}"
        elif interval and None not in interval:
            low, high = (f"{factor * bound:.{digits}f}" for bound in interval)
            shown += f" [{low}, {high}]"
        return shown

    def better(self, code: str, factor: str, prefix: str = "leakage") -> str:
        """The key of the accuracy of the probe that reads more of a factor from a code."""
        keys = [f"{prefix}.{code}.{factor}.{probe}.accuracy" for probe in ("mlp", "linear")]
        return max(keys, key=lambda key: self.value(key) or 0)

    def motion(self) -> str:
        """The code that goes with the action: d, or z of a model that has no d."""
        codes = self.children("leakage") or self.children("sizes")
        return "d" if "d" in codes or "z" not in codes else "z"

    def children(self, prefix: str) -> list[str]:
        """Names that follow a prefix, in order."""
        start = prefix + "."
        names = (key[len(start) :].split(".")[0] for key in self.values if key.startswith(start))
        return list(dict.fromkeys(names))


def table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def plain(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def bare(figures: Readings, key: str) -> str:
    value = figures.value(key)
    return NONE if value is None else f"{100 * value:.1f}"
