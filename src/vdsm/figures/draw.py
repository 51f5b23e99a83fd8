"""What the model draws: reconstructions, swaps, interpolations, continuations."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.data.clips import Frames
from vdsm.errors import InputError
from vdsm.figures.layout import blank, framed, named, pixels, thin
from vdsm.notation import Codes, Video
from vdsm.protocol import Coded, Swaps, Unrolls
from vdsm.video import strips

One = Float[Tensor, "1 T C H W"]
Path = Float[Tensor, "{steps} T C H W"]
Others = Float[Tensor, "M R C H W"]  # not as many as another input, nor as long
Partners = Float[Tensor, "B R C H W"]  # as many


def identity_pose_grid(model: Any, frames: Video) -> Frames:
    """s of row x z of column, frame by frame (Fig. 8); frames [N, 1, C, H, W] of N individuals.

    The top row holds the frames that give z, the left column those that give s.
    """
    n = len(frames)
    codes = model.encode_frames(frames)
    rows = codes.s.repeat_interleave(n, 0)
    mixed = model.decode(Codes(rows, codes.d.repeat(n, 1), codes.z.repeat(n, 1, 1)))
    return framed(pixels(frames), pixels(frames), pixels(mixed))


def action_transfer(
    model: Swaps, identity: Video, action: Others, frames: int | None = None
) -> Frames:
    """s of row x d of column (Figs. 1, 5, 7), as a moving picture uint8 [T, H, W, C].

    identity [N, T, C, H, W], action [M, R, C, H, W]. The top row plays the real actions, the left
    column the real clips that give s; the rest is drawn by the model.
    """
    return framed(
        pixels(action), pixels(identity), pixels(all_swaps(model, identity, action, frames))
    )


def all_swaps(
    model: Swaps, identity: Video, action: Others, frames: int | None = None
) -> Float[Tensor, "BM F C H W"]:
    """Every s with every d: clip i * M + j has the identity of clip i and the action of clip j."""
    if not isinstance(model, Coded):
        return model.swap(
            identity.repeat_interleave(len(action), 0),
            action.repeat(len(identity), 1, 1, 1, 1),
            frames,
        )
    who, what = model.encode(identity), model.encode(action)
    n, m = len(identity), len(action)
    return model.decode(
        Codes(who.s.repeat_interleave(m, 0), what.d.repeat(n, 1), what.z.repeat(n, 1, 1)), frames
    )


def reconstruction_strips(model: Coded, clips: Video, codes: Codes, most: int) -> Frames:
    """At most about `most` true frames of each clip, and below them the same drawn from codes."""
    drawn = pixels(model.decode(codes))
    pairs = np.stack([pixels(clips), drawn], 1)
    return named([strips(thin(pair, most)) for pair in pairs], ["true", "drawn"])


def transfer_rows(
    model: Swaps,
    identity: Video,
    action: Partners,
    frames: int | None = None,
    seen: int | None = None,
) -> Frames:
    """Who, doing what, and the swap: uint8 [B, 3, frames, H, W, C].

    The model sees the first `seen` frames (default all) and draws `frames`: where the action clip
    is longer than what was seen, it shows what the swap should do. White where a clip is over.
    """
    drawn = pixels(model.swap(identity[:, :seen], action[:, :seen], frames))
    t = drawn.shape[1]
    return np.stack([blank(pixels(identity), t), blank(pixels(action), t), drawn], 1)


def transfer_strips(model: Swaps, identity: Video, action: Partners, most: int) -> Frames:
    """For each pair of clips three rows, as `transfer_rows` gives them, of `most` frames or so."""
    rows = transfer_rows(model, identity, action)
    return named([strips(thin(trio, most)) for trio in rows], ["who", "does", "swap"])


@torch.no_grad()
def interpolate_identity(model: Coded, first: One, second: One, steps: int) -> Path:
    """[steps, T, C, H, W]: s from the first clip's to the second's; the first's action throughout.

    Both are [1, T, C, H, W]. The first step is the first clip's reconstruction, the last the swap.
    """
    a, b = model.encode(first), model.encode(second)
    s = torch.lerp(a.s, b.s, _weights(a.s, steps))
    return model.decode(Codes(s, a.d.expand(steps, -1), a.z.expand(steps, -1, -1)))


@torch.no_grad()
def interpolate_dynamics(model: Coded, first: One, second: One, steps: int) -> Path:
    """[steps, T, C, H, W]: d from the first clip's to the second's; the first's s throughout.

    Poses follow from d, as q(z | d) unrolls it. The first step is the first clip's
    reconstruction, the last is its individual doing the second's action.
    """
    a, b = model.encode(first), model.encode(second)
    d = torch.lerp(a.d, b.d, _weights(a.d, steps))
    if isinstance(model, Unrolls):
        z = model.unroll(d, first.shape[1])
    else:  # poses of their own
        z = torch.lerp(a.z, b.z, _weights(a.z, steps)[..., None])
    return model.decode(Codes(a.s.expand(steps, -1), d, z))


def _weights(like: torch.Tensor, steps: int) -> torch.Tensor:
    return torch.linspace(0, 1, steps, device=like.device, dtype=like.dtype)[:, None]


def open_loop_rows(model: Any, clips: Video, seen: int) -> Frames:
    """True, open loop, and their difference: uint8 [B, 3, T, H, W, C].

    The model sees the first `seen` frames of clips [B, T, C, H, W] and continues to T by the
    transition p(z_t | z_t-1, d), by its means (Eq. 6). InputError where none is left to draw.
    """
    if not 1 <= seen < clips.shape[1]:
        raise InputError(
            f"the model is to see {seen} of {clips.shape[1]} frames: give 1 to {clips.shape[1] - 1}"
        )
    true = pixels(clips)
    drawn = pixels(model.decode(model.encode(clips[:, :seen]), clips.shape[1], by="transition"))
    error = np.abs(true.astype(np.int16) - drawn).astype(np.uint8)
    return np.stack([true, drawn, error], 1)
