"""Singular-value clipping: layers that stretch nothing (Saito, Matsumoto, Saito 2017, Sec. 4).

A critic whose layers are 1-Lipschitz is: of a matrix or kernel no singular value exceeds 1, of
batch norm no scale γ exceeds the deviation σ that it divides by.
"""

import torch
from torch import Tensor, nn

from vdsm.methods.parts.dcgan import NORMS

LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
LEAST = 0.01  # of σ: γ stays above 0


@torch.no_grad()
def clip(module: nn.Module) -> None:
    """Clip every layer, in place. What is not finite stays, for the loop to find."""
    for part in module.modules():
        if isinstance(part, LINEAR) and bool(part.weight.isfinite().all()):
            part.weight.copy_(clipped(part.weight))
        elif isinstance(part, NORMS):
            assert part.running_var is not None
            deviation = part.running_var.sqrt()
            part.weight.copy_(part.weight.clamp(LEAST * deviation, deviation))


def clipped(weight: Tensor) -> Tensor:
    """A kernel [out, in, ...], as a matrix [out, in · ...], with singular values of 1 at most."""
    u, s, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    matrix: Tensor = u * s.clamp(max=1) @ v
    return matrix.view_as(weight)
