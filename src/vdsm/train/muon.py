"""Muon (Jordan et al. 2024): Adam for vectors; for matrices, momentum made orthogonal.

Adam moves the large directions of a weight matrix and starves the small ones, and what tells
individuals apart is small: one skin from the next differs in few pixels by little. Here every
direction of a matrix moves alike, and every matrix by the same share of its own size (as in You et
al. 2017), be it a layer of small weights or a whitened head of large ones.

`torch.optim.Muon` takes single matrices only; the decoder's bank is a stack of them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)  # p(σ) = aσ + bσ³ + cσ⁵, Jordan's choice
ITERATIONS = 5
MOMENTUM = 0.95
BETAS, EPS = (0.9, 0.999), 1e-8  # Adam's
RELATIVE = 2.0  # an update of a matrix, relative to the matrix and in units of the learning rate
SMALLEST = 0.03  # root mean square up to which a matrix counts as this large, so that zeros move
TINY = 1e-12
CORRECTIONS = "corrections"  # of a group, in a step that is recorded: 1 - β^t of both β, as tensors


class Muon(Optimizer):
    """Over groups of parameters that `matrices_and_vectors` gives."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update; parameters without a gradient stay."""
        assert closure is None, "no closures"
        for group in self.param_groups:
            ps = [p for p in group["params"] if p.grad is not None]
            if ps:
                vectors = group.get(CORRECTIONS)
                updates = self._orthogonal(ps) if group["orthogonal"] else self._adam(ps, vectors)
                move(ps, updates, group["lr"])
        return None

    def corrections(self) -> dict[int, tuple[float, float]] | None:
        """Of the next step 1 - β^t of both β, by number of the group that moves as Adam does.

        None where parameters of a group have moved different numbers of times.
        """
        found = {}
        for number, group in enumerate(self.param_groups):
            if group["orthogonal"]:
                continue
            moved = [p for p in group["params"] if p.grad is not None]
            counts = {self._count(p) for p in moved} or {0}
            if len(counts) > 1:
                return None
            found[number] = corrected(counts.pop() + 1)
        return found

    def count(self) -> None:
        """A step more, for what has a gradient: of a step that was given its corrections."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and not group["orthogonal"]:
                    self.state[p]["step"] = self._count(p) + 1

    # All of a group at once: a GPU needs longer to be told of a small operation than to do it.

    def _orthogonal(self, ps: list[Tensor]) -> list[Tensor]:
        (momenta,) = self._states(ps, "momentum")
        grads = gradients(ps)
        torch._foreach_lerp_(momenta, grads, 1 - MOMENTUM)
        stacks = [as_matrices(g) for g in torch._foreach_lerp(grads, momenta, MOMENTUM)]  # Nesterov
        unit = [max(stack.shape[1:]) ** 0.5 for stack in stacks]  # mean square of 1 for orthogonal
        own = torch._foreach_norm(ps)
        torch._foreach_div_(own, [p.numel() ** 0.5 for p in ps])
        torch._foreach_clamp_min_(own, SMALLEST)
        torch._foreach_mul_(own, [RELATIVE * u for u in unit])
        updates = [u.reshape(p.shape) for u, p in zip(orthogonal(stacks), ps, strict=True)]
        torch._foreach_mul_(updates, own)
        return updates

    def _adam(self, ps: list[Tensor], corrections: tuple[Tensor, Tensor] | None) -> list[Tensor]:
        means, squares = self._states(ps, "mean", "square")
        grads = gradients(ps)
        first, second = corrections or self._counted(ps)
        torch._foreach_lerp_(means, grads, 1 - BETAS[0])
        torch._foreach_lerp_(squares, torch._foreach_pow(grads, 2), 1 - BETAS[1])
        scales = torch._foreach_div(squares, second)
        torch._foreach_sqrt_(scales)
        torch._foreach_add_(scales, EPS)
        updates = torch._foreach_div(means, first)
        torch._foreach_div_(updates, scales)
        return list(updates)

    def _count(self, p: Tensor) -> int:
        return int(self.state[p].get("step", 0))

    def _counted(self, ps: list[Tensor]) -> tuple[list[float], list[float]]:
        """Count a step of each; its corrections."""
        for p in ps:
            self.state[p]["step"] = self._count(p) + 1
        both = [corrected(self._count(p)) for p in ps]
        return [one for one, _ in both], [other for _, other in both]

    def _states(self, ps: list[Tensor], *names: str) -> list[list[Tensor]]:
        """State of every parameter by name, zeros at first."""
        for p in ps:
            for name in names:
                if name not in self.state[p]:
                    self.state[p][name] = torch.zeros_like(p)
        return [[self.state[p][name] for p in ps] for name in names]


def corrected(count: int) -> tuple[float, float]:
    """1 - β^t of both of Adam's β."""
    return 1 - BETAS[0] ** count, 1 - BETAS[1] ** count


