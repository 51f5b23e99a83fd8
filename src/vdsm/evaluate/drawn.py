"""The truth of a drawn dataset's clips, as the panel takes it: true poses, and true swaps."""

import numpy as np

from vdsm.data.clips import Clips, Frames, Ints
from vdsm.data.redraw import MAKERS, redrawn
from vdsm.data.truth import FILE, read_truth
from vdsm.evaluate.inputs import Truth
from vdsm.evaluate.sample import Segments


def truth_of(clips: Clips, real: Segments) -> Truth | None:
    """Of the segments; None where the dataset stores no truth of its frames.

    InputError where what it stores is damaged.
    """
    if clips.path is None or not (clips.path / FILE).is_file():
        return None
    truth, frames = read_truth(clips.path), np.arange(real.shape[1])
    starts = zip(real.rows.tolist(), real.starts.tolist(), strict=True)
    poses = np.stack([truth.of(row)[start + frames] for row, start in starts])
    if clips.info.made.get("maker") not in MAKERS:
        return Truth(truth.names, poses)
    source = redrawn(clips)

    def draw(person: int, row: int, asked: Ints) -> Frames:
        return source.draw(person, int(real.rows[row]), real.starts[row] + asked)

    person = clips.table.labels["person"][real.rows]
    return Truth(truth.names, poses, source.people, person, draw)
