"""Letters for labels in pictures; matplotlib brings them."""

from pathlib import Path

import matplotlib
from PIL import ImageFont


def font(height: int) -> ImageFont.FreeTypeFont:
    """The font of all labels, in letters of so many pixels."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), height)
