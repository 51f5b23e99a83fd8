"""p(x_t | s, z_t): the mixture-of-experts decoder DEC_MoE(ŝ, {s, z_t}) (Sec. 3.1, App. D)."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.upsample import Weight, upsample
from vdsm.notation import Identity, Pose, Video

KERNEL = 4
SLOPE = 0.01  # of the LeakyReLUs
FEW = 4  # clips from which on it pays to blend in bfloat16 (docs/log)


class MixtureDecoder(nn.Module):
    """A bank of N transposed-convolution decoders whose *weights* are averaged by ŝ.

    One blended decoder per clip then draws all its frames. A layer's bank has shape
    [N, I, 4, 4, O]: with channels last, blending is one matmul, (B x N)(N x P), and so is the
    layer itself. With one expert the bank is a single decoder (App. G).

    The paper's layers hear of s and z_t by the first alone, and may then use few directions of s.
    With `decoder_skips` both scale the channels of the layers above it as well (skips from the
    latents to every layer, Dieng et al. 2019; scales that depend on them, Perez et al. 2018).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input = config.decoder_input
        self.experts = config.num_experts
        # p(s) has scale 1/N_s, p(z) scale 1: s enters in that unit, so that both are heard equally.
        self.unit = config.num_experts
        routed = self.experts not in (1, config.identity_dim)
        told = self.experts if self.input == "s_hat" and routed else config.identity_dim
        inputs = told + config.pose_dim
        shapes = list(
            zip(
                (inputs, *config.decoder_widths),
                (*config.decoder_widths, config.channels),
                strict=True,
            )
        )
        self.weights = nn.ParameterList(
            initial_bank(self.experts, i, o, first=layer == 0)
            for layer, (i, o) in enumerate(shapes)
        )
        self.biases = nn.ParameterList(torch.zeros(self.experts, o) for _, o in shapes)
        self.skips = nn.ModuleList(
            skip(inputs, o) for o in config.decoder_widths[1:] if config.decoder_skips
        )
        self.route: nn.Module = nn.Identity()
        if routed:
            # Starts with one dimension of s per expert, as with as many experts as dimensions. A
            # bias, times the inverse_temperature, would let one expert draw everybody.
            self.route = nn.Linear(config.identity_dim, self.experts, bias=False)
            nn.init.eye_(self.route.weight)

    def forward(
        self, s: Identity, z: Pose, inverse_temperature: Float[Tensor, ""] | float
    ) -> Video:
        """Logits of the frames. `inverse_temperature` is 1 / τ_s of Eq. 1."""
        mixture = self.mixture(s, inverse_temperature)
        told = s
        if self.input == "s_hat":  # of a single decoder, which has no weights, softmax of s
            told = mixture if self.experts > 1 else torch.softmax(s * inverse_temperature, -1)
        x = torch.cat([self.unit * told[:, None].expand(-1, z.shape[1], -1), z], -1)
        return self.draw(x, mixture)

    def mixture(
        self, s: Identity, inverse_temperature: Float[Tensor, ""] | float
    ) -> Float[Tensor, "B N"]:
        """ŝ = softmax(s / τ_s): the weight of each expert (Eq. 1); 1 of a single one (App. G)."""
        if self.experts == 1:
            return torch.ones_like(s[:, :1])
        return torch.softmax(self.route(s) * inverse_temperature, -1)

    def draw(self, x: Float[Tensor, "B T I"], mixture: Float[Tensor, "B N"]) -> Video:
        """Logits from inputs and expert weights."""
        code, last = x, len(self.weights) - 1
        for layer, (bank, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            weight, bias = blend(bank, mixture), blend(biases, mixture)
            if layer == 0:
                x = F.leaky_relu(expand(x, weight, bias), SLOPE)
            else:
                x = upsample(x, weight, bias, SLOPE if layer < last else None)
            if self.skips and 0 < layer < last:
                x = x * (1 + self.skips[layer - 1](code)[:, :, None, None])
        return x.permute(0, 1, 4, 2, 3)


def skip(inputs: int, channels: int) -> nn.Linear:
    """From s and z to a layer's channels; at the start these are scaled by hardly more than 1."""
    layer = nn.Linear(inputs, channels, bias=False)
    nn.init.normal_(layer.weight, std=0.1 * inputs**-0.5)
    return layer


def blend(
    bank: Float[Tensor, "N *shape"], mixture: Float[Tensor, "B N"]
) -> Float[Tensor, "B *shape"]:
    """Σ_k ŝ_k W_k for every clip of the batch, in one matmul.

    Under autocast too, the bank of a few clips is read as it is: its cast would take longer.
    """
    kind = bank.device.type
    if torch.is_autocast_enabled(kind) and len(mixture) < FEW:
        with torch.autocast(kind, enabled=False):
            blended = mixture.to(bank) @ bank.flatten(1)
        blended = blended.to(torch.get_autocast_dtype(kind))
    else:
        blended = mixture @ bank.flatten(1)
    return blended.view(-1, *bank.shape[1:])


def expand(
    x: Float[Tensor, "B T I"], weight: Weight, bias: Float[Tensor, "B O"]
) -> Float[Tensor, "B T 4 4 O"]:
    """ConvTrans(stride 1, padding 0) of a single position: it becomes the 4 x 4 kernel."""
    y = (x @ weight.flatten(2)).view(*x.shape[:2], *weight.shape[2:])
    return y + bias[:, None, None, None]


def initial_bank(experts: int, inputs: int, outputs: int, first: bool) -> Tensor:
    """Experts that start close to one another, so that their uniform blend keeps its scale.

    Independent experts would blend to 1/√N of it, and five layers would lose the signal.
    The paper gives no initialization.
    """
    taps = 1 if first else 4  # kernel entries that reach one output position
    std = math.sqrt(2 / (inputs * taps))
    shape = (inputs, KERNEL, KERNEL, outputs)
    return std * (torch.randn(shape) + 0.5 * torch.randn(experts, *shape))