def move(ps: list[Tensor], updates: list[Tensor], rate: float | Tensor) -> None:
    """Take the updates, times the rate, off the parameters."""
    if isinstance(rate, Tensor):
        torch._foreach_mul_(updates, rate)
        torch._foreach_sub_(ps, updates)
    else:
        torch._foreach_sub_(ps, updates, alpha=rate)


def gradients(ps: Iterable[Tensor]) -> list[Tensor]:
    """Of parameters that have one."""
    return [p.grad for p in ps if p.grad is not None]


def matrices_and_vectors(named: Iterable[tuple[str, nn.Parameter]]) -> list[dict[str, Any]]:
    """Groups for `Muon`: what is to be moved orthogonally, and what as Adam does."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, p in named:
        groups[is_matrix(name, p)].append(p)
    return [{"params": ps, "orthogonal": matrix} for matrix, ps in groups.items() if ps]


def is_matrix(name: str, p: nn.Parameter) -> bool:
    """Weights are matrices, or stacks of them; biases are not, though a bank's has two axes."""
    return p.ndim > 1 and "bias" not in name


def as_matrices(p: Tensor) -> Float[Tensor, "N rows cols"]:
    """A dense layer [O, I], a convolution [O, I, 4, 4] or a bank [N, I, 4, 4, O], as matrices."""
    return p.flatten(2) if p.ndim == 5 else p.flatten(1)[None]


def orthogonal(stacks: Sequence[Float[Tensor, "_ _ _"]]) -> list[Float[Tensor, "_ _ _"]]:
    """About U Vᵀ of every x = U S Vᵀ in stacks [N, rows, cols].

    All singular values come between .6 and 1.2, tiny ones less. Newton and Schulz's iteration
    x <- (a + b x xᵀ + c (x xᵀ)²) x: all its polynomials commute, so they are multiplied up on the
    small side, for all matrices of the same small side at once, and x is read twice only. In
    float32: the products of x with itself lose small directions in less.
    """
    wide = [x.mT if x.shape[1] > x.shape[2] else x for x in stacks]
    norms = [x.flatten(1).norm(dim=1).clamp_min(TINY)[:, None, None] for x in wide]
    wide = [x.float() / norm for x, norm in zip(wide, norms, strict=True)]
    grams = [x @ x.mT for x in wide]
    found: dict[int, Tensor] = {}
    for side in {gram.shape[1] for gram in grams}:
        mine = [i for i, gram in enumerate(grams) if gram.shape[1] == side]
        product = polynomial(torch.cat([grams[i] for i in mine]))
        found |= zip(mine, torch.split(product, [len(grams[i]) for i in mine]), strict=True)
    updates = [found[i] @ x for i, x in enumerate(wide)]
    return [y.mT if x.shape[1] > x.shape[2] else y for x, y in zip(stacks, updates, strict=True)]


def polynomial(gram: Float[Tensor, "N n n"]) -> Float[Tensor, "N n n"]:
    """What x is to be multiplied with, from x xᵀ."""
    product = factor = step_of(gram)
    for _ in range(ITERATIONS - 1):
        gram = factor @ gram @ factor
        factor = step_of(gram)
        product = factor @ product
    return product


def step_of(gram: Float[Tensor, "N n n"]) -> Float[Tensor, "N n n"]:
    """What one iteration multiplies x with."""
    a, b, c = QUINTIC
    factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal(dim1=1, dim2=2).add_(a)
    return factor
