"""I3D of Carreira and Zisserman (2017), trained on Kinetics-400: the Fréchet video distance's own.

Unterthiner et al. (2018) define FVD by its 400 logits. The weights are those of
https://tfhub.dev/deepmind/i3d-kinetics-400/1, which `i3d_weights` reads. Frames are prepared as in
StyleGAN-V's `fvd2048_16f` and in cd-fvd: 16 frames in a row, whole values from 0 to 255 as a saved
video has them, resized to 224 x 224 (bilinear, half-pixel centres, not anti-aliased), scaled to
[-1, 1]. Of a longer real video StyleGAN-V draws the 16 at random; here they are the middle ones.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.errors import InputError
from vdsm.evaluate.i3d_weights import read_weights, stored_at
from vdsm.notation import Video

FRAMES = 16
SIZE = 224
LOGITS = 400
EPSILON = 1e-3  # of Sonnet's batch normalization
AT_ONCE = 4  # clips: activations of one take 0.1 GB
# Channels in, and out of: branch 0; branch 1, narrow and wide; branch 2, the same; branch 3.
MIXED = {
    "mixed_3b": (192, 64, 96, 128, 16, 32, 32),
    "mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "mixed_4b": (480, 192, 96, 208, 16, 48, 64),
    "mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "mixed_4d": (512, 128, 128, 256, 24, 64, 64),
    "mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "mixed_5b": (832, 256, 160, 320, 32, 128, 128),
    "mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}
Maps = Float[Tensor, "B C T H W"]
Wider = Float[Tensor, "B C T2 H2 W2"]
Others = Float[Tensor, "B C2 T2 H2 W2"]
Steps = tuple[int, int, int]  # frames, height, width


def padded(x: Maps, kernel: Steps, stride: Steps, value: float = 0.0) -> Wider:
    """TensorFlow's "SAME": ⌈n / stride⌉ places along each axis, the odd one of padding last."""
    sides: list[int] = []
    for n, k, s in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):  # last axis first
        missing = max((-(-n // s) - 1) * s + k - n, 0)
        sides += [missing // 2, missing - missing // 2]
    return F.pad(x, sides, value=value) if any(sides) else x


def pooled(x: Maps, kernel: Steps, stride: Steps) -> Wider:
    """The largest value in each window."""
    return F.max_pool3d(padded(x, kernel, stride, -torch.inf), kernel, stride)


class Unit(nn.Module):
    """Convolution, batch normalization without a scale, ReLU."""

    def __init__(self, channels: int, out: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, out, kernel, stride, bias=False)
        self.norm = nn.BatchNorm3d(out, EPSILON)
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3

    def forward(self, x: Maps) -> Others:
        return F.relu(self.norm(self.conv(padded(x, self.kernel, self.stride))))


class Mixed(nn.Module):
    """An inflated Inception module: four branches side by side."""

    def __init__(self, channels: int, a: int, b: int, b2: int, c: int, c2: int, d: int) -> None:
        super().__init__()
        self.branch_0 = nn.ModuleDict({"conv3d_0a_1x1": Unit(channels, a)})
        self.branch_1 = nn.ModuleDict(
            {"conv3d_0a_1x1": Unit(channels, b), "conv3d_0b_3x3": Unit(b, b2, 3)}
        )
        self.branch_2 = nn.ModuleDict(
            {"conv3d_0a_1x1": Unit(channels, c), "conv3d_0b_3x3": Unit(c, c2, 3)}
        )
        self.branch_3 = nn.ModuleDict({"conv3d_0b_1x1": Unit(channels, d)})

    def forward(self, x: Maps) -> Others:
        branches = [x, x, x, pooled(x, (3, 3, 3), (1, 1, 1))]
        for i, units in enumerate((self.branch_0, self.branch_1, self.branch_2, self.branch_3)):
            for unit in units.values():
                branches[i] = unit(branches[i])
        return torch.cat(branches, 1)


class I3D(nn.Module):
    """The network, its parts named as its authors name them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.conv3d_2b_1x1 = Unit(64, 64)
        self.conv3d_2c_3x3 = Unit(64, 192, 3)
        for name, channels in MIXED.items():
            self.add_module(name, Mixed(*channels))
        head = {"conv": nn.Conv3d(1024, LOGITS, 1)}
        self.logits = nn.ModuleDict({"conv3d_0c_1x1": nn.ModuleDict(head)})

    def forward(self, x: Float[Tensor, "B 3 T 224 224"]) -> Float[Tensor, "B 400"]:
        """Logits of prepared clips of at least 9 frames, averaged over time."""
        h = pooled(self.conv3d_1a_7x7(x), (1, 3, 3), (1, 2, 2))
        h = pooled(self.conv3d_2c_3x3(self.conv3d_2b_1x1(h)), (1, 3, 3), (1, 2, 2))
        for name in MIXED:
            if name == "mixed_4b":
                h = pooled(h, (3, 3, 3), (2, 2, 2))
            if name == "mixed_5b":
                h = pooled(h, (2, 2, 2), (2, 2, 2))
            h = self.get_submodule(name)(h)
        h = F.avg_pool3d(h, (2, 7, 7), 1)
        logits: Tensor = self.get_submodule("logits.conv3d_0c_1x1.conv")(h)
        return logits.mean(dim=(2, 3, 4))


class I3DFeatures:
    """The network as a feature function of the panel: clips in [0, 1] -> logits [B, 400]."""

    min_frames = FRAMES

    def __init__(self, network: I3D) -> None:
        self.network = network.eval()

    @torch.inference_mode()
    def __call__(self, clips: Video) -> Float[Tensor, "B 400"]:
        device = self.network.conv3d_1a_7x7.conv.weight.device
        few = (clips[i : i + AT_ONCE] for i in range(0, len(clips), AT_ONCE))
        return torch.cat([self.network(prepare(part.to(device))).cpu() for part in few])


def prepare(clips: Video) -> Float[Tensor, "B 3 16 224 224"]:
    """The network's input: the middle frames, in 8 bits, resized, in [-1, 1]; grey is repeated."""
    b, t, _, h, w = clips.shape
    if t < FRAMES:
        raise InputError(f"I3D needs clips of at least {FRAMES} frames, got {t}")
    start = t // 2 - FRAMES // 2
    frames = clips[:, start : start + FRAMES].expand(-1, -1, 3, -1, -1).reshape(-1, 3, h, w)
    sized = F.interpolate((255 * frames).round(), (SIZE, SIZE), mode="bilinear")
    return (2 * sized / 255 - 1).view(b, FRAMES, 3, SIZE, SIZE).transpose(1, 2)


def load_i3d(path: Path | None = None, device: str = "cpu") -> I3DFeatures:
    """The feature function of the weights that `vdsm fetch i3d` stored, in the cache by default.

    InputError where there are none, or others.
    """
    return I3DFeatures(filled(read_weights(path or stored_at())).to(device))


def filled(tensors: dict[str, Tensor]) -> I3D:
    """The network of these weights, of which every one has its place."""
    network = I3D()
    lacking, unknown = network.load_state_dict(tensors, strict=False)
    constant = ("norm.weight", "norm.num_batches_tracked")  # there is no scale; nothing is counted
    assert not unknown
    assert all(name.endswith(constant) for name in lacking)
    return network
