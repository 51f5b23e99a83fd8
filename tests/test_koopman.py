"""Linear dynamics against numpy: least squares, eigenvalues and their gradients, the split."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vdsm.methods.parts.koopman import least_squares, nearest, spectral_cost, spectrum, split


def normal(*shape: int, seed: int = 0) -> Tensor:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=made)


@pytest.mark.parametrize("rows", [20, 6, 3])
def test_least_squares_are_those_of_numpy(rows: int) -> None:
    """With more equations than unknowns, as many, and fewer: then the least solution."""
    before, after = normal(rows, 6), normal(rows, 6, seed=1)
    expected = np.linalg.lstsq(before.numpy(), after.numpy(), rcond=None)[0]
    np.testing.assert_allclose(least_squares(before, after), expected, rtol=1e-4, atol=1e-4)
    both = least_squares(before.expand(3, -1, -1), after.expand(3, -1, -1))
    torch.testing.assert_close(both[2], least_squares(before, after))


def test_least_squares_find_the_operator_that_made_the_sequence() -> None:
    operator = normal(4, 4) / 2
    before = normal(9, 4, seed=1)
    found = least_squares(before, before @ operator)
    torch.testing.assert_close(found, operator, rtol=1e-5, atol=1e-5)
    for rows, dims in ((5, 3), (2, 4)):
        inputs = normal(rows, dims).requires_grad_(), normal(rows, dims, seed=1)
        assert torch.autograd.gradcheck(least_squares, inputs)


@pytest.mark.parametrize("rows", [20, 3])
def test_the_spectrum_is_that_of_the_operator(rows: int) -> None:
    """Of three equations in six dimensions it has three eigenvalues; the others are 0."""
    before, after = normal(rows, 6), normal(rows, 6, seed=1)
    found = spectrum(before, after).numpy()
    expected = np.linalg.eigvals(least_squares(before, after).numpy())
    expected = expected[np.argsort(-np.abs(expected))][: len(found)]
    np.testing.assert_allclose(np.sort(np.abs(found)), np.sort(np.abs(expected)), rtol=1e-4)
    np.testing.assert_allclose(np.sort(found.real), np.sort(expected.real), atol=1e-5)


@pytest.mark.parametrize("rows", [8, 3])
def test_the_cost_of_the_spectrum_has_the_gradient_of_finite_differences(rows: int) -> None:
    after = normal(rows, 5, seed=1)

    def cost(before: Tensor) -> Tensor:
        return spectral_cost(spectrum(before, after), 2, 0.5)

    assert torch.autograd.gradcheck(cost, (normal(rows, 5).requires_grad_(),), rtol=1e-2)


def test_the_cost_is_that_of_plain_loops() -> None:
    values = torch.tensor([[0.2, 1.1 + 0.1j, 1.1 - 0.1j, -0.9]], dtype=torch.complex128)
    expected = (2 * (0.1**2 + 0.1**2)) / 2 + (0 + (0.9 - 0.5)) / 2
    assert spectral_cost(values, 2, 0.5).item() == pytest.approx(expected)


JORDAN = torch.eye(4, dtype=torch.float64) + torch.diag(torch.ones(3, dtype=torch.float64), 1)
BAD = {
    "zeros": torch.zeros(2, 6, 4),
    "all alike": torch.ones(2, 6, 4),
    "not finite": torch.full((2, 6, 4), torch.nan),
    "a Jordan block": torch.stack(
        [normal(2, 4) @ torch.linalg.matrix_power(JORDAN, t) for t in range(6)], 1
    ),
    "standing still": normal(2, 1, 4).expand(-1, 6, -1),
}


@pytest.mark.parametrize("kind", BAD)
def test_eigenvalues_that_meet_leave_no_gradient_that_is_not_finite(kind: str) -> None:
    z = BAD[kind].double().clone().requires_grad_()
    values = spectrum(z[:, :-1], z[:, 1:])
    assert torch.isfinite(torch.view_as_real(values)).all()
    spectral_cost(values, 1, 0.5).sum().backward()
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()
    for clip in z.detach():
        found = split(least_squares(clip[:-1], clip[1:]), 1)
        torch.testing.assert_close(found.into @ found.back, torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("static", [1, 2, 5])
def test_the_split_is_of_invariant_subspaces(seed: int, static: int) -> None:
    """In its coordinates the operator is of two blocks, with the eigenvalues next to 1 first."""
    operator = normal(7, 7, seed=seed) / 2
    found = split(operator, static)
    blocks = (found.back @ operator @ found.into).numpy()
    torch.testing.assert_close(found.into @ found.back, torch.eye(7, dtype=torch.float64))
    values = np.linalg.eigvals(operator.numpy())
    count = int(nearest(values, static).sum())
    assert count == found.static
    assert count in (static, static + 1)
    np.testing.assert_allclose(blocks[:count, count:], 0, atol=1e-8)
    np.testing.assert_allclose(blocks[count:, :count], 0, atol=1e-8)
    chosen = values[nearest(values, static)]
    block = np.linalg.eigvals(blocks[:count, :count])
    np.testing.assert_allclose(np.sort_complex(block), np.sort_complex(chosen), atol=1e-8)


def test_static_values_are_the_nearest_and_pairs_stay_together() -> None:
    values = np.array([0.9, 1 + 0.05j, 1 - 0.05j, 0.2, -1])
    assert nearest(values, 1).tolist() == [False, True, True, False, False]
    assert nearest(values, 2).tolist() == [False, True, True, False, False]
    assert nearest(values, 3).tolist() == [True, True, True, False, False]
    assert nearest(values, 4).tolist() == [True, True, True, True, False]
    assert nearest(np.ones(3) + 0j, 2).tolist() == [True, True, False]
