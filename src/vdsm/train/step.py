"""One optimizer step of a stage, as the loop takes it and the benchmark times it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vdsm.device import autocast
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.elbo import Reference, Terms
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.stages import Stage
from vdsm.notation import Gaussian, Pose, Video
from vdsm.train.muon import Muon, matrices_and_vectors


@dataclass(frozen=True)
class Batch:
    """What the bound is taken of: frames."""

    x: Video  # what the model is to draw
    seen: Video | None = None  # x with other colours, for q(z) and q(d)
    reference: Reference | None = None  # another clip of the individuals, for q(s)
    second: Reference | None = None  # one more, on which q(s) is to agree

    def views(self) -> dict[str, Tensor]:
        """What else the bound is given, by the name of the argument."""
        return given(seen=self.seen, reference=self.reference, second=self.second)


@dataclass(frozen=True)
class PoseBatch:
    """What the bound is taken of: poses, as stage 1 found them in frames."""

    x: Gaussian  # q(z_t | x_t), which the sequence model is to hit
    seen: Pose  # the means of these in another view of the clips, for q(d)
    reference: Pose | None = None  # in the clips as they are, on which q(d) is to agree

    def views(self) -> dict[str, Tensor]:
        """As of frames."""
        return given(seen=self.seen, reference=self.reference)


def given(**views: Tensor | None) -> dict[str, Tensor]:
    """Those that there are."""
    return {name: view for name, view in views.items() if view is not None}


@dataclass(frozen=True)
class Outcome:
    """What a step came to; still on the device, so that nobody waits for it."""

    loss: Tensor  # []
    means: dict[str, Tensor]  # [] of every term, over the batch
    norm: Tensor  # [] of the whole gradient

    @property
    def finite(self) -> Tensor:
        """[] whether the loss and its gradient are finite."""
        return torch.isfinite(self.loss) & torch.isfinite(self.norm)


class Bound(nn.Module):
    """A stage's bound as a module, which is what DDP wraps."""

    def __init__(self, stage: Stage, model: VDSM) -> None:
        super().__init__()
        self.stage, self.model = stage, model

    def forward(self, batch: Batch | PoseBatch, generator: torch.Generator) -> Terms:
        return self.stage.bound(self.model, batch.x, generator, **batch.views())


def take_step(
    bound: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch | PoseBatch,
    generator: torch.Generator,
    weights: dict[str, float],
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
    loss = share * elbo.loss(terms, weights)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if clip:
        nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    optimizer.step()
    means = {name: share * term.detach().mean() for name, term in terms.items()}
    return Outcome(loss.detach(), means, norm)


def make_optimizer(model: VDSM, stage: Stage) -> torch.optim.Optimizer:
    """Over what the stage trains: Adam (Sec. 3.2), or Muon."""
    freeze_all_but(model, stage)
    lr = stage.settings.lr
    rates = by_rate(model, stage.identity_lr)
    if stage.settings.optimizer == "adam":
        adam = [{"params": [p for _, p in ps], "relative": rate} for rate, ps in rates.items()]
        return torch.optim.Adam(adam, lr=lr, fused=True)
    muon = [
        group | {"relative": rate}
        for rate, named in rates.items()
        for group in matrices_and_vectors(named)
    ]
    return Muon(muon, lr)


def by_rate(model: VDSM, identity_lr: float) -> dict[float, list[tuple[str, nn.Parameter]]]:
    """What is trained, by learning rate relative to the stage's."""
    rates: dict[float, list[tuple[str, nn.Parameter]]] = {}
    for name, p in model.named_parameters():
        if p.requires_grad:
            below = name.startswith(("identity.encoder.", "identity.embed."))
            rates.setdefault(identity_lr if below else 1.0, []).append((name, p))
    return rates


def freeze_all_but(model: VDSM, stage: Stage) -> None:
    """Only what the stage trains requires gradients."""
    model.requires_grad_(False)
    for part in stage.trained(model):
        part.requires_grad_(True)
