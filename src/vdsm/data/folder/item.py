"""What the other files here speak of: a clip that is to be read, and a file that is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GROUP_NAMES = ("identity", "person", "group")  # labels that say whose clip it is


@dataclass(frozen=True)
class Cut:
    """The part of a video that a clip is: from `start` up to, and without, `end`."""

    start: float | None  # None: from its beginning
    end: float | None  # None: to its end
    unit: str  # s, or frames

    @property
    def suffix(self) -> str:
        """What the name of a video's part ends in."""
        return f" [{self}]"

    def __str__(self) -> str:
        start, end = ("" if at is None else f"{at:.10g}" for at in (self.start, self.end))
        return f"{start}-{end} {self.unit}"


@dataclass(frozen=True)
class Item:
    """A clip: a video file or a part of one, a strip, or pictures in a folder."""

    path: Path  # of the file, or of the folder that holds the pictures
    name: str  # relative to the source, with forward slashes; no two items have one
    group: str | None = None  # clips of one individual share it; None: a group of its own
    labels: Mapping[str, str] = field(default_factory=dict)  # "" or absent: unknown
    split: str | None = None  # one of `SPLITS` where a table or a folder says so
    cut: Cut | None = None
    pictures: tuple[str, ...] | None = None  # names in the folder `path`, in order; None: no such
    strip: bool = False  # a picture that holds its frames side by side

    @property
    def file(self) -> str:
        """The name without the cut: parts of one video share it."""
        return self.name.removesuffix(self.cut.suffix) if self.cut else self.name


@dataclass(frozen=True)
class Passed:
    """A file that is not read, and why."""

    path: Path
    reason: str  # as it stands in broken.csv
    kind: str = ""  # of several such files, in one line: 'jpg beside videos'; '': its suffix

    @property
    def short(self) -> str:
        suffix = self.path.suffix.lower().removeprefix(".")
        return self.kind or (suffix if suffix.isalnum() else "without suffix")


@dataclass(frozen=True)
class Found:
    """What a source holds."""

    items: list[Item]
    passed: list[Passed] = field(default_factory=list)
    said: Sequence[str] = ()  # what the user should know of how it was read, a line each
    lost: Sequence[str] = ()  # groups of which there are such files only
