"""3D ResNeXt-101 of Hara et al. (2018), whose features are behind the paper's Table 3.

The weights are public (`resnext-101-kinetics.pth`, trained on Kinetics-400, see
https://github.com/kenshohara/video-classification-3d-cnn-pytorch); the user names the file. Frames
are prepared as in the evaluation of G3AN, which the paper follows: the middle 16 frames, resized
to 112 x 112 (bilinear, anti-aliased), values 0 to 255, the Kinetics mean of each channel taken
off, no division. Features are the 2048 averages over space and time before the classifier.
"""

import pickle
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.errors import InputError
from vdsm.files import refuse_pointer
from vdsm.notation import Video

FRAMES = 16
SIZE = 112
MEAN = (114.7748, 107.7354, 99.4750)  # of Kinetics, red, green, blue, 0 to 255
CARDINALITY = 32
BLOCKS = (3, 4, 23, 3)
PLANES = (128, 256, 512, 1024)


class Bottleneck(nn.Module):
    """1x1x1, grouped 3x3x3, 1x1x1 convolutions beside a shortcut."""

    def __init__(self, channels: int, planes: int, stride: int) -> None:
        super().__init__()
        out = 2 * planes
        self.conv1 = nn.Conv3d(channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, 3, stride, 1, groups=CARDINALITY, bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.conv3 = nn.Conv3d(planes, out, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(out)
        self.downsample = nn.Sequential()
        if stride != 1 or channels != out:  # shortcut B
            projection = nn.Conv3d(channels, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm3d(out))

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        return F.relu(self.bn3(self.conv3(h)) + self.downsample(x))


class ResNeXt101(nn.Module):
    """The network without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, 7, (1, 2, 2), 3, bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        channels = 64
        for i, (blocks, planes) in enumerate(zip(BLOCKS, PLANES, strict=True)):
            layer = [Bottleneck(channels, planes, 1 if i == 0 else 2)]
            channels = 2 * planes
            layer += [Bottleneck(channels, planes, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{i + 1}", nn.Sequential(*layer))

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B F"]:
        """Features of prepared clips, channels before frames."""
        h = F.max_pool3d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(len(BLOCKS)):
            h = self.get_submodule(f"layer{i + 1}")(h)
        return h.mean(dim=(2, 3, 4))


class ResNeXtFeatures:
    """The network as a feature function of the panel: clips in [0, 1] -> [B, 2048]."""

    min_frames = FRAMES

    def __init__(self, network: ResNeXt101) -> None:
        self.network = network.eval()

    @torch.inference_mode()
    def __call__(self, clips: Video) -> Float[Tensor, "B F"]:
        features: Tensor = self.network(prepare(clips).to(self.network.conv1.weight.device))
        return features.cpu()


def prepare(clips: Video) -> Float[Tensor, "B 3 16 112 112"]:
    """The network's input: middle frames, resized, Kinetics mean removed; grey is repeated."""
    b, t, _, h, w = clips.shape
    if t < FRAMES:
        raise InputError(f"3D ResNeXt-101 needs clips of at least {FRAMES} frames, got {t}")
    start = t // 2 - FRAMES // 2
    frames = clips[:, start : start + FRAMES].expand(-1, -1, 3, -1, -1).reshape(-1, 3, h, w)
    sized = F.interpolate(255 * frames, (SIZE, SIZE), mode="bilinear", antialias=True)
    centred = sized - torch.tensor(MEAN, device=sized.device).view(3, 1, 1)
    return centred.view(b, FRAMES, 3, SIZE, SIZE).transpose(1, 2)


def load_resnext101(path: Path, device: str = "cpu") -> ResNeXtFeatures:
    """The feature function of the public weights; InputError where the file is something else."""
    if not path.exists():
        raise InputError(f"no file {path}: it should be the public resnext-101-kinetics.pth")
    refuse_pointer(path)
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(
            f"cannot read weights from {path}: it is damaged or no torch file"
        ) from error
    tensors = _tensors(stored, path)
    network = ResNeXt101()
    expected = network.state_dict()
    wrong = [k for k, v in expected.items() if k not in tensors or tensors[k].shape != v.shape]
    wrong = [k for k in wrong if not k.endswith("num_batches_tracked")]  # older files have none
    if wrong:
        raise InputError(
            f"{path} is no 3D ResNeXt-101: '{wrong[0]}' is missing or of another shape"
        )
    network.load_state_dict({**expected, **{k: v for k, v in tensors.items() if k in expected}})
    return ResNeXtFeatures(network.to(device))


def _tensors(stored: Any, path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint, without the names that a data-parallel wrapper put before."""
    inner = stored.get("state_dict", stored) if isinstance(stored, dict) else None
    if not isinstance(inner, dict):
        raise InputError(f"{path} holds no state dict: it should be resnext-101-kinetics.pth")
    return {str(k).removeprefix("module."): v for k, v in inner.items() if isinstance(v, Tensor)}
