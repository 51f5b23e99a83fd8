"""Pictures of what a model does, as uint8 arrays [H, W, C]; writing files is the caller's."""

import numpy as np
import torch
from torch import Tensor

from vdsm.data.clips import Clips, Frames, Ints
from vdsm.model.vdsm import VDSM
from vdsm.notation import Codes, Video
from vdsm.video import grid, strips


def hold(clips: Frames, frames: int) -> Frames:
    """Clips [B, T, H, W, C] cut to `frames`, or with the last frame held until then."""
    return clips[:, np.minimum(np.arange(frames), clips.shape[1] - 1)]


def pixels(clips: Video) -> Frames:
    """Clips [B, T, C, H, W] in [0, 1] as uint8 [B, T, H, W, C]."""
    return (clips.permute(0, 1, 3, 4, 2).cpu().float().numpy() * 255).round().astype(np.uint8)


def identity_pose_grid(model: VDSM, frames: Video) -> Frames:
    """s of row x z of column by stage 1 alone (Fig. 8); frames [N, 1, C, H, W] of N individuals.

    The top row holds the frames that give z, the left column those that give s.
    """
    n = len(frames)
    codes = model.encode_frames(frames)
    rows = codes.s.repeat_interleave(n, 0)
    mixed = model.decode(Codes(rows, codes.d.repeat(n, 1), codes.z.repeat(n, 1, 1)))
    return framed(pixels(frames), pixels(frames), pixels(mixed))


def action_transfer(
    model: VDSM, identity: Video, action: Video, frames: int | None = None
) -> Frames:
    """s of row x d of column (Figs. 1, 5, 7), as a moving picture uint8 [T, H, W, C].

    identity [N, T, C, H, W], action [M, T, C, H, W]. The top row plays the real actions, the left
    column the real clips that give s; the rest is drawn by the model.
    """
    who, what = model.encode(identity), model.encode(action)
    n, m = len(identity), len(action)
    mixed = model.decode(
        Codes(who.s.repeat_interleave(m, 0), what.d.repeat(n, 1), what.z.repeat(n, 1, 1)), frames
    )
    return framed(pixels(action), pixels(identity), pixels(mixed))


def framed(top: Frames, left: Frames, body: Frames) -> Frames:
    """A grid with a heading row and column of clips; shorter ones repeat their last frame."""
    n, m, t = len(left), len(top), body.shape[1]
    top, left = hold(top, t), hold(left, t)
    corner = np.full_like(top[:1], 255)
    cells = [corner, top]
    for i in range(n):
        cells += [left[i : i + 1], body[i * m : (i + 1) * m]]
    sheet = grid(np.concatenate(cells), m + 1, gap=2)
    return sheet[0] if t == 1 else sheet


def reconstruction_strips(model: VDSM, clips: Video, codes: Codes) -> Frames:
    """Each clip's true frames, and below them the same drawn from its codes."""
    drawn = pixels(model.decode(codes))
    pairs = np.stack([pixels(clips), drawn], 1)
    return strips(pairs.reshape(-1, *pairs.shape[2:]))


def transfer_strips(
    model: VDSM,
    identity: Video,
    action: Video,
    frames: int | None = None,
    seen: int | None = None,
) -> Frames:
    """For each pair of clips three rows: who, doing what, and the swap.

    The model sees the first `seen` frames (default all) and draws `frames`: where the action clip
    is longer than what was seen, its row shows what the swap should do.
    """
    drawn = pixels(model.swap(identity[:, :seen], action[:, :seen], frames))
    t = drawn.shape[1]
    rows = np.stack([hold(pixels(identity), t), hold(pixels(action), t), drawn], 1)
    return strips(rows.reshape(-1, *rows.shape[2:]))


def diverse(clips: Clips, count: int, frames: int, split: str | None = "test") -> Ints:
    """Indices of `count` clips that differ in as many factors as possible, always the same.

    Greedy: each next clip shares the fewest labels (or, without labels, the group) with those
    already chosen.
    """
    pool = clips.select(split, min_length=frames)
    if len(pool) == 0:
        pool = clips.select(None, min_length=frames)
    labels = [clips.table.labels[f.name] for f in clips.info.factors] or [clips.table.group]
    columns = np.stack([column[pool] for column in labels], 1)
    shared = np.zeros(len(pool))
    chosen: list[int] = []
    for _ in range(min(count, len(pool))):
        shared[chosen] = np.inf
        chosen.append(int(shared.argmin()))
        shared += (columns == columns[chosen[-1]]).sum(1)
    return pool[chosen]


def load(clips: Clips, indices: Ints, frames: int, device: torch.device | str = "cpu") -> Tensor:
    """The first frames of some clips as float [B, T, C, H, W] in [0, 1]."""
    batch = clips.batch(indices, np.zeros_like(indices), frames)
    return torch.from_numpy(batch).to(device).permute(0, 1, 4, 2, 3).float() / 255
