"""Other colours for frames that q(z) and q(d) see, so that looks reach the decoder by s alone."""

import torch

from vdsm.notation import Video, draw


def colour_jitter(x: Video, strength: float, generator: torch.Generator | None = None) -> Video:
    """Mix the channels of every clip at random: x' = clip(M x), black stays black.

    At strength 1 the rows of M are random mixtures of the channels with a random gain; at 0, M is
    the identity. One channel has a gain only. Every frame of a clip gets its own M in stage 1 and
    2 alike: what a frame looks like says nothing of the next.
    """
    b, t, c = x.shape[:3]
    noise = draw(torch.rand, (b, t, c, c + 1), generator, x)
    rows = -noise[..., :c].clamp_min(1e-6).log()
    mixture = rows / rows.sum(-1, keepdim=True)
    gain = 1 + strength * (noise[..., c:] - 0.5)
    keep = torch.eye(c, device=x.device)
    matrix = gain * ((1 - strength) * keep + strength * mixture)
    mixed = torch.einsum("btij,bthwj->bthwi", matrix, x.permute(0, 1, 3, 4, 2))
    return mixed.clamp(0, 1).permute(0, 1, 4, 2, 3)
