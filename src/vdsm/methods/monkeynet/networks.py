"""The networks of MonkeyNet: U-Nets that find keypoints, move pixels and draw; and a critic."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.monkeynet.keypoints import (
    Flow,
    Frames,
    Keypoints,
    Maps,
    coarse_flow,
    moments,
    shifts,
    warped,
)
from vdsm.notation import full

SLOPE = 0.2  # of the critic's LeakyReLU
KERNEL = 4  # of the critic
BLOCKS = 4  # of the critic, where frames are large enough


def convolution(before: int, after: int) -> nn.Sequential:
    """3 x 3, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )


def widths(width: int, most: int, halvings: int) -> list[int]:
    """Channels after each halving."""
    return [min(most, width * 2 ** (i + 1)) for i in range(halvings)]


class Down(nn.Module):
    """x, and after each halving its features."""

    def __init__(self, channels: int, sizes: list[int]) -> None:
        super().__init__()
        before = [channels, *sizes]
        self.blocks = nn.ModuleList(convolution(b, a) for b, a in zip(before, sizes, strict=False))

    def forward(self, x: Frames) -> list[Tensor]:
        found = [x]
        for block in self.blocks:
            found.append(F.avg_pool2d(block(found[-1]), 2))
        return found


class Up(nn.Module):
    """From features of all resolutions to `width` channels of the first, beside x itself.

    more: channels that stand beside the features at every resolution.
    """

    def __init__(self, channels: int, sizes: list[int], width: int, more: int = 0) -> None:
        super().__init__()
        afters = [width, *sizes[:-1]][::-1]
        befores = [sizes[-1] + more, *(2 * a + more for a in afters[:-1])]
        self.blocks = nn.ModuleList(convolution(b, a) for b, a in zip(befores, afters, strict=True))
        self.out = width + channels + more

    def forward(self, features: list[Tensor]) -> Float[Tensor, "N F H W"]:
        x = features[-1]
        for block, beside in zip(self.blocks, features[-2::-1], strict=True):
            x = torch.cat([block(F.interpolate(x, scale_factor=2.0)), beside], 1)
        return x


class Hourglass(nn.Module):
    """U-Net: frames [N, C, H, W] to maps [N, `out`, H, W]."""

    def __init__(self, channels: int, sizes: list[int], width: int, out: int) -> None:
        super().__init__()
        self.down, self.up = Down(channels, sizes), Up(channels, sizes, width)
        self.last = nn.Conv2d(self.up.out, out, 3, padding=1)

    def forward(self, x: Frames) -> Tensor:
        maps: Tensor = self.last(self.up(self.down(x)))
        return full(maps)


class Detector(nn.Module):
    """Δ: keypoints of frames, as moments of the softmax of heat maps (Sec. 3.2)."""

    def __init__(
        self, channels: int, sizes: list[int], width: int, points: int, temperature: float
    ) -> None:
        super().__init__()
        self.hourglass = Hourglass(channels, sizes, width, points)
        self.temperature = temperature

    def forward(self, frames: Frames) -> Keypoints:
        maps = self.hourglass(frames)
        shares = (maps.flatten(2) / self.temperature).softmax(-1).view_as(maps)
        return moments(shares, least=(2 / frames.shape[-1]) ** 2)


class DenseMotion(nn.Module):
    """M: the flow from a frame to be drawn to the source, F = F_coarse + F_residual (Sec. 3.4)."""

    def __init__(self, channels: int, sizes: list[int], width: int, points: int) -> None:
        super().__init__()
        seen = points + channels * (points + 1)
        self.hourglass = Hourglass(seen, sizes, width, points + 1 + 2)
        with torch.no_grad():  # no residual at first
            self.hourglass.last.weight[-2:] = 0
            nn.init.zeros_(self.hourglass.last.bias[-2:])  # type: ignore[index]

    def forward(
        self, frame: Frames, difference: Maps, source: Keypoints, target: Keypoints
    ) -> Flow:
        """difference: Ḣ, the target's Gaussians less the source's."""
        shift = shifts(source, target)
        maps = self.hourglass(torch.cat([difference, each_moved(frame, shift)], 1))
        masks, residual = maps[:, :-2].softmax(1), maps[:, -2:]
        flow: Flow = coarse_flow(masks, shift) + residual.movedim(1, -1)
        return flow


def each_moved(frame: Frames, shift: Float[Tensor, "N K1 2"]) -> Float[Tensor, "N KC H W"]:
    """The frame moved as a whole by each keypoint's shift, one beside the other."""
    n, count = shift.shape[:2]
    copies = frame[:, None].expand(-1, count, *frame.shape[1:]).flatten(0, 1)
    flow = shift.flatten(0, 1)[:, None, None].expand(-1, *frame.shape[-2:], -1)
    return warped(copies, flow).view(n, -1, *frame.shape[-2:])


class Residual(nn.Module):
    """x + two convolutions of it, each after batch norm and ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.layers(x)
        return x + changed


class Generator(nn.Module):
    """G: features of the source frame, warped by the flow, with Ḣ beside them (Sec. 3.3)."""

    def __init__(
        self, channels: int, sizes: list[int], width: int, points: int, refinements: int
    ) -> None:
        super().__init__()
        self.down = Down(channels, sizes)
        self.up = Up(channels, sizes, width, points)
        self.refine = nn.Sequential(*(Residual(self.up.out) for _ in range(refinements)))
        self.last = nn.Conv2d(self.up.out, channels, 1)

    def forward(self, frame: Frames, flow: Flow, difference: Maps) -> Frames:
        """Frames in [0, 1]."""
        features = []
        for x in self.down(frame):
            beside = F.adaptive_avg_pool2d(difference, x.shape[-2:])
            features.append(torch.cat([warped(x, flow), beside], 1))
        drawn: Tensor = self.last(self.refine(self.up(features)))
        return full(drawn).sigmoid()


def critic_blocks(size: int) -> int:
    """How many blocks frames of a size are large enough for, at most `BLOCKS`."""
    count = 0
    while count < BLOCKS and size - KERNEL + 1 >= 2:
        size, count = (size - KERNEL + 1) // 2, count + 1
    return count


class Critic(nn.Module):
    """D: a frame with its Gaussians to scores of places; and the features on the way."""

    def __init__(self, size: int, channels: int, width: int, most: int) -> None:
        super().__init__()
        sizes = widths(width, most, critic_blocks(size))
        self.blocks = nn.ModuleList()
        before = channels
        for i, after in enumerate(sizes):
            layers: list[nn.Module] = [nn.Conv2d(before, after, KERNEL)]
            layers += [nn.InstanceNorm2d(after, affine=True)] if i else []
            self.blocks.append(nn.Sequential(*layers, nn.LeakyReLU(SLOPE), nn.AvgPool2d(2)))
            before = after
        self.last = nn.Conv2d(before, 1, 1)

    def forward(self, frame: Frames, maps: Maps) -> tuple[Float[Tensor, "N P"], list[Tensor]]:
        x, features = torch.cat([frame, maps.to(frame)], 1), []
        for block in self.blocks:
            x = block(x)
            features.append(full(x))
        return full(self.last(x)).flatten(1), features
