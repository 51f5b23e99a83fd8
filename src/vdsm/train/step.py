"""One step of a stage, as the loop takes it and the benchmark times it: every player's turn."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vdsm.device import autocast
from vdsm.train.stage import Player, Stage, Terms, Values, weighted


@dataclass(frozen=True)
class Outcome:
    """What a turn came to; still on the device, so that nobody waits for it."""

    loss: Tensor  # []
    means: dict[str, Tensor]  # [] of every term, over the batch
    norm: Tensor  # [] of the whole gradient

    @property
    def finite(self) -> Tensor:
        """[] whether the loss and its gradient are finite."""
        return torch.isfinite(self.loss) & torch.isfinite(self.norm)


class Bound(nn.Module):
    """A player's bound as a module, which is what DDP wraps."""

    def __init__(self, player: Player, model: nn.Module) -> None:
        super().__init__()
        self.player, self.model = player, model

    def forward(self, batch: Any, generator: torch.Generator) -> Terms:
        return self.player.bound(self.model, batch, generator)


def take_step(
    bound: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Any,
    generator: torch.Generator,
    weights: Values,
    bf16: bool,
    share: float = 1.0,
    clip: float = 0.0,
) -> Outcome:
    """The weighted bound of a batch, its gradient, and one step of the optimizer.

    `share` is the weight of this process's rows where several share the batch. `clip` is the
    largest norm of the gradient that the optimizer sees, unless it is 0.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    with autocast(parameters[0].device, bf16):
        terms: Terms = bound(batch, generator)
    loss = share * weighted(terms, weights)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if clip:
        nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    optimizer.step()
    means = {name: share * term.detach().mean() for name, term in terms.items()}
    return Outcome(loss.detach(), means, norm)


def make_optimizer(model: nn.Module, player: Player, lr: float) -> torch.optim.Optimizer:
    """Over what the player trains."""
    train_only(model, player)
    rates: dict[float, list[tuple[str, nn.Parameter]]] = {}
    for name, p in model.named_parameters():
        if p.requires_grad:
            factors = [f for prefix, f in player.relative.items() if name.startswith(prefix)]
            rates.setdefault(factors[0] if factors else 1.0, []).append((name, p))
    return player.optimizer(rates, lr)


def make_optimizers(model: nn.Module, stage: Stage) -> dict[str, torch.optim.Optimizer]:
    """One for each player, by name."""
    return {p.name: make_optimizer(model, p, stage.settings.lr) for p in stage.players}


def train_only(model: nn.Module, player: Player) -> None:
    """Only what the player trains requires gradients."""
    model.requires_grad_(False)
    for part in player.trained(model):
        part.requires_grad_(True)
