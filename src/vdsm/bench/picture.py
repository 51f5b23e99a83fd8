"""Curves of several trainings in one picture: joint swaps right beside CPU time and clips seen."""

import io
from collections.abc import Sequence
from typing import Any

from vdsm.bench.curve import MARKS, Curve

SIZE = (9.0, 3.8)  # inches
DPI = 110
STYLE: Any = {"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
SIDES = (("cpu_seconds", "CPU seconds of training"), ("clips_seen", "clips seen"))


def drawn(curves: Sequence[Curve]) -> bytes:
    """PNG."""
    import matplotlib  # slow to import, and of this alone
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(SIZE, layout="constrained")
        sides = figure.subplots(1, 2, sharey=True)
        for axes, (cost, label) in zip(sides, SIDES, strict=True):
            side(axes, curves, cost, label)
        sides[0].set_ylabel("swaps right in all factors, %")
        sides[1].legend(loc="lower right")
        dataset, n = curves[0].dataset, curves[0].n
        figure.suptitle(f"{dataset}: {n} swaps of clips for validation", fontsize=10)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def side(axes: Any, curves: Sequence[Curve], cost: str, label: str) -> None:
    """The curves by one kind of cost; dotted lines where one is to be first."""
    for curve in curves:
        x = [getattr(point, cost) for point in curve.points]
        y = [100 * point.joint for point in curve.points]
        axes.plot(x, y, marker="o", markersize=3, linewidth=1.3, label=curve.label)
    for mark in MARKS:
        axes.axhline(mark, color="grey", linewidth=0.8, linestyle=":")
    axes.set_ylim(-2, 103)
    axes.set_xlabel(label)
