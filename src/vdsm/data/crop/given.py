"""Boxes of a clip that somebody else has made."""

from dataclasses import dataclass

import numpy as np

from vdsm.data.clips import Floats, Ints
from vdsm.data.crop.remarks import Remark
from vdsm.data.crop.square import Size
from vdsm.video.limits import BeyondPicture
from vdsm.words import counted

BEYOND = 0.25  # of its side: how far a box may reach out of the picture


@dataclass(frozen=True)
class Given:
    """Boxes of one clip, and where they stand."""

    where: str  # the file
    boxes: Floats  # [F, 4] left, top, right, bottom of each frame, NaN for none; [1, 4] of all
    rows: Ints  # [F] where each stands
    per_frame: bool
    dense: bool = True  # a row for each frame; else frames are named, and some may lack
    several: bool = False  # of several tracks this is the largest

    def of(self, numbers: Ints, size: Size, *, whole: bool) -> tuple[Floats, tuple[Remark, ...]]:
        """The boxes [T, 4] of the frames of these numbers in the file, or [1, 4] of all.

        whole: these are all frames of the file. BeyondPicture for boxes of another clip.
        """
        remarks = (Remark.OTHERS,) if self.several else ()
        if not self.per_frame:
            self._check(self.boxes, self.rows, size)
            return self.boxes, remarks
        frames = int(numbers.max()) + 1
        numbers = numbers + self._first(frames, whole)
        wrong = len(self.boxes) != frames if whole and self.dense else len(self.boxes) < frames
        if not self.dense:
            wrong = whole and len(self.boxes) > frames + self._first(frames, whole)
        if wrong:
            raise BeyondPicture(
                f"{self.where} has boxes of {counted(len(self.boxes), 'frame')}, but the clip has"
                f" {'' if whole else 'at least '}{frames:,}: make them of this very file"
            )
        taken = numbers[numbers < len(self.boxes)]
        boxes = np.full((len(numbers), 4), np.nan)
        boxes[: len(taken)] = self.boxes[taken]
        self._check(boxes[: len(taken)], self.rows[taken], size)
        return boxes, remarks

    def _first(self, frames: int, whole: bool) -> int:
        """The number of the first frame where frames are named: 1 if that alone makes them fit."""
        from_one = len(self.boxes) == frames + 1 and self.rows[0] == 0
        return int(whole and not self.dense and from_one)

    def _check(self, boxes: Floats, rows: Ints, size: Size) -> None:
        """Refuse a box that reaches far beyond the picture."""
        side = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        out = np.concatenate([-boxes[:, :2], boxes[:, 2:] - np.array(size)], 1)
        far = np.flatnonzero((out > BEYOND * side + 1).any(1))
        if len(far):
            left, top, right, bottom = boxes[far[0]]
            raise BeyondPicture(
                f"{self.where}, row {rows[far[0]]}: a box from {left:g},{top:g} to"
                f" {right:g},{bottom:g} reaches beyond a picture of {size[0]} x {size[1]} pixels:"
                " was it made of a video of another size?"
            )
