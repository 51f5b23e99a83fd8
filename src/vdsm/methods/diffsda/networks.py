"""U-Nets of DiffSDA: one that sees frames, and one that takes noise off them, told of codes."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.notation import full

MULTIPLES = (1, 2, 2, 2)  # of the width, at each resolution
ATTENDED = 1  # halvings after which places attend to one another
FREQUENCIES = 16  # of the embedding of a noise level

Frames = Float[Tensor, "N C H W"]


def norm(channels: int) -> nn.GroupNorm:
    """Groups of four channels or so."""
    return nn.GroupNorm(math.gcd(max(1, channels // 4), 32), channels)


class Block(nn.Module):
    """Two convolutions beside x itself; between them a norm that the embedding scales and shifts.

    AdaGN: norm(h) (1 + scale) + shift, both linear in the embedding.
    """

    def __init__(self, before: int, after: int, embedding: int, attends: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(norm(before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1))
        self.norm = norm(after)
        self.told = nn.Linear(embedding, 2 * after) if embedding else None
        self.last = nn.Sequential(nn.SiLU(), nn.Conv2d(after, after, 3, padding=1))
        self.beside = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.attention = Attention(after) if attends else nn.Identity()

    def forward(self, x: Frames, embedding: Float[Tensor, "N E"] | None) -> Tensor:
        h = self.norm(self.first(x))
        if self.told is not None and embedding is not None:
            scale, shift = self.told(embedding)[:, :, None, None].chunk(2, 1)
            h = h * (1 + scale) + shift
        found: Tensor = self.attention(self.beside(x) + self.last(h))
        return found


class Attention(nn.Module):
    """x + what its places tell one another."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.ask = norm(channels), nn.Conv2d(channels, 3 * channels, 1)
        self.tell = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Frames) -> Tensor:
        q, k, v = self.ask(self.norm(x)).flatten(2).mT.chunk(3, -1)
        heard = F.scaled_dot_product_attention(q, k, v).mT
        found: Tensor = x + self.tell(heard.reshape(x.shape))
        return found


class UNet(nn.Module):
    """Frames [N, C, H, W] to [N, `out`, H, W]."""

    def __init__(
        self, channels: int, out: int, width: int, blocks: int, embedding: int = 0
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        sizes = [width * m for m in MULTIPLES]
        now, kept = width, [width]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, size in enumerate(sizes):
            layers = nn.ModuleList()
            for _ in range(blocks):
                layers.append(Block(now, size, embedding, level == ATTENDED))
                now = size
                kept.append(now)
            self.down.append(layers)
            if level < len(sizes) - 1:
                kept.append(now)
        self.middle = Block(now, now, embedding, True)
        for level, size in reversed(list(enumerate(sizes))):
            layers = nn.ModuleList()
            for _ in range(blocks + 1):
                both = now + kept.pop()
                layers.append(Block(both, size, embedding, level == ATTENDED))
                now = size
            self.up.append(layers)
        self.last = nn.Sequential(norm(now), nn.SiLU(), nn.Conv2d(now, out, 3, padding=1))

    def forward(self, x: Frames, embedding: Float[Tensor, "N E"] | None = None) -> Tensor:
        h = self.first(x)
        kept = [h]
        for level, layers in enumerate(self.down):
            for block in layers:  # type: ignore[attr-defined]
                h = block(h, embedding)
                kept.append(h)
            if level < len(self.down) - 1:
                h = F.avg_pool2d(h, 2)
                kept.append(h)
        h = self.middle(h, embedding)
        for level, layers in enumerate(self.up):
            for block in layers:  # type: ignore[attr-defined]
                h = block(torch.cat([h, kept.pop()], 1), embedding)
            if level < len(self.up) - 1:
                h = F.interpolate(h, scale_factor=2.0)
        return full(self.last(h))


class Encoder(nn.Module):
    """s of a clip by the ends of a BiLSTM over its frames, d_t of a frame by an RNN over that."""

    def __init__(
        self,
        size: int,
        channels: int,
        width: int,
        blocks: int,
        hidden: int,
        identity: int,
        pose: int,
    ) -> None:
        super().__init__()
        self.frames = UNet(channels, 1, width, blocks)
        self.lstm = nn.LSTM(size * size, hidden, batch_first=True, bidirectional=True)
        self.recurrent = nn.RNN(2 * hidden, hidden, batch_first=True)
        self.identity = nn.Linear(2 * hidden, identity)
        self.pose = nn.Linear(hidden, pose)

    def forward(
        self, x: Float[Tensor, "B T C H W"]
    ) -> tuple[Float[Tensor, "B S"], Float[Tensor, "B T Z"]]:
        seen = self.frames(x.flatten(0, 1)).flatten(1).view(*x.shape[:2], -1)
        h, (ends, _) = self.lstm(seen)
        s = self.identity(torch.cat([ends[0], ends[1]], -1))
        return full(s), full(self.pose(self.recurrent(h)[0]))


class Denoiser(nn.Module):
    """F(c_in x; c_noise, s, d_t), the network inside of the preconditioning of Karras et al."""

    def __init__(self, channels: int, width: int, blocks: int, codes: int) -> None:
        super().__init__()
        self.embedding = nn.Sequential(
            nn.Linear(2 * FREQUENCIES + codes, 4 * width),
            nn.SiLU(),
            nn.Linear(4 * width, 4 * width),
        )
        self.net = UNet(channels, channels, width, blocks, 4 * width)
        nn.init.zeros_(self.net.last[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Frames, level: Float[Tensor, " N"], codes: Float[Tensor, "N K"]) -> Frames:
        octaves = torch.linspace(-2, 5, FREQUENCIES, device=level.device).to(level)
        waves = level[:, None] * 2**octaves
        told = torch.cat([waves.sin(), waves.cos(), codes], -1)
        found: Tensor = self.net(x, F.silu(self.embedding(told)))
        return found
