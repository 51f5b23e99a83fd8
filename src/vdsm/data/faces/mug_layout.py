"""Faces in MUG's layouts."""

from pathlib import Path

from vdsm.data.faces.options import FacesOptions
from vdsm.data.faces.rig import Rig


def make_mug(out: Path, options: FacesOptions, rig: Rig) -> None:
    """To come."""
