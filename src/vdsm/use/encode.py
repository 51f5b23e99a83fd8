"""Codes of clips as tasks: a stretch of a dataset's clips each, or a video each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.device import as_video
from vdsm.errors import InputError
from vdsm.notation import Codes
from vdsm.protocol import device_of
from vdsm.store.named import batch_of_one, load_clip

STRETCH = 256  # clips of a dataset that one task encodes
CHUNK = 32  # of which go through the model at once
Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Encoded:
    """What a task gives: codes of clips that follow one another, or why a video has none."""

    number: int  # of the task
    names: Sequence[str] = ()
    length: Sequence[int] = ()  # frames of each clip
    s: Numbers = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # [clips, κ_s]
    d: Numbers = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # [clips, κ_d]
    z: Numbers = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # [Σ length, κ_z]
    cut: int = 0  # clips of which not all frames were seen
    problem: str = ""


@dataclass(frozen=True)
class Video:
    """The job of a video."""

    number: int
    name: str


@dataclass(frozen=True)
class OfVideos:
    """Encodes videos, each by itself."""

    model: Any
    window: int

    def __call__(self, job: Video) -> Encoded:
        """A video that cannot be read is a problem, not an error."""
        try:
            clip = load_clip(job.name, self.model, self.window)
        except InputError as error:
            return Encoded(job.number, problem=str(error))
        codes = self.model.encode(batch_of_one(clip.frames, self.model))
        return encoded(job.number, [job.name], [codes], int(clip.cut != ""))

    @staticmethod
    def crashed(job: Video) -> Encoded:
        """What is said of a video that ends the process which reads it."""
        return Encoded(job.number, problem=f"{job.name} makes the decoder crash: encode it again")


@dataclass(frozen=True)
class OfDataset:
    """Encodes stretches of a dataset; clips of one length go through the model together."""

    model: Any
    window: int
    place: str
    stretch: int = STRETCH  # clips of a task

    def __call__(self, number: int) -> Encoded:
        """Of the clips from `number` stretches on."""
        clips = opened(self.place)
        chosen = np.arange(number * self.stretch, min((number + 1) * self.stretch, len(clips)))
        length = clips.table.length[chosen]
        cut = int((length > self.window).sum()) if self.window else 0
        names = [str(clip) for clip in chosen]
        codes = list(encode_stored(self.model, clips, chosen, self.window))
        return encoded(number, names, codes, cut)

    def crashed(self, number: int) -> Encoded:
        """No clip of a dataset is at fault."""
        raise InputError(
            f"processes that encode clips {number * self.stretch} and on are killed, often for want"
            " of memory: give Ray's hosts more"
        )


@lru_cache(maxsize=1)
def opened(place: str) -> Clips:
    """A dataset, opened once a process."""
    return open_clips(place)


def encode_stored(
    model: Any, clips: Clips, chosen: npt.NDArray[np.int64], window: int
) -> Iterator[Codes]:
    """Codes of each of the chosen clips of a dataset, of their first `window` frames (0: all)."""
    lengths = np.minimum(clips.table.length[chosen], window or clips.table.length.max())
    codes: dict[int, Codes] = {}
    for length in np.unique(lengths):
        alike = chosen[lengths == length]
        for some in np.array_split(alike, -(-len(alike) // CHUNK)):
            frames = clips.batch(some, np.zeros_like(some), int(length))
            found = model.encode(as_video(frames, device_of(model)))
            codes |= {int(clip): found[i] for i, clip in enumerate(some)}
    yield from (codes[int(clip)] for clip in chosen)


def encoded(number: int, names: list[str], codes: list[Codes], cut: int) -> Encoded:
    """Codes [1, ...] of each clip, as arrays."""

    def joined(parts: list[Any]) -> Numbers:
        return np.concatenate([part.float().cpu().numpy() for part in parts])

    length = [c.z.shape[1] for c in codes]
    s, d = joined([c.s for c in codes]), joined([c.d for c in codes])
    return Encoded(number, names, length, s, d, joined([c.z[0] for c in codes]), cut)
