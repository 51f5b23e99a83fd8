"""What a clip looks like, with time and place scrambled: how much of it has which colour.

The square root of a histogram of colours (Hellinger's distance between looks) survives that pixels
and frames change places, and says nothing of where something stands or what it does.
"""

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Clips, Frames, Ints

Looks = npt.NDArray[np.float32]
LEVELS = {1: 32, 3: 8}  # of every channel
MOST_FRAMES = 8  # of a clip, evenly spaced
TINY = 1e-6  # a length that is none


def looks_of(clips: Clips, chosen: Ints) -> Looks:
    """[N, K] of those clips, a clip at a time."""
    return np.stack([look(some_frames(clips, int(clip))) for clip in chosen])


def without_commonest(looks: Looks) -> Looks:
    """[N, K] the same without the colour that clips have most of, often the ground's.

    So how much of a frame somebody fills does not count.
    """
    rest = looks.copy()
    rest[:, (looks**2).mean(0).argmax()] = 0
    length = np.linalg.norm(rest, axis=1, keepdims=True)
    return np.asarray(rest / np.maximum(length, TINY), np.float32)


def some_frames(clips: Clips, clip: int, most: int = MOST_FRAMES) -> Frames:
    """uint8 [T, H, W, C]: at most so many from all over a clip."""
    whole = clips.whole(clip)
    places = np.linspace(0, len(whole) - 1, min(len(whole), most)).round().astype(int)
    return np.asarray(whole[places])


def look(frames: Frames) -> npt.NDArray[np.float32]:
    """[K] of one clip, of length 1: square roots of the shares of its colours.

    A value counts for the two levels next to it, by nearness, or looks would jump at the bounds.
    """
    channels = frames.shape[-1]
    levels = LEVELS[channels]
    at = frames.reshape(-1, channels).astype(np.float32) * ((levels - 1) / 255)
    low = np.minimum(at.astype(np.int64), levels - 2)
    part = at - low
    counts = np.zeros(levels**channels)
    for corner in np.ndindex(*(2,) * channels):
        index = np.zeros(len(at), np.int64)
        weight = np.ones(len(at), np.float32)
        for channel, up in enumerate(corner):
            index = index * levels + low[:, channel] + up
            weight *= part[:, channel] if up else 1 - part[:, channel]
        counts += np.bincount(index, weight, len(counts))
    return np.sqrt(counts / len(at)).astype(np.float32)
