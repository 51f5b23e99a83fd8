"""Evaluation of anyone's video model, from arrays: `panel` and what it takes and gives."""

from vdsm.evaluate.panel import panel
from vdsm.evaluate.settings import Settings

__all__ = ["Settings", "panel"]
