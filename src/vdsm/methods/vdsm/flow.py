"""z = f(z⁰; context): inverse autoregressive flow, a richer q(z_t | ...) (Sec. 3.1, optional).

The paper explored it and found the gain not worth its cost; `flow_steps = 0` leaves it out.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

HIDDEN = 64


class MaskedLinear(nn.Linear):
    """A dense layer whose output i may depend on input j only where mask[i, j] is one."""

    mask: Tensor

    def __init__(self, mask: Float[Tensor, "outputs inputs"]) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, input: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """The layer, with the weights that the mask leaves."""
        return F.linear(input, self.weight * self.mask, self.bias)


class FlowStep(nn.Module):
    """z_i <- σ_i z_i + (1 - σ_i) m_i, with σ_i and m_i functions of z_<i and the context."""

    def __init__(self, dim: int, context: int) -> None:
        super().__init__()
        order = torch.arange(dim)
        degrees = torch.arange(HIDDEN) % max(dim - 1, 1)
        self.inputs = MaskedLinear((degrees[:, None] >= order).float())
        self.context = nn.Linear(context, HIDDEN)
        outputs = (order[:, None] > degrees).float()
        self.shift = MaskedLinear(outputs)
        self.gate = MaskedLinear(outputs)
        nn.init.constant_(self.gate.bias, 2.0)  # starts near the identity

    def forward(
        self, z: Float[Tensor, "*rows Z"], context: Float[Tensor, "*rows X"]
    ) -> tuple[Float[Tensor, "*rows Z"], Float[Tensor, "*rows"]]:
        """The step, and log |det| of its Jacobian, which is triangular."""
        hidden = F.elu(self.inputs(z) + self.context(context))
        gate = self.gate(hidden)
        sigma = torch.sigmoid(gate)
        return sigma * z + (1 - sigma) * self.shift(hidden), F.logsigmoid(gate).sum(-1)


class InverseAutoregressiveFlow(nn.Module):
    """Several steps, the order of the dimensions reversed between them (Kingma et al. 2016)."""

    def __init__(self, steps: int, dim: int, context: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(FlowStep(dim, context) for _ in range(steps))

    def forward(
        self, z: Float[Tensor, "*rows Z"], context: Float[Tensor, "*rows X"]
    ) -> tuple[Float[Tensor, "*rows Z"], Float[Tensor, "*rows"]]:
        """The transformed sample and log |det dz/dz⁰|."""
        log_det = z.new_zeros(z.shape[:-1])
        for step in self.steps:
            z, change = step(z.flip(-1), context)
            log_det = log_det + change
        return z, log_det
