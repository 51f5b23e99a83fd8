"""Codes of clips that the user names, written to a file."""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from vdsm.data import open_clips
from vdsm.data.clips import Clips, is_dataset
from vdsm.data.drawn import shown
from vdsm.errors import InputError
from vdsm.files import check_writable
from vdsm.protocol import Encodes
from vdsm.store.named import FOR_ALL, clips_at, load_model, require, trained_window
from vdsm.store.shipped import example
from vdsm.store.trained import require_fit
from vdsm.tasks import Where, in_turn, results
from vdsm.use.codes import write_codes
from vdsm.use.encode import Encoded, OfDataset, OfVideos, Video
from vdsm.words import counted

ON_CPU = ("auto", "cpu")


def embed(
    name: str, place: str, out: Path, window: int | None, device: str, ray: str | None = None
) -> None:
    """Write codes of one clip, of the videos in a folder, or of a dataset; see `write_codes`.

    ray: address of a Ray cluster whose hosts encode, on their CPUs; None for this process.
    """
    check_writable(out, ".npz", ".parquet", inputs=(place,))
    if ray is not None and device not in ON_CPU:
        raise InputError(f"--device {device}: with --ray codes are computed on CPUs, leave it out")
    model, folder = load_model(name, device if ray is None else "cpu")
    require(model, Encodes)
    frames = trained_window(folder, window)
    place = example(place, folder)
    clips = open_clips(place) if is_dataset(Path(place)) else None
    told = Told(place)
    with closing(begun(model, place, frames, clips, ray)) as found:
        write_codes(out, told.of(found), clips)
    seen = f"; of {told.cut} the first {counted(frames, 'frame')} {FOR_ALL}" if told.cut else ""
    print(f"{out}: codes of {counted(told.clips, 'clip')}{seen}")
    for problem in told.problems:
        print(f"left out: {problem}", file=sys.stderr)


def begun(
    model: Any, place: str, frames: int, clips: Clips | None, ray: str | None
) -> Generator[Encoded, None, None]:
    """What the tasks give, in turn."""
    function: Any
    jobs: Sequence[Any]
    if clips is None:
        function = OfVideos(model, frames)
        jobs = [Video(i, name) for i, name in enumerate(clips_at(place))]
    else:
        require_fit(clips, model.config)
        function = OfDataset(model, frames, str(Path(place).resolve()))
        jobs = range(-(-len(clips) // function.stretch))
    found = done(function, jobs, function.crashed, ray)
    yield from in_turn(shown(found, len(jobs), 0, "encoding"), lambda one: one.number)


def done(
    function: Callable[[Any], Encoded],
    jobs: Sequence[Any],
    crashed: Callable[[Any], Encoded],
    ray: str | None,
) -> Iterator[Encoded]:
    """The tasks, in this process or on a cluster."""
    if ray is None:
        yield from map(function, jobs)
    else:
        with closing(results(function, jobs, Where(ray=ray), crashed)) as found:
            yield from found


class Told:
    """What there is to say of the codes that have passed."""

    def __init__(self, place: str) -> None:
        self.place, self.clips, self.cut = place, 0, 0
        self.problems: list[str] = []

    def of(self, found: Iterator[Encoded]) -> Iterator[Encoded]:
        """The same; InputError at the end, if no clip could be read."""
        for one in found:
            self.clips += len(one.names)
            self.cut += one.cut
            self.problems += [one.problem] if one.problem else []
            yield one
        if not self.clips:
            first, *others = self.problems
            many = f"none of {len(self.problems)} clips in {self.place} can be read; the first: "
            raise InputError(many + first if others else first)
