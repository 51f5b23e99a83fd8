"""Drawn data, drawn again: any person of a dataset in any frames of its takes, and the truth."""

from dataclasses import dataclass
from pathlib import Path

from vdsm.data import faces, people
from vdsm.data.clips import Clips, Frames, Info, Ints
from vdsm.data.truth import Truth, read_truth
from vdsm.errors import InputError

MAKERS = ("faces", "people")  # whose people can be drawn in each other's takes


@dataclass(frozen=True)
class Redrawn:
    """A dataset whose people can be drawn in each other's takes."""

    folder: Path
    maker: str  # one of `MAKERS`
    people: int  # how many there are; they are numbers from 0
    truth: Truth  # of every frame

    def draw(self, person: int, clip: int, frames: Ints) -> Frames:
        """uint8 [n, S, S, 3]: a person in n frames of what a clip shows.

        InputError for frames that the clip does not have.
        """
        poses = self.truth.of(clip)
        if len(frames) == 0 or not 0 <= frames.min() <= frames.max() < len(poses):
            asked = frames.tolist()
            raise InputError(f"clip {clip} has frames 0 to {len(poses) - 1}: it was asked {asked}")
        if self.maker == "faces":
            return faces.render(self.folder, person, poses[frames])
        return people.render(self.folder, person, clip, frames=frames)


def redrawn(clips: Clips) -> Redrawn:
    """InputError, in one line, where the clips of a dataset cannot be drawn again."""
    info = clips.info
    if clips.path is None or info.made.get("maker") not in MAKERS:
        raise InputError(f"only {' and '.join(MAKERS)} can be drawn again, not {info.name}")
    count = len(person_names(info))
    return Redrawn(clips.path, str(info.made["maker"]), count, read_truth(clips.path))


def person_names(info: Info) -> tuple[str, ...]:
    """Those of the factor `person`, in the order of their numbers."""
    return info.factor("person").values
