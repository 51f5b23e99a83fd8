"""Pictures as training goes on: what held-out clips look like, and what swaps look like."""

from pathlib import Path

import torch

from vdsm import figures
from vdsm.data.clips import Clips
from vdsm.model.vdsm import VDSM
from vdsm.video import write_clips, write_picture

INDIVIDUALS, ACROSS = 6, 8  # clips, and frames of each that are shown


class Painter:
    """Draws the same held-out clips again and again, so that progress shows.

    The model sees as many frames of them as it is trained on: motion is another of half as many.
    """

    def __init__(self, folder: Path, clips: Clips, device: torch.device, frames: int) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)  # the user may have deleted it
        frames = min(frames, int(clips.table.length.max()))
        chosen = figures.diverse(clips, INDIVIDUALS, frames)
        self.clips = figures.load(clips, chosen, frames, device)

    def paint(self, model: VDSM, stage: str, step: int) -> None:
        """Write <stage>-<step>-reconstruction.png and -swap.png (stage 2: .gif too)."""
        training = model.training
        model.eval()
        name = f"{stage}-{step:06d}"
        if stage == "stage1":
            codes = model.encode_frames(self.clips)
            middle = self.clips[:, self.clips.shape[1] // 2][:, None]
            swaps = figures.identity_pose_grid(model, middle)
        else:
            codes = model.encode(self.clips)
            swaps = figures.transfer_strips(model, self.clips, self.clips.roll(1, 0), ACROSS)
            moving = figures.action_transfer(model, self.clips, self.clips)
            write_clips(self.folder / f"{name}-swap.gif", moving)
        drawn = figures.reconstruction_strips(model, self.clips, codes, ACROSS)
        write_picture(self.folder / f"{name}-reconstruction.png", drawn)
        write_picture(self.folder / f"{name}-swap.png", swaps)
        model.train(training)
