"""Muon (Jordan et al. 2024): Adam for vectors; for matrices, momentum made orthogonal.

Adam moves the large directions of a weight matrix and starves the small ones, and what tells
individuals apart is small: one skin from the next differs in few pixels by little. Here every
direction of a matrix moves alike, and every matrix by the same share of its own size (as in You et
al. 2017), be it a layer of small weights or a whitened head of large ones.

`torch.optim.Muon` takes single matrices only; the decoder's bank is a stack of them.
"""

from collections.abc import Callable, Iterable
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


class Muon(Optimizer):
    """Over groups of parameters that `matrices_and_vectors` gives."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update; parameters without a gradient stay."""
        assert closure is None, "no closures"
        for group in self.param_groups:
            update = self._orthogonal if group["orthogonal"] else self._adam
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * update(p, p.grad))
        return None

    def _orthogonal(self, p: Tensor, grad: Tensor) -> Tensor:
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        momentum = state["momentum"].lerp_(grad, 1 - MOMENTUM)
        stack = as_matrices(grad.lerp(momentum, MOMENTUM))  # Nesterov's
        own = p.square().mean().sqrt().clamp_min(SMALLEST)
        unit = max(stack.shape[1:]) ** 0.5  # gives an orthogonal matrix a mean square of 1
        return orthogonal(stack).reshape(p.shape).mul_(RELATIVE * unit * own)

    def _adam(self, p: Tensor, grad: Tensor) -> Tensor:
        state = self.state[p]
        if not state:
            state |= {"step": torch.zeros(()), "mean": torch.zeros_like(p)}
            state["square"] = torch.zeros_like(p)
        state["step"] += 1
        mean: Tensor = state["mean"].lerp_(grad, 1 - BETAS[0])
        square: Tensor = state["square"].lerp_(grad.square(), 1 - BETAS[1])
        first, second = (1 - beta ** float(state["step"]) for beta in BETAS)
        update: Tensor = mean / first / ((square / second).sqrt() + EPS)
        return update


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


def orthogonal(x: Float[Tensor, "N rows cols"]) -> Float[Tensor, "N rows cols"]:
    """About U Vᵀ of every x = U S Vᵀ: all singular values between .6 and 1.2, tiny ones less.

    Newton and Schulz's iteration x <- (a + b x xᵀ + c (x xᵀ)²) x. All its polynomials commute,
    so they are multiplied up on the small side, and x is read twice only. In float32: the
    products of x with itself lose small directions in less.
    """
    if x.shape[1] > x.shape[2]:
        return orthogonal(x.mT).mT
    a, b, c = QUINTIC
    x = x.float() / x.flatten(1).norm(dim=1).clamp_min(TINY)[:, None, None]
    gram = x @ x.mT
    product = torch.eye(x.shape[1], device=x.device)
    for _ in range(ITERATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor @ product
        gram = factor @ gram @ factor
    return product @ x
