"""The picture of a comparison: the same clips, the same pairs, a row for each method."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vdsm.compare.gather import Compared
from vdsm.data.clips import Clips, Frames
from vdsm.errors import InputError
from vdsm.figures import diverse, load, pixels
from vdsm.figures.layout import enlarge, labelled, stacked, thin
from vdsm.letters import font
from vdsm.protocol import Encodes, Swaps, missing
from vdsm.store.named import load_model
from vdsm.video import strips

PAIRS, MOST = 4, 8  # pairs of clips; frames of each in the still
TILE, TEXT, WHITE = 64, 14, 255  # pixels of a frame at least; of letters; and paper


@dataclass(frozen=True)
class Picture:
    """Pairs below each other as strips [H, W, C]; pairs side by side, moving [T, H, W, C]."""

    still: Frames
    moving: Frames


@dataclass(frozen=True)
class Line:
    """A row: its name, and frames [P, T, H, W, C] of every pair, or why there are none."""

    name: str
    frames: Frames | None
    reason: str = ""


def picture(systems: Sequence[Compared], clips: Clips, device: str) -> Picture:
    """Swaps of the same pairs by the first run of each method."""
    seen = [system.runs[0].frames for system in systems]
    chosen = diverse(clips, 2 * PAIRS, max(seen))
    if len(chosen) < 2:
        raise InputError(f"{clips.path} has {len(chosen)} clips of {max(seen)} frames: no pair")
    half, t = len(chosen) // 2, min(seen)
    whole = load(clips, chosen[: 2 * half], max(seen))
    who, does = whole[:half], whole[half:]
    lines = [Line("who", pixels(who[:, :t])), Line("does", pixels(does[:, :t]))]
    for system, frames in zip(systems, seen, strict=True):
        model, _ = load_model(str(system.runs[0].path), device)
        lines.append(line(system.title, model, (who[:, :frames], does[:, :frames]), t))
    shape = lines[0].frames.shape  # type: ignore[union-attr]
    return Picture(still(lines, shape), moving(lines, shape))


def line(name: str, model: Any, pair: tuple[Any, Any], frames: int) -> Line:
    """The swaps of a model, or the sentence that says why there are none."""
    if not isinstance(model, Swaps):
        return Line(name, None, missing(model, Encodes) or missing(model, Swaps) or "")
    who, does = (clips.to(next(model.parameters()).device) for clips in pair)  # type: ignore[attr-defined]
    return Line(name, pixels(model.swap(who, does, frames)))


def still(lines: Sequence[Line], shape: Sequence[int]) -> Frames:
    """Every pair as rows of frames, one pair below the other, with names at the left."""
    pairs = [[sheet(line, pair, shape) for line in lines] for pair in range(shape[0])]
    blocks = [labelled(stacked(rows, 2), [line.name for line in lines]) for rows in pairs]
    return stacked(blocks)


def sheet(line: Line, pair: int, shape: Sequence[int]) -> Frames:
    """Some frames of a line side by side, enlarged; or white with the reason."""
    scale = max(1, TILE // shape[2])
    frames = thin(np.full(shape[1:], WHITE, np.uint8)[None], MOST)
    if line.frames is not None:
        frames = thin(line.frames[pair][None], MOST)
    found = enlarge(strips(frames), scale)
    return found if line.frames is not None else written(found, f"not measured: {line.reason}")


def moving(lines: Sequence[Line], shape: Sequence[int]) -> Frames:
    """Pairs side by side, moving, with names at the left."""
    scale = max(1, TILE // shape[2])
    rows = []
    for line in lines:
        if line.frames is not None:
            row = [enlarge(strips(frames[None]), scale) for frames in line.frames.swapaxes(0, 1)]
        else:
            empty = np.full((1, shape[0], *shape[2:]), WHITE, np.uint8)
            row = [written(enlarge(strips(empty), scale), f"not measured: {line.reason}")]
            row *= shape[1]
        rows.append(row)
    names = [line.name for line in lines]
    return np.stack([labelled(stacked(at, 2), names) for at in zip(*rows, strict=True)])


def written(paper: Frames, text: str) -> Frames:
    """Text on a sheet [H, W, C], wrapped to its width."""
    letters = max(1, int(paper.shape[1] / font(TEXT).getlength("n")))
    image = Image.fromarray(paper[..., 0] if paper.shape[-1] == 1 else paper)
    lines = textwrap.wrap(text, letters)[: max(1, len(paper) // (TEXT + 2))]
    ink: Any = 0 if paper.shape[-1] == 1 else (0, 0, 0)
    ImageDraw.Draw(image).multiline_text((2, 2), "\n".join(lines), ink, font(TEXT), spacing=2)
    return np.asarray(image).reshape(paper.shape)
