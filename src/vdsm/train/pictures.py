"""Pictures as training goes on: what held-out clips look like, and what swaps look like."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vdsm import figures
from vdsm.data.clips import Clips
from vdsm.figures.layout import named, thin
from vdsm.notation import Codes, Video
from vdsm.video import grid, strips, write_clips, write_picture

INDIVIDUALS, ACROSS = 6, 8  # clips, and frames of each that are shown
Paint = Callable[[Any, Video, Path], None]  # model, clips, how file names begin


class Painter:
    """Draws the same held-out clips again and again, so that progress shows.

    The model sees as many frames of them as it is trained on: motion is another of half as many.
    """

    def __init__(
        self, folder: Path, clips: Clips, device: torch.device, frames: int, paint: Paint
    ) -> None:
        self.folder, self.how = folder, paint
        folder.mkdir(exist_ok=True)  # the user may have deleted it
        frames = min(frames, int(clips.table.length.max()))
        chosen = figures.diverse(clips, INDIVIDUALS, frames)
        self.clips = figures.load(clips, chosen, frames, device)

    @torch.no_grad()
    def paint(self, model: torch.nn.Module, stage: str, step: int) -> None:
        """Write <stage>-<step>-*.png, and .gif where it moves."""
        training = model.training
        model.eval()
        self.how(model, self.clips, self.folder / f"{stage}-{step:06d}")
        model.train(training)


def paint_swaps(model: Any, clips: Video, begin: Path) -> None:
    """Of a model with codes: reconstructions, swaps, and swaps that move."""
    if paint_reconstructions(model, clips, model.encode(clips), begin):
        swaps = figures.transfer_strips(model, clips, clips.roll(1, 0), ACROSS)
        write_picture(f"{begin}-swap.png", swaps)
        write_clips(f"{begin}-swap.gif", figures.action_transfer(model, clips, clips))


def paint_reconstructions(model: Any, clips: Video, codes: Codes, begin: Path) -> bool:
    """Clips, and the same drawn from codes.

    False, and nothing, where the last step has left codes that are not finite, as the next one
    will find.
    """
    if not all(code.isfinite().all() for code in (codes.s, codes.d, codes.z)):
        return False
    drawn = figures.reconstruction_strips(model, clips, codes, ACROSS)
    write_picture(f"{begin}-reconstruction.png", drawn)
    return True


def paint_animations(model: Any, clips: Video, begin: Path) -> None:
    """Of a model that swaps clips in its own way: clips moved as themselves, and as others."""
    again = np.stack([figures.pixels(clips), figures.pixels(model.swap(clips, clips))], 1)
    sheets = [strips(thin(pair, ACROSS)) for pair in again]
    write_picture(f"{begin}-reconstruction.png", named(sheets, ["true", "drawn"]))
    swaps = figures.transfer_strips(model, clips, clips.roll(1, 0), ACROSS)
    write_picture(f"{begin}-swap.png", swaps)
    write_clips(f"{begin}-swap.gif", figures.action_transfer(model, clips, clips))


def paint_samples(model: Any, clips: Video, begin: Path) -> None:
    """Of a model that generates alone: the same samples again and again."""
    generator = torch.Generator().manual_seed(0)
    drawn = figures.pixels(model.generate(INDIVIDUALS, clips.shape[1], generator))
    write_picture(f"{begin}-samples.png", strips(drawn))
    write_clips(f"{begin}-samples.gif", grid(drawn, INDIVIDUALS))
