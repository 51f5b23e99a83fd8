"""Videos and pictures in and out: any file or folder of frames to uint8 arrays, and back.

Frames are uint8 RGB [H, W, 3]; clips are uint8 [T, H, W, C] with C of 1 or 3.
"""

from vdsm.video.clock import resample
from vdsm.video.limits import MAX_PIXELS
from vdsm.video.order import in_order, natural_key
from vdsm.video.shape import Fit, parse_crop
from vdsm.video.source import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    beginning,
    frames,
    read_video,
    timed_frames,
)
from vdsm.video.tile import grid, strips
from vdsm.video.write import CLIP_SUFFIXES, write_clips, write_picture

__all__ = [
    "CLIP_SUFFIXES",
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "VIDEO_SUFFIXES",
    "Fit",
    "beginning",
    "frames",
    "grid",
    "in_order",
    "natural_key",
    "parse_crop",
    "read_video",
    "resample",
    "strips",
    "timed_frames",
    "write_clips",
    "write_picture",
]
