"""What a step must do at the least: arithmetic, and memory traffic of the optimizer."""

from dataclasses import dataclass

from vdsm.bench.machine import Machine
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.model import VDSM

ADAM_BYTES = 28  # per parameter: four floats read (p, g, m, v), three written


@dataclass(frozen=True)
class Work:
    """Multiplications and additions of convolutions and matmuls; bytes of parameters moved."""

    conv_flops: float = 0
    matmul_flops: float = 0
    bytes: float = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.conv_flops + other.conv_flops,
            self.matmul_flops + other.matmul_flops,
            self.bytes + other.bytes,
        )

    def __rmul__(self, times: float) -> "Work":
        return Work(times * self.conv_flops, times * self.matmul_flops, times * self.bytes)

    def floor(self, machine: Machine, bf16: bool) -> float:
        """Seconds it takes at the machine's own speeds, one thing after the other."""
        matmul = machine.matmul_bf16_tflops if bf16 else machine.matmul_fp32_tflops
        return (
            self.conv_flops / machine.conv_tflops / 1e12
            + self.matmul_flops / matmul / 1e12
            + self.bytes / machine.memory_gb_s / 1e9
        )


def encoder(config: ModelConfig, frames: int) -> Work:
    """Forward pass of the convolutions over `frames` frames."""
    flops, side, inputs = 0.0, int(config.size), int(config.channels)
    for layer, outputs in enumerate(config.encoder_widths):
        last = layer == len(config.encoder_widths) - 1
        side = side - 3 if last else side - 1
        flops += 2 * frames * side**2 * outputs * inputs * 16
        side, inputs = (side + 1) // 2, outputs
    return Work(conv_flops=flops)


def decoder(config: ModelConfig, clips: int, frames: int) -> Work:
    """Forward pass: the blend of the bank, then the transposed convolutions."""
    inputs, side, blend, draw = config.identity_dim + config.pose_dim, 1, 0.0, 0.0
    for layer, outputs in enumerate((*config.decoder_widths, config.channels)):
        weights = inputs * 16 * outputs
        blend += 2 * clips * config.num_experts * weights
        draw += 2 * clips * frames * side**2 * weights
        side, inputs = 4 if layer == 0 else 2 * side, outputs
    return Work(matmul_flops=blend + draw)


def sequence(model: VDSM, clips: int, frames: int) -> Work:
    """Forward pass of the LSTMs and of what runs at every step: their weights, once a frame."""
    parts = (model.dynamics, model.dynamics_decoder, model.combiner, model.transition)
    weights = sum(p.numel() for part in parts for p in part.parameters() if p.ndim == 2)
    return Work(matmul_flops=2.0 * clips * frames * weights)


def optimizer(model: VDSM) -> Work:
    """Adam's memory traffic over what is trained."""
    return Work(bytes=ADAM_BYTES * sum(p.numel() for p in model.parameters() if p.requires_grad))


def step(model: VDSM, stage: str, clips: int, frames: int) -> Work:
    """A whole step. A gradient costs as much as the forward pass, for inputs and weights each."""
    config = model.config
    enc, dec = encoder(config, clips * frames), decoder(config, clips, frames)
    if stage == "stage1":
        return 3 * (enc + dec) + optimizer(model)
    return enc + 3 * dec + 3 * sequence(model, clips, frames) + optimizer(model)
