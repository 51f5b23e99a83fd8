"""What frames are changed to before a part of the model sees them.

Other colours for q(z) and q(d), so that looks reach the decoder by s alone; other places and light
for contrast between few individuals, who could else be told by where they happened to stand.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vdsm.methods.vdsm.config import AdditionsConfig
from vdsm.notation import Video, draw

KNOTS = 4  # of a tone curve, beside 0
SHIFT, BRIGHTNESS = 0.1, 0.3  # at full strength: of the side, and of the values
DARKEST = 0.15  # value of a knot: nothing visible turns black


def other_colours(
    x: Video, apart: AdditionsConfig, generator: torch.Generator | None
) -> Video | None:
    """The clips as q(z) and q(d) are to see them; None where that is as they are."""
    if not apart.jitter and not apart.tones:
        return None
    seen = colour_jitter(x, apart.jitter, generator) if apart.jitter else x
    return tone_curves(seen, apart.tones, generator) if apart.tones else seen


def colour_jitter(x: Video, strength: float, generator: torch.Generator | None = None) -> Video:
    """Mix the channels of every frame at random: x' = clip(M x), black stays black.

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


def tone_curves(x: Video, strength: float, generator: torch.Generator | None) -> Video:
    """A random tone curve for every channel of every frame: which part is brighter says nothing.

    Piecewise linear through 0 and `KNOTS` random values, rising or falling, so that black stays
    black and edges stay where they are. At strength 0 the curve is the identity.
    """
    b, t, c, h, w = x.shape
    noise = DARKEST + (1 - DARKEST) * draw(torch.rand, (b, t, c, KNOTS), generator, x)
    plain = torch.arange(1, KNOTS + 1, device=x.device) / KNOTS
    values = torch.cat([torch.zeros_like(noise[..., :1]), torch.lerp(plain, noise, strength)], -1)
    place = x.reshape(b, t, c, h * w) * KNOTS
    left = place.detach().floor().clamp_max(KNOTS - 1)
    low, high = (values.gather(3, left.long() + i) for i in (0, 1))
    return torch.lerp(low, high, place - left).view_as(x)


def elsewhere(x: Video, strength: float, generator: torch.Generator | None) -> Video:
    """Every clip shifted as a whole, its border repeated, brighter or darker, mirrored or not.

    At strength 1 by up to a tenth of the side and 30 %; at 0 the clips as they are.
    """
    if strength == 0:
        return x

    def random() -> Tensor:
        return torch.rand(len(x), generator=generator, device=x.device)

    margin = round(strength * SHIFT * x.shape[-1])
    down, right = ((random() * (2 * margin + 1)).long() for _ in range(2))
    shifted = moved(x.flatten(1, 2), margin, down, right).view_as(x)
    gain = 1 + strength * BRIGHTNESS * (2 * random() - 1)
    lit = (shifted * gain[:, None, None, None, None]).clamp(0, 1)
    return torch.where((random() < 0.5)[:, None, None, None, None], lit.flip(-1), lit)


def shifted_apart(x: Video, share: float, generator: torch.Generator | None = None) -> Video:
    """Every frame shifted by itself, by up to a share of the side, its border repeated.

    Where something stands, and so how it moves, cannot be told from such frames.
    """
    margin = round(share * x.shape[-1])
    noise = draw(torch.rand, (*x.shape[:2], 2), generator, x)
    down, right = (noise * (2 * margin + 1)).long().clamp_max(2 * margin).flatten(0, 1).unbind(1)
    return moved(x.flatten(0, 1), margin, down, right).view_as(x)


def moved(x: Tensor, margin: int, down: Tensor, right: Tensor) -> Tensor:
    """[N, C, H, W], each as it is seen from `down` - margin, `right` - margin, its border repeated.

    down, right: [N], 0 to 2 x margin.
    """
    padded = F.pad(x, (margin,) * 4, mode="replicate")
    which = torch.arange(len(x), device=x.device)[:, None, None]
    i, j = (torch.arange(n, device=x.device) for n in x.shape[-2:])
    rows, columns = (down[:, None] + i)[:, :, None], (right[:, None] + j)[:, None]
    return padded[which, :, rows, columns].permute(0, 3, 1, 2)
