"""Drawn clips for a page, as one picture of tiles, and for its user, as GIF or MP4."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from vdsm.video import grid
from vdsm.video.limits import Frames
from vdsm.video.write import gif_bytes, mp4_bytes

WIDTH = 2048  # pixels, at most: every browser draws pictures so wide
Format = Literal["gif", "mp4"]
TYPES: dict[Format, str] = {"gif": "image/gif", "mp4": "video/mp4"}


@dataclass(frozen=True)
class Sheet:
    """Tiles in reading order: clip after clip, frame after frame."""

    content: bytes  # PNG
    clips: int
    frames: int  # of each
    columns: int
    size: int  # side of a tile, pixels

    def layout(self) -> dict[str, int]:
        """What one needs to find a tile."""
        return {n: getattr(self, n) for n in ("clips", "frames", "columns", "size")}


def sheet(clips: Frames) -> Sheet:
    """Of clips uint8 [N, T, H, W, C]."""
    n, frames, size = clips.shape[:3]
    columns = min(n * frames, max(1, WIDTH // size))
    tiles = grid(clips.reshape(-1, *clips.shape[2:]), columns, gap=0)
    buffer = io.BytesIO()
    image = Image.fromarray(tiles[..., 0] if tiles.shape[-1] == 1 else tiles)
    image.save(buffer, "PNG", compress_level=1)
    return Sheet(buffer.getvalue(), n, frames, columns, size)


def movie(clips: Frames, columns: int, scale: int, fps: float, kind: Format) -> bytes:
    """Clips uint8 [N, T, H, W, C] side by side in so many columns, as one file that plays."""
    tiled = grid(clips, columns, gap=2 if len(clips) > 1 else 0, scale=scale)
    coloured = np.broadcast_to(tiled, (*tiled.shape[:3], 3))
    return gif_bytes(coloured, fps) if kind == "gif" else mp4_bytes(coloured, fps)
