"""One optimizer step of a stage, as the loop takes it and the benchmark times it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vdsm import elbo
from vdsm.device import autocast
from vdsm.elbo import Reference, Terms
from vdsm.model.vdsm import VDSM
from vdsm.notation import Video
from vdsm.train.stages import Stage


@dataclass(frozen=True)
class Batch:
    """What the bound is taken of."""

    x: Video  # what the model is to draw
    seen: Video | None = None  # x with other colours, for q(z) and q(d)
    reference: Reference | None = None  # other frames of the individuals, for q(s)


@dataclass(frozen=True)
class Outcome:
    """What a step came to; still on the device, so that nobody waits for it."""

    loss: Tensor  # []
    terms: Terms
    norm: Tensor  # [] of the whole gradient

    @property
    def finite(self) -> Tensor:
        """[] whether the loss and its gradient are finite."""
        return torch.isfinite(self.loss) & torch.isfinite(self.norm)


def take_step(
    stage: Stage,
    model: VDSM,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    generator: torch.Generator,
    weights: dict[str, float],
    bf16: bool,
) -> Outcome:
    """The weighted bound of a batch, its gradient, and one step of the optimizer."""
    with autocast(batch.x.device, bf16):
        terms = stage.bound(model, batch.x, generator, batch.seen, batch.reference)
    loss = elbo.loss(terms, weights)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.get_total_norm([p.grad for p in trained(model) if p.grad is not None])
    optimizer.step()
    return Outcome(loss.detach(), {k: v.detach() for k, v in terms.items()}, norm)


def make_optimizer(model: VDSM, stage: Stage) -> torch.optim.Optimizer:
    """Adam over what the stage trains (Sec. 3.2)."""
    freeze_all_but(model, stage)
    return torch.optim.Adam(trained(model), lr=stage.settings.lr, fused=True)


def freeze_all_but(model: VDSM, stage: Stage) -> None:
    """Only what the stage trains requires gradients."""
    model.requires_grad_(False)
    for part in stage.trained(model):
        part.requires_grad_(True)


def trained(model: nn.Module) -> list[nn.Parameter]:
    """Parameters that require gradients, in a fixed order."""
    return [p for p in model.parameters() if p.requires_grad]
