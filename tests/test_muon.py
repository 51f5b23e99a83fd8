"""Muon against singular value decompositions, torch's Muon and torch's Adam."""

import pytest
import torch
from torch import Tensor, nn

from vdsm import VDSM
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.config import Config, ModelConfig, Stage1Config
from vdsm.methods.vdsm.stages import stages
from vdsm.train.muon import (
    RELATIVE,
    Muon,
    as_matrices,
    is_matrix,
    matrices_and_vectors,
    orthogonal,
)
from vdsm.train.step import make_optimizers, take_step


def muon_of(matrices: list[nn.Parameter], vectors: list[nn.Parameter], lr: float) -> Muon:
    named = [("weight", p) for p in matrices] + [("bias", p) for p in vectors]
    return Muon(matrices_and_vectors(named), lr)


@pytest.mark.parametrize("shape", [(1, 7, 5), (3, 8, 40), (2, 64, 16), (1, 1, 9)])
def test_singular_values_become_about_one_and_directions_stay(shape: tuple[int, int, int]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    (y,) = orthogonal([x])
    values = torch.linalg.svdvals(y)
    assert values.min() > 0.6
    assert values.max() < 1.25
    # Same singular vectors: Uᵀ y V is diagonal.
    u, _, vt = torch.linalg.svd(x, full_matrices=False)
    rotated = u.mT @ y @ vt.mT
    torch.testing.assert_close(rotated, torch.diag_embed(rotated.diagonal(dim1=1, dim2=2)))


def test_a_matrix_of_low_rank_and_one_of_zeros() -> None:
    g = torch.Generator().manual_seed(1)
    low = torch.randn(1, 20, 2, generator=g) @ torch.randn(1, 2, 30, generator=g)
    values = torch.linalg.svdvals(orthogonal([low])[0])[0]
    assert values[:2].min() > 0.6
    assert values[2:].max() < 0.02
    assert torch.equal(orthogonal([torch.zeros(1, 4, 4)])[0], torch.zeros(1, 4, 4))


def test_steps_are_those_of_torch() -> None:
    """On a single matrix, torch.optim.Muon; on a vector, torch.optim.Adam."""
    g = torch.Generator().manual_seed(2)
    weight, bias = torch.randn(12, 30, generator=g), torch.randn(12, generator=g)
    mine = [nn.Parameter(t.clone()) for t in (weight, bias)]
    theirs = [nn.Parameter(t.clone()) for t in (weight, bias)]
    optimizer = muon_of(mine[:1], mine[1:], lr=1e-2)
    muon = torch.optim.Muon(
        theirs[:1], lr=1e-2, weight_decay=0, adjust_lr_fn="match_rms_adamw", ns_steps=5
    )
    adam = torch.optim.Adam(theirs[1:], lr=1e-2)
    for _ in range(5):
        grads = torch.randn(12, 30, generator=g), torch.randn(12, generator=g)
        for parameters in (mine, theirs):
            for p, grad in zip(parameters, grads, strict=True):
                p.grad = grad.clone()
        for one in (optimizer, muon, adam):
            one.step()
    # Torch's updates are all of one size; ours grow with the matrix, which hardly does in 5 steps.
    size = RELATIVE * weight.square().mean().sqrt() / 0.2
    moved = size * (theirs[0] - weight)
    assert (mine[0] - weight - moved).norm() < 0.05 * moved.norm()  # torch iterates in bfloat16
    torch.testing.assert_close(mine[1], theirs[1])


def test_a_bank_is_a_stack_of_matrices() -> None:
    """Each expert's weight is made orthogonal by itself."""
    bank = torch.randn(3, 5, 4, 4, 2)
    stack = as_matrices(bank)
    assert stack.shape == (3, 5, 32)
    (together,) = orthogonal([stack])
    for k in range(3):
        torch.testing.assert_close(orthogonal([stack[k : k + 1]])[0][0], together[k])


def test_matrices_of_one_side_are_done_together_and_stay_apart() -> None:
    shapes = [(1, 5, 9), (2, 7, 5), (1, 4, 4), (3, 5, 5)]
    stacks = [torch.randn(shape) for shape in shapes]
    for together, stack in zip(orthogonal(stacks), stacks, strict=True):
        torch.testing.assert_close(together, orthogonal([stack])[0])


def test_every_weight_is_a_matrix_and_no_bias_is(tiny: ModelConfig) -> None:
    model = VDSM(tiny)
    for name, p in model.named_parameters():
        assert is_matrix(name, p) == ("bias" not in name and "start" not in name), name


def test_what_is_saved_goes_on_as_if_nothing_had_happened() -> None:
    def parameters() -> list[nn.Parameter]:
        return [nn.Parameter(torch.ones(4, 6)), nn.Parameter(torch.ones(4))]

    def steps(optimizer: Muon, own: list[nn.Parameter], numbers: range) -> None:
        for number in numbers:
            g = torch.Generator().manual_seed(number)
            for p in own:
                p.grad = torch.randn(p.shape, generator=g)
            optimizer.step()

    whole, first, second = parameters(), parameters(), parameters()
    steps(muon_of(whole[:1], whole[1:], 1e-2), whole, range(6))
    before = muon_of(first[:1], first[1:], 1e-2)
    steps(before, first, range(3))
    for p, q in zip(second, first, strict=True):
        p.data.copy_(q.data)
    after = muon_of(second[:1], second[1:], 1e-2)
    after.load_state_dict(before.state_dict())
    steps(after, second, range(3, 6))
    for p, q in zip(whole, second, strict=True):
        assert torch.equal(p, q)


def test_a_parameter_without_a_gradient_stays() -> None:
    p = nn.Parameter(torch.ones(3, 3))
    muon_of([p], [], 0.1).step()
    assert torch.equal(p, torch.ones(3, 3))


def test_the_setting_chooses(tiny: ModelConfig) -> None:
    config = Config(tiny, Stage1Config(optimizer="muon"))
    first, second = stages(config)
    model = VDSM(tiny)
    muon = make_optimizers(model, first)["bound"]
    assert isinstance(muon, Muon)
    held: list[Tensor] = [p for group in muon.param_groups for p in group["params"]]
    assert {id(p) for p in held} == {id(p) for p in model.parameters() if p.requires_grad}
    assert isinstance(make_optimizers(model, second)["bound"], torch.optim.Adam)


def test_every_matrix_moves_by_its_own_size() -> None:
    """Rescaling a matrix rescales its update; one of zeros moves too."""
    g = torch.Generator().manual_seed(5)
    start, grad = torch.randn(6, 9, generator=g), torch.randn(6, 9, generator=g)
    moved = []
    for scale in (1.0, 100.0, 0.0):
        p = nn.Parameter(scale * start)
        p.grad = grad
        muon_of([p], [], 0.01).step()
        moved.append(p.detach() - scale * start)
    torch.testing.assert_close(moved[1], 100 * moved[0], atol=1e-4, rtol=1e-3)
    assert moved[2].abs().min() > 0


@pytest.mark.parametrize(("clip", "reached"), [(0.0, 5.0), (2.0, 2.0), (50.0, 5.0)])
def test_a_gradient_is_clipped_as_a_whole(clip: float, reached: float) -> None:
    """A gradient of norm 5 over two parameters, its direction unchanged."""
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    class Plane(nn.Module):
        def forward(self, *_: object) -> dict[str, Tensor]:
            return {"log_likelihood": 3 * a + 4 * b}

    batch = Views(torch.zeros(1, 1, 1, 1, 1))
    g = torch.Generator()
    optimizer = torch.optim.SGD([a, b], lr=1.0)
    outcome = take_step(Plane(), optimizer, batch, g, {"log_likelihood": 1.0}, False, clip=clip)
    assert outcome.norm == 5
    torch.testing.assert_close(torch.cat([a, b]), reached * torch.tensor([0.6, 0.8]))
