"""A labelled picture of a dataset: a clip in each row, time to the right, labels at the left."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vdsm.data.clips import SPLITS, Clips, Frames, Ints
from vdsm.data.crop.whole import Whole
from vdsm.data.spread import spread
from vdsm.letters import font, legible
from vdsm.video import strips, write_picture
from vdsm.words import counted

TILE = 64  # pixels; smaller frames are enlarged
GAP = 2
TEXT = 11  # height of letters in pixels
LONGEST = 48  # letters of a line
MARGIN = 8


def preview(clips: Clips, out: Path, rows: int = 10, frames: int = 12) -> None:
    """Write a PNG of some clips, as different in labels as can be, each with its labels.

    Of a clip that is too long for its row every second or third frame is shown, from the start.
    Where clips were cropped to a subject, whole frames with the box stand before them, and up to
    half of the rows are of those that look wrong.
    """
    columns = [clips.table.group, clips.table.split, *clips.table.labels.values()]
    whole = Whole.of(clips)
    chosen = np.sort(_with_doubtful(spread(columns, rows), whole.doubtful, rows))
    scale = max(1, TILE // clips.info.size)
    across = min(frames, int(clips.table.length[chosen].max()))
    shown = [_thinned(clips, int(clip), across) for clip in chosen]
    sheet = np.concatenate([_row(frames, across, scale) for frames in shown])[:-GAP]
    sheet = np.broadcast_to(sheet, (*sheet.shape[:2], 3))
    if whole.rows:
        height = scale * clips.info.size
        sheet = np.concatenate([whole.sheet([int(c) for c in chosen], height, GAP), sheet], 1)
    texts = [[*label(clips, int(clip)), *whole.said(int(clip))] for clip in chosen]
    write_picture(out, _beside(texts, sheet))


def _with_doubtful(chosen: Ints, doubtful: Sequence[int], rows: int) -> Ints:
    """The clips, with some of those that look wrong in up to half of the rows."""
    missing = [clip for clip in doubtful if clip not in chosen]
    wanted = max(0, rows // 2 - int(np.isin(chosen, doubtful).sum()))
    added = missing[:wanted]
    kept = [c for c in chosen.tolist() if c in doubtful] + added
    others = [c for c in chosen.tolist() if c not in doubtful]
    return np.array((kept + others)[: max(len(chosen), len(added))], np.int64)


def label(clips: Clips, clip: int) -> list[str]:
    """What is said of a clip: its number, group, split and length, then its labels."""
    table = clips.table
    head = f"clip {clip}, group {table.group[clip]}, {SPLITS[table.split[clip]]}"
    lines = [f"{head}, {counted(int(table.length[clip]), 'frame')}"]
    for factor in clips.info.factors:
        value = int(table.labels[factor.name][clip])
        named = factor.values[value] if value >= 0 else "unknown"
        lines.append(legible(f"{factor.name}: {named}"))
    return [line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in lines]


def _thinned(clips: Clips, clip: int, count: int) -> Frames:
    """At most `count` frames of a clip, every one to every third."""
    length = int(clips.table.length[clip])
    step = min(max(1, length // count), 3)
    return clips.read(clip, 0, min(length, step * count))[::step]


def _row(frames: Frames, across: int, scale: int) -> Frames:
    """One clip's frames side by side, white where it has fewer than `across`, and a gap below."""
    short = across - len(frames)
    padded = np.pad(frames, ((0, short), (0, 0), (0, 0), (0, 0)), constant_values=255)
    strip = strips(padded[None], gap=GAP, scale=scale)
    return np.pad(strip, ((0, GAP), (0, 0), (0, 0)), constant_values=255)


def _beside(texts: list[list[str]], sheet: Frames) -> Frames:
    """Texts in a white column at the left of the sheet, each at the height of its row."""
    height = (sheet.shape[0] + GAP) // len(texts)
    step = TEXT + 2
    fits = max(1, height // step)
    blocks = [[legible(line) for line in _fold(lines, fits)] for lines in texts]
    widest = max(font(TEXT, line).getlength(line) for lines in blocks for line in lines)
    width = round(widest) + 2 * MARGIN
    canvas = Image.new("RGB", (width + sheet.shape[1], sheet.shape[0]), "white")
    canvas.paste(Image.fromarray(np.ascontiguousarray(sheet)), (width, 0))
    draw = ImageDraw.Draw(canvas)
    for i, lines in enumerate(blocks):
        top = i * height + max(0, (height - GAP - len(lines) * step) // 2)
        for j, line in enumerate(lines):
            draw.text((MARGIN, top + j * step), line, "black", font(TEXT, line))
    return np.asarray(canvas)


def _fold(lines: list[str], count: int) -> list[str]:
    """The same in at most `count` lines: labels share lines where a row has room for few."""
    per_line = -(-len(lines[1:]) // max(1, count - 1))
    if len(lines) <= count or count == 1:
        return lines if len(lines) <= count else ["  ".join(lines)]
    rest = lines[1:]
    joined = ["  ".join(rest[i : i + per_line]) for i in range(0, len(rest), per_line)]
    return [lines[0], *joined]
