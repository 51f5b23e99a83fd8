"""Frames redrawn as somebody else, for q(z) and q(d) to see, so that both must do without looks.

What q(z) and q(d) see are the model's own swaps: the pose of the frame, the identity of a random
clip (of many individuals, nearly always of somebody else). What they are asked for is the frame as
it was. Any look that still gets past the pose is the donor's, and of no use. Nobody's labels are
needed, only a decoder that can swap, so the share of redrawn rows rises over stage 1. Poses are
those of single frames in stage 2 too, whose layers therefore stay as stage 1 left them.
"""

import torch

from vdsm.device import send
from vdsm.methods.vdsm.additions.consistency import Clip
from vdsm.methods.vdsm.model import VDSM
from vdsm.notation import Codes, Video


@torch.no_grad()
def swap_augment(model: VDSM, seen: Video, donor: Clip, share: float, first: int = 0) -> Video:
    """Of the rows of `seen` [B, T, C, H, W] a share, as the individuals of `donor`.

    first: which row of the whole batch `seen` begins with, where several processes share one.
    """
    chosen = evenly_spaced(len(seen), first, share)
    if not chosen:
        return seen
    rows = send(torch.tensor(chosen), seen.device)
    what = model.infer_frame_poses(seen[rows]).loc
    who = model.infer_identity(donor[rows]).loc
    nothing = who.new_zeros(len(who), model.config.dynamics_dim)
    drawn = model.likelihood(Codes(who, nothing, what)).mean
    return seen.index_copy(0, rows, drawn.to(seen))


def evenly_spaced(rows: int, first: int, share: float) -> list[int]:
    """About `share` of so many rows; which ones does not depend on how a batch is divided."""
    return [i for i in range(rows) if int((first + i + 1) * share) > int((first + i) * share)]
