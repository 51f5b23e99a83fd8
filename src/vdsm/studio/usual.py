"""How files are read where nobody says otherwise: as the clips of the dataset were.

A model knows what it has seen: the same crop, as many frames a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, get_args

from vdsm.data.crop.face import INSTALL, PACKAGE
from vdsm.data.folder.options import MARGINS
from vdsm.errors import InputError
from vdsm.studio.reading import Crop

MARGIN = 0.1  # around the subject, of kinds that MARGINS does not name
OTHER = "subject"  # in the place of crops that no dropped file can have


@dataclass(frozen=True)
class Usual:
    """How files are read where nobody says otherwise."""

    crop: Crop = "centre"
    margin: float | None = None  # None: the usual one of the crop
    fps: float | None = None
    note: str = ""  # why that is not how the dataset was made

    def room(self, crop: Crop) -> float:
        """The margin around what is cropped so."""
        given = self.margin if crop == self.crop else None
        return MARGINS.get(crop, MARGIN) if given is None else given


def usual(asked: Crop | None, made: Mapping[str, Any]) -> Usual:
    """By what is asked for, else as a dataset was made. InputError where that cannot be done."""
    options = made.get("options") if made.get("maker") == "folder" else None
    told: Mapping[str, Any] = options if isinstance(options, Mapping) else {}
    fps, margin = (told.get(n) if number(told.get(n)) else None for n in ("fps", "margin"))
    crop, note = str(told.get("crop", "centre")), ""
    if told.get("boxes") or crop not in get_args(Crop):
        found = "boxes of their own" if told.get("boxes") else f"--crop {crop}"
        note = f"the clips were cropped by {found}; what is dropped is cropped to what moves"
        crop = OTHER
    if asked is not None and asked != crop:
        crop, margin, note = asked, None, ""
    if crop == "face" and asked is None and not faces_found():
        note = "the clips were cropped to faces; to do so with what is dropped install vdsm[face]"
        crop = OTHER
    require(crop)
    return Usual(crop, margin, fps, note)  # type: ignore[arg-type]


def number(value: object) -> bool:
    """Whether it is one, above 0 or 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def faces_found() -> bool:
    """Whether what finds faces is installed."""
    return find_spec("ai_edge_litert") is not None and find_spec(PACKAGE) is not None


def crops() -> list[str]:
    """Those that can be chosen here."""
    return [crop for crop in get_args(Crop) if crop != "face" or faces_found()]


def require(crop: str) -> None:
    """InputError, which says what to install, where faces cannot be found."""
    if crop == "face" and not faces_found():
        raise InputError(f"--crop face: {INSTALL}")
