"""Linear dynamics of latent sequences: z_t+1 ≈ z_t C (SKD, Berman et al., ICLR 2023, Sec. 3).

Directions whose eigenvalue is 1 stay as they are: what they hold is static. C and what follows from
it are found in float64 on the CPU, where such small systems are solved fastest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Complex, Float
from scipy import linalg
from torch import Tensor

Array = npt.NDArray[Any]

RIDGE = 1e-8  # of the mean square of latents: where equations do not determine C, the least one
WORST = 1e6  # condition of eigenvectors up to which eigenvalues have a gradient
LARGEST = 1e3  # entry of the map that splits two subspaces


def exact(x: Tensor) -> Tensor:
    """In float64 on the CPU, differentiable. What is not finite is 0, for LAPACK refuses it."""
    return torch.nan_to_num(x.cpu().double(), posinf=0.0, neginf=0.0)


def least_squares(
    before: Float[Tensor, "*B N K"], after: Float[Tensor, "*B N K"]
) -> Float[Tensor, "*B K K"]:
    """C of least |before C - after|²; of several the smallest. float64, on the CPU."""
    before, after = exact(before), exact(after)
    gram, narrow = smaller_gram(before)
    if narrow:  # as many equations as unknowns of a column, or more
        solved: Tensor = torch.linalg.solve(gram, before.mT @ after)
        return solved
    solved = before.mT @ torch.linalg.solve(gram, after)
    return solved


def smaller_gram(before: Tensor) -> tuple[Tensor, bool]:
    """XᵀX, or XXᵀ where that is smaller, with a ridge; and whether it is the first."""
    narrow = before.shape[-1] <= before.shape[-2]
    gram = before.mT @ before if narrow else before @ before.mT
    ridge = RIDGE * gram.diagonal(dim1=-2, dim2=-1).mean(-1) + torch.finfo(gram.dtype).tiny
    one = torch.eye(gram.shape[-1], device=gram.device).to(gram)
    return gram + ridge[..., None, None] * one, narrow


def spectrum(
    before: Float[Tensor, "*B N K"], after: Float[Tensor, "*B N K"]
) -> Complex[Tensor, "*B L"]:
    """Eigenvalues of C, as many as there are equations or dimensions.

    C of fewer equations N than dimensions K has rank N: the other eigenvalues are 0, all alike,
    which no gradient survives. So they are taken of the N x N matrix that has the same others.
    Eigenvectors that are nearly parallel (eigenvalues that meet) leave none either: these
    eigenvalues are constants.
    """
    before, after = exact(before), exact(after)
    gram, narrow = smaller_gram(before)
    matrix = torch.linalg.solve(gram, before.mT @ after if narrow else after @ before.mT)
    with torch.no_grad():
        fixed, vectors = torch.linalg.eig(matrix)
        scale = torch.linalg.svdvals(vectors)
        sound = scale[..., 0] < WORST * scale[..., -1]
    numbers = torch.arange(1.0, matrix.shape[-1] + 1, device=matrix.device)
    apart = torch.diag(numbers).to(matrix)
    found = torch.linalg.eigvals(torch.where(sound[..., None, None], matrix, apart))
    return torch.where(sound[..., None], found, fixed)


def spectral_cost(
    values: Complex[Tensor, "*B L"], static: int, radius: float
) -> Float[Tensor, "*B"]:
    """Mean |λ - 1|² of the `static` eigenvalues next to 1, and mean (|λ| - radius)₊ of the rest."""
    order = (values - 1).abs().argsort(-1)
    values = values.gather(-1, order)
    near, far = values[..., :static], values[..., static:]
    cost = (near - 1).abs().square().mean(-1)
    if far.shape[-1]:
        cost = cost + (far.abs() - radius).clamp_min(0).mean(-1)
    return cost


@dataclass(frozen=True)
class Split:
    """Coordinates u = z `into`, of which the first are static; z = u `back`."""

    into: Float[Tensor, "K K"]
    back: Float[Tensor, "K K"]
    static: int  # how many: one more than asked for where that would part a conjugate pair


def split(operator: Float[Tensor, "K K"], static: int) -> Split:
    """The invariant subspaces of C: of `static` eigenvalues next to 1, and of the others.

    By an ordered Schur form and a Sylvester equation (Golub and Van Loan, Sec. 7.6): eigenvalues
    that meet within a subspace do no harm. Where they meet across, the split is orthogonal.
    """
    a = exact(operator).numpy().T  # of columns: z_t+1 = C^T z_t
    values = eigenvalues(a)
    chosen = nearest(values, static)

    # By the eigenvalue next to it: reordered, they are rounded anew.
    t, q, count = linalg.schur(
        a,
        output="real",
        sort=lambda re, im: bool(chosen[np.abs(values - complex(re, im)).argmin()]),
    )
    mix = decoupling(t, count)
    into, back = np.eye(len(a)), np.eye(len(a))
    into[count:, :count], back[count:, :count] = mix.T, -mix.T
    return Split(torch.from_numpy(q @ into), torch.from_numpy(back @ q.T), count)


def decoupling(t: Array, count: int) -> Array:
    """X of T₁₁ X - X T₂₂ = T₁₂, [count, rest]; 0 where there is next to none."""
    upper, lower, both = t[:count, :count], t[count:, count:], t[:count, count:]
    if both.size == 0:
        return np.zeros_like(both)
    with np.errstate(all="ignore"):
        found: Array = linalg.solve_sylvester(upper, -lower, both)
    sound = np.isfinite(found).all() and np.abs(found).max() < LARGEST
    return found if sound else np.zeros_like(both)


def eigenvalues(a: Array) -> Array:
    """Of a real matrix, as its Schur form has them."""
    seen: dict[int, complex] = {}
    note = seen.setdefault
    linalg.schur(a, output="real", sort=lambda re, im: note(len(seen), complex(re, im)) is None)
    return np.array(list(seen.values())[: len(a)])  # after these LAPACK asks again


def nearest(values: Array, count: int) -> Array:
    """Which `count` eigenvalues are next to 1; one more where that would part a conjugate pair."""
    order = np.argsort(np.abs(values - 1), kind="stable")
    chosen = np.zeros(len(values), bool)
    chosen[order[:count]] = True
    last = values[order[count - 1]]
    same, partners = values == last, (values == last.conjugate()) & (values.imag != 0)
    if (chosen & same).sum() > (chosen & partners).sum() and partners.any():
        chosen[np.flatnonzero(partners & ~chosen)[0]] = True
    return chosen
