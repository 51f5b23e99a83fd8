"""`vdsm data faces`: made-up people with six expressions, drawn from the ICT face model."""

from vdsm.data.faces.dataset import make, most_clips
from vdsm.data.faces.options import FacesOptions
from vdsm.data.faces.swap import render, render_swap

__all__ = ["FacesOptions", "make", "most_clips", "render", "render_swap"]
