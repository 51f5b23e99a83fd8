"""How pictures are put together: rows and columns of clips, with headings; uint8 arrays alone."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from vdsm.data.clips import Frames
from vdsm.letters import font
from vdsm.notation import Video
from vdsm.video import grid, strips

WHITE, GREY = 255, 128
TEXT = 12  # height of letters, pixels
MARGIN = 6


def pixels(clips: Video) -> Frames:
    """Clips [B, T, C, H, W] in [0, 1] as uint8 [B, T, H, W, C]."""
    return (clips.permute(0, 1, 3, 4, 2).cpu().float().numpy() * 255).round().astype(np.uint8)


def hold(clips: Frames, frames: int) -> Frames:
    """Clips [B, T, H, W, C] cut to `frames`, or with the last frame held until then."""
    return clips[:, np.minimum(np.arange(frames), clips.shape[1] - 1)]


def blank(clips: Frames, frames: int) -> Frames:
    """Clips [B, T, H, W, C] cut to `frames`, or white from their end until then."""
    short = max(0, frames - clips.shape[1])
    room = ((0, 0), (0, short), (0, 0), (0, 0), (0, 0))
    return np.pad(clips[:, :frames], room, constant_values=WHITE)


def thin(clips: Frames, most: int) -> Frames:
    """Every k-th frame of clips [B, T, H, W, C], with the least k that leaves at most `most`."""
    return clips[:, :: max(1, -(-clips.shape[1] // most))]


def enlarge(picture: Frames, scale: int) -> Frames:
    """Each pixel of [..., H, W, C] repeated."""
    return picture.repeat(scale, axis=-3).repeat(scale, axis=-2)


def framed(top: Frames, left: Frames, body: Frames) -> Frames:
    """A grid with a heading row and column of clips; shorter ones repeat their last frame."""
    n, m, t = len(left), len(top), body.shape[1]
    top, left = hold(top, t), hold(left, t)
    corner = np.full_like(top[:1], WHITE)
    cells = [corner, top]
    for i in range(n):
        cells += [left[i : i + 1], body[i * m : (i + 1) * m]]
    sheet = grid(np.concatenate(cells), m + 1, gap=2)
    return sheet[0] if t == 1 else sheet


def headed(column: Frames, rows: Frames) -> Frames:
    """Rows of frames [N, T, H, W, C], each with a picture of `column` [N, H, W, C] before it."""
    cells = np.concatenate([column[:, None], rows], 1)
    sheet = strips(cells)
    width = column.shape[2]
    return np.concatenate([sheet[:, :width], rule(sheet), sheet[:, width + 1 :]], 1)


def parted(rows: Frames, first: int, most: int) -> Frames:
    """Rows of frames [N, T, H, W, C] with a grey line after the first `first` of them.

    At most about `most` frames are shown, at even distances on both sides of the line.
    """
    if first >= rows.shape[1]:
        return strips(thin(rows, most))
    step = max(1, -(-rows.shape[1] // most))
    before, after = strips(rows[:, :first:step]), strips(rows[:, first::step])
    return np.concatenate([before, rule(before), after], 1)


def rule(sheet: Frames) -> Frames:
    """A grey upright line as high as the sheet, with white on both sides."""
    line = np.full((len(sheet), 8, sheet.shape[2]), WHITE, np.uint8)
    line[:, 2:6] = GREY
    return line


def stacked(sheets: Sequence[Frames], gap: int = 8) -> Frames:
    """Sheets [..., H, W, C] of one width, each below the other, white between."""
    shape = list(sheets[0].shape)
    shape[-3] = gap
    white = np.full(shape, WHITE, np.uint8)
    parts = [part for sheet in sheets for part in (white, sheet)]
    return np.concatenate(parts[1:], axis=-3)


def beside(sheets: Sequence[Frames], gap: int = 16) -> Frames:
    """Sheets [..., H, W, C] of one height, side by side, white between."""
    shape = list(sheets[0].shape)
    shape[-2] = gap
    white = np.full(shape, WHITE, np.uint8)
    parts = [part for sheet in sheets for part in (white, sheet)]
    return np.concatenate(parts[1:], axis=-2)


def titled(sheet: Frames, text: str) -> Frames:
    """A line of text in white above [..., H, W, C]."""
    line = Image.new("L", (sheet.shape[-2], 2 * TEXT), WHITE)
    ImageDraw.Draw(line).text((0, TEXT), text, 0, font(TEXT), anchor="lm")
    above = np.asarray(line)[..., None]
    return np.concatenate(
        [np.broadcast_to(above, (*sheet.shape[:-3], *above.shape[:2], sheet.shape[-1])), sheet],
        axis=-3,
    )


def named(sheets: Sequence[Frames], names: Sequence[str]) -> Frames:
    """Sheets of as many rows as there are names, each below the other, every row with its name."""
    return labelled(stacked(sheets), [*names] * len(sheets))


def labelled(sheet: Frames, texts: Sequence[str]) -> Frames:
    """Texts in a white column at the left of [H, W, C], spread evenly over its height."""
    height = len(sheet)
    width = round(max(font(TEXT).getlength(text) for text in texts)) + 2 * MARGIN
    margin = Image.new("L", (width, height), WHITE)
    draw = ImageDraw.Draw(margin)
    for i, text in enumerate(texts):
        draw.text((MARGIN, (i + 0.5) * height / len(texts)), text, 0, font(TEXT), anchor="lm")
    column = np.broadcast_to(np.asarray(margin)[..., None], (height, width, sheet.shape[-1]))
    return np.concatenate([column, sheet], 1)
