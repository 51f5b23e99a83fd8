"""One palette of 256 colours for a clip, found fast, and its frames as indices of it."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from vdsm.video.limits import Frames

COLOURS = 256
LEARNED = 3_600  # pixels, drawn at random, that a palette is learned from
MOVES = (0, 64, 32, 16, 8, 0)  # centres that change place in each step of k-means
Packed = npt.NDArray[np.uint32]  # red, green, blue in one number
Points = npt.NDArray[np.float32]
Counts = npt.NDArray[np.intp]


def indexed(images: Frames) -> tuple[list[Image.Image], bytes]:
    """Frames [T, H, W, 3] as indices, and their palette; exact where there are no more colours."""
    packed: Packed = images.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    drawn = np.random.default_rng(0).integers(packed.size, size=LEARNED)
    seen, counts = np.unique(packed.reshape(-1)[drawn], return_counts=True)
    if len(seen) <= COLOURS:
        colours = np.unique(packed)
        if len(colours) <= COLOURS:
            return _exact(packed, colours)
    return _dithered(images, _parts(seen), counts)


def _parts(packed: Packed) -> Frames:
    return np.stack([packed >> 16, packed >> 8, packed], 1).astype(np.uint8)


def _exact(packed: Packed, colours: Packed) -> tuple[list[Image.Image], bytes]:
    palette = _parts(colours).tobytes().ljust(3 * COLOURS, b"\0")
    frames = [Image.fromarray(i) for i in np.searchsorted(colours, packed).astype(np.uint8)]
    for frame in frames:
        frame.putpalette(palette)
    return frames, palette


def _dithered(images: Frames, seen: Frames, counts: Counts) -> tuple[list[Image.Image], bytes]:
    base = Image.new("P", (1, 1))
    palette = _learned(seen, counts).tobytes()
    base.putpalette(palette)
    dither = Image.Dither.FLOYDSTEINBERG
    return [Image.fromarray(i).quantize(palette=base, dither=dither) for i in images], palette


def _learned(seen: Frames, counts: Counts) -> Frames:
    """uint8 [256, 3]: k-means of colours [N, 3] seen so often, from the colours of an octree."""
    sample = np.repeat(seen, counts, 0)[None]
    start = Image.fromarray(sample).quantize(COLOURS, Image.Quantize.FASTOCTREE)
    found = np.array(start.getpalette(), np.float32).reshape(-1, 3)[:COLOURS]
    points = np.column_stack([seen.astype(np.float32), np.ones(len(seen), np.float32)])
    centres = np.resize(points[:, :3], (COLOURS, 3))
    centres[: len(found)] = found
    for moves in MOVES:
        centres = _moved(centres, points, counts, moves)
    whole: Frames = np.rint(centres).astype(np.uint8)
    return whole


def _moved(centres: Points, points: Points, counts: Counts, moves: int) -> Points:
    """One step of k-means, after which the least useful centres go to the worst served points.

    points: [N, 4], the last column of ones. |p - c|^2 is least where 2 p c - |c|^2 is greatest.
    """
    lines = np.column_stack([2 * centres, -(centres**2).sum(1)])
    nearness = points @ lines.T
    nearest = nearness.argmax(1)
    sums = np.stack([np.bincount(nearest, counts * part, COLOURS) for part in points.T], 1)
    moved = (sums[:, :3] / np.maximum(sums[:, 3:], 1)).astype(np.float32)
    moves = min(max(moves, int(np.count_nonzero(sums[:, 3] == 0))), len(points) - 1)
    if moves:
        distance = (points[:, :3] ** 2).sum(1) - nearness[np.arange(len(points)), nearest]
        idle = np.bincount(nearest, counts * distance, COLOURS).argsort()[:moves]
        moved[idle] = points[np.argpartition(-distance, moves)[:moves], :3]
    return moved
