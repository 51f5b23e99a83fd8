"""What looks at a frame for a subject: a detector of faces, or of whatever a file was made for."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from vdsm.data.crop.asked import Spots
from vdsm.video.limits import Frames

Look = Callable[[Frames], Spots]


@lru_cache(maxsize=1)  # a process looks at many clips
def look_with(by: str, detector: Path | None, label: int) -> Look | None:
    """What finds the subject in a frame; None where motion or boxes do.

    InputError, in one line, where what it needs is not there.
    """
    if by == "face":
        from vdsm.data.crop.face import faces

        return faces()
    if by == "person":
        from vdsm.data.crop.detector import open_detector

        assert detector is not None
        return open_detector(detector, label)
    return None
