"""Who was found to be who: a contact sheet, a row for each individual that was found twice."""

from collections.abc import Iterable

import numpy as np

from vdsm.data.clips import Clips, Frames, Ints
from vdsm.report import html
from vdsm.store import who
from vdsm.store.run import Run

ROWS, COLUMNS = 12, 8  # individuals, and clips of each, that are shown
FOUND = "found"


def who_is_who(run: Run, clips: Clips) -> Iterable[str]:
    """Nothing of a run whose method asks nobody."""
    grouping = who.read(run.path)
    if grouping is None:
        return
    yield html.paragraph(f"{grouping.said}.")
    score = who.score(grouping, clips)
    if score is not None:
        yield html.paragraph(f"By the data's own groups, which were not read for it: {score}.")
    if grouping.by != FOUND:
        return
    twice = grouping.twice
    if not twice:
        yield html.paragraph("Nobody was found in two clips, so there is nobody to show.")
        return
    chosen = twice[:: max(1, len(twice) // ROWS)][:ROWS]
    caption = (
        f"Each row one individual, as found: a frame of up to {COLUMNS} of its clips; "
        f"{len(chosen)} of {len(twice):,} who were found twice or more, those of many clips first."
    )
    yield html.figure(html.scroll(html.picture(sheet(clips, chosen), caption)), caption)


def sheet(clips: Clips, individuals: list[Ints]) -> Frames:
    """uint8 [H, W, C]: the middle frame of some clips of each, white where there are no more."""
    size, channels = clips.info.size, clips.info.channels
    columns = min(COLUMNS, max(len(members) for members in individuals))
    cells = np.full((len(individuals), columns, size, size, channels), 255, np.uint8)
    for row, members in enumerate(individuals):
        for column, clip in enumerate(members[:columns]):
            middle = int(clips.table.length[clip]) // 2
            cells[row, column] = clips.read(int(clip), middle, 1)[0]
    bordered = np.pad(cells, ((0, 0), (0, 0), (0, 2), (0, 2), (0, 0)), constant_values=255)
    return np.concatenate([np.concatenate(list(row), 1) for row in bordered], 0)
