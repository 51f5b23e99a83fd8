"""Evaluation of anyone's video model, from arrays: `panel`, what it takes, and its tables."""

from vdsm.evaluate.bar import progress_bar
from vdsm.evaluate.i3d import load_i3d
from vdsm.evaluate.moments import Features
from vdsm.evaluate.over_seeds import aggregate
from vdsm.evaluate.panel import panel
from vdsm.evaluate.resnext import load_resnext101
from vdsm.evaluate.sample import Sample, draw_sample, unseen_pairs
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.shortcomings import shortcomings
from vdsm.evaluate.table import print_report, report

__all__ = [
    "Features",
    "Sample",
    "Settings",
    "aggregate",
    "draw_sample",
    "load_i3d",
    "load_resnext101",
    "panel",
    "print_report",
    "progress_bar",
    "report",
    "shortcomings",
    "unseen_pairs",
]
