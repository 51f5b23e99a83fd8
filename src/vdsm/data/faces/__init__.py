"""`vdsm data faces`: made-up people with six expressions, drawn from the ICT face model."""

from typing import TYPE_CHECKING, Any

from vdsm.data.faces.options import FacesOptions

if TYPE_CHECKING:
    from vdsm.data.faces.dataset import make, most_clips
    from vdsm.data.faces.swap import render, render_swap

__all__ = ["FacesOptions", "make", "most_clips", "render", "render_swap"]

HOMES = {"make": "dataset", "most_clips": "dataset", "render": "swap", "render_swap": "swap"}


def __getattr__(name: str) -> Any:
    """Import what draws on first use: every command lists the datasets."""
    if name not in HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
