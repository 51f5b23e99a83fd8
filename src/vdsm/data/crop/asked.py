"""What is asked for crops, and what comes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Floats
from vdsm.data.crop.remarks import Remark
from vdsm.data.crop.square import Size
from vdsm.video.limits import Frames

SUBJECTS = ("subject", "face", "person")  # words of --crop that are looked for


@dataclass(frozen=True)
class Spots:
    """What may be the subject in one frame."""

    boxes: Floats  # [k, 4]
    weight: Floats  # [k] above 0


@dataclass(frozen=True)
class Asked:
    """How clips are to be cropped."""

    by: Literal["subject", "face", "person", "boxes"]
    follow: bool
    margin: float  # of the subject's size, on each side
    detector: Path | None = None
    label: int = 0  # number of the class that the detector is to find


@dataclass(frozen=True)
class Crop:
    """Where one clip is cropped."""

    size: Size
    squares: npt.NDArray[np.float32]  # [T, 3] left, top, side; [1, 3] of all frames
    remarks: tuple[Remark, ...]
    at: tuple[int, ...]  # which frames the pictures are
    pictures: Frames  # [n, h, w, 3] small whole frames

    def square(self, frame: int) -> tuple[float, float, float]:
        left, top, side = self.squares[min(frame, len(self.squares) - 1)]
        return float(left), float(top), float(side)
