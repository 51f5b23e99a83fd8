"""Curves of training and of the schedules (Figs. 9, 10), as SVG that takes the page's colours."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from vdsm.train.stage import GAIN, Stage

INK = "#010203"  # stands for the page's text colour until the SVG is written
COLOURS = ("#3f87d0", "#e07b2e", "#3fa35f", "#a66bd0", "#c9a227")
MOST_POINTS = 400  # of a curve
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "axes.prop_cycle": cycler(color=COLOURS),
}
WEIGHTS = {"kl_z": "λ_z", "kl_s": "λ_s", "kl_d": "λ_d"}
VALUES = {"inverse_temperature": "1/τ_s", "swap_augment": "share redrawn"}
TITLES = {"stage1": "stage 1: frames (Fig. 9)", "stage2": "stage 2: sequences (Fig. 10)"}
CURVES: tuple[tuple[str, Mapping[str, str], bool], ...] = (
    ("log-likelihood, nats per sequence", {"log_likelihood": "log p(x | s, z)"}, False),
    ("contrast, nats per individual", {"contrast": "InfoNCE"}, True),
    ("poses, nats per sequence", {"log_pose": "log q(z | x) / p(z)"}, False),
    ("KL, nats per sequence", {"kl_z": "z", "kl_s": "s", "kl_d": "d"}, True),
    ("gradient norm", {"gradient_norm": "gradient norm"}, True),
    ("learning rate", {"lr": "learning rate"}, False),
)

OPTIONAL = (  # shown only where there is such a stage
    "contrast, nats per individual",
    "poses, nats per sequence",
)


def training_curves(metrics: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(title, SVG) of what metrics.jsonl holds: all stages one after the other."""
    with matplotlib.rc_context(STYLE):
        return [
            (title, _training_curve(metrics, title, names, log))
            for title, names, log in CURVES
            if title not in OPTIONAL or any(name in m for name in names for m in metrics)
        ]


def _training_curve(
    metrics: Sequence[Mapping[str, Any]], title: str, names: Mapping[str, str], log: bool
) -> str:
    figure = Figure((6.4, 2.6), layout="constrained")
    axes = figure.add_subplot()
    stage = np.array([m["stage"] for m in metrics])
    step = np.array([m["step"] for m in metrics], float)
    lengths = {m["stage"]: m["steps"] for m in metrics}
    for later in sorted(lengths)[1:]:
        begins = sum(steps for earlier, steps in lengths.items() if earlier < later)
        step[stage == later] += begins
        axes.axvline(begins, color=INK, lw=1, ls=":", alpha=0.6)
    for name, label in names.items():
        value = np.array([m.get(name, np.nan) for m in metrics], float)
        known = np.flatnonzero(np.isfinite(value))
        known = known[:: max(1, -(-len(known) // MOST_POINTS))]
        if len(known):
            axes.plot(step[known], value[known], lw=1.3, label=label)
    if log and axes.lines:
        axes.set_yscale("log")
    axes.set_xlabel("step; dotted lines are where the next stage begins" if axes.lines else "step")
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(ncols=len(names), loc="best")
    return to_svg(figure, title)


def schedule_curves(stages: Sequence[Stage]) -> list[tuple[str, str]]:
    """(title, SVG) of every stage whose schedules move: weights, and other values by name."""
    with matplotlib.rc_context(STYLE):
        return [
            (title, _schedule(stage, title))
            for stage in stages
            if stage.paint is not None and (title := TITLES.get(stage.name, stage.name))
        ]


def _schedule(stage: Stage, title: str) -> str:
    figure = Figure((6.4, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    progress = np.linspace(0, 1, 201)
    schedules = [stage.schedule(float(p)) for p in progress]
    costs = [name for name in schedules[0].weights if not name.startswith(GAIN)]
    for name in costs:
        weights = [s.weights[name] for s in schedules]
        left.plot(progress, weights, lw=1.5, label=WEIGHTS.get(name, name))
    if costs:
        left.set_yscale("log")
        left.legend()
    left.set_title("weight of each term", fontsize=10)
    for name in schedules[0].values:
        values = [s.values[name] for s in schedules]
        right.plot(progress, values, lw=1.5, label=VALUES.get(name, name))
    if schedules[0].values:
        right.legend()
    right.set_title("other values", fontsize=10)
    right.set_ylim(bottom=0)
    for axes in (left, right):
        _progress_axis(axes)
    return to_svg(figure, title)


def _progress_axis(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
    axes.set_xlabel("progress of the stage")


def to_svg(figure: Figure, name: str) -> str:
    """Inline SVG in the colours of the page, with ids of its own."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'(<g) id="[^"]*"', r"\1", svg)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    return svg.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
