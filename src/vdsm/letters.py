"""Letters for labels in pictures: matplotlib brings them, or the system, where it lacks some."""

from functools import cache
from pathlib import Path

from PIL import ImageFont


def font(height: int, text: str = "") -> ImageFont.FreeTypeFont:
    """The font of all labels, in letters of so many pixels; another if only that has the text."""
    return ImageFont.truetype(_with(text) or _usual(), height)


def legible(text: str) -> str:
    """The text as it is if some font has its letters, else with those lacking as \\uXXXX."""
    if _with(text):
        return text
    lacking = _needed(text) - _letters_of(_usual())
    escaped = (c.encode("unicode_escape").decode() if ord(c) in lacking else c for c in text)
    return "".join(escaped)


def _with(text: str) -> str | None:
    """The first font that has every letter."""
    if _needed(text) <= _letters_of(_usual()):
        return _usual()
    return next((path for path in _of_system() if _needed(text) <= _letters_of(path)), None)


def _needed(text: str) -> set[int]:
    return {ord(letter) for letter in text if not letter.isspace()}


@cache
def _usual() -> str:
    """The file of matplotlib's own font."""
    import matplotlib  # slow to import: only where there is something to label

    return str(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"))


@cache
def _of_system() -> list[str]:
    """Font files of the system, but for those that have a box for every letter there is."""
    from matplotlib.font_manager import findSystemFonts  # reads a list of fonts: only if needed

    return sorted(path for path in findSystemFonts() if "LastResort" not in path)


@cache
def _letters_of(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        ImageFont.truetype(path, 12)  # some hold pictures of one size, which it refuses
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
