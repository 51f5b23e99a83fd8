"""Pictures as training goes on: what held-out clips look like, and what swaps look like."""

from pathlib import Path

import torch

from vdsm import figures
from vdsm.data.clips import Clips
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Codes
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
        """Write <stage>-<step>-reconstruction.png and -swap.png (stage 2: .gif too).

        Nothing where the last step has left codes that are not finite, as the next one will find.
        """
        training = model.training
        model.eval()
        encode = model.encode_frames if stage == "stage1" else model.encode
        codes = encode(self.clips)
        if all(code.isfinite().all() for code in (codes.s, codes.d, codes.z)):
            self._draw(model, codes, stage, f"{stage}-{step:06d}")
        model.train(training)

    def _draw(self, model: VDSM, codes: Codes, stage: str, name: str) -> None:
        if stage == "stage1":
            middle = self.clips[:, self.clips.shape[1] // 2][:, None]
            swaps = figures.identity_pose_grid(model, middle)
        else:
            swaps = figures.transfer_strips(model, self.clips, self.clips.roll(1, 0), ACROSS)
            moving = figures.action_transfer(model, self.clips, self.clips)
            write_clips(self.folder / f"{name}-swap.gif", moving)
        drawn = figures.reconstruction_strips(model, self.clips, codes, ACROSS)
        write_picture(self.folder / f"{name}-reconstruction.png", drawn)
        write_picture(self.folder / f"{name}-swap.png", swaps)
