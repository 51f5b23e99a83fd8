"""What became of s and d over a training set: active dimensions, and the fitted density."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vdsm import VDSM, InputError
from vdsm.config import ReadoutConfig
from vdsm.methods.code_readout import CodeReadout
from vdsm.methods.fit_readout import fit, without_noise_in_doubt
from vdsm.methods.readout import Readout
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.notation import Codes, Gaussian
from vdsm.store.weights import stored, write

CLIPS, SEED = 4000, 3


@pytest.fixture(scope="module")
def fitted() -> tuple[CodeReadout, Gaussian]:
    """Three dimensions of use (two clusters in the plane, one Gaussian), one far below its scale,
    one that is off zero and nearly constant."""
    g = torch.Generator().manual_seed(0)
    cluster = torch.randint(2, (CLIPS,), generator=g)
    plane = torch.tensor([[2.0, 0.0], [-2.0, 1.0]])[cluster]
    plane = plane + 0.2 * torch.randn(CLIPS, 2, generator=g)
    line = 0.5 * torch.randn(CLIPS, 1, generator=g)
    noise = 0.01 * torch.randn(CLIPS, 2, generator=g) + torch.tensor([0.0, 7.0])
    loc = torch.cat([plane, line, noise], 1)
    scale = torch.tensor([0.05, 0.05, 0.1, 1.0, 0.02]).expand(CLIPS, -1)
    aggregate = CodeReadout(5)
    fit(aggregate, Gaussian(loc, scale), min_snr=3.0, seed=SEED)
    return aggregate, Gaussian(loc, scale)


def test_dimensions_below_their_own_scale_read_as_constant(
    fitted: tuple[CodeReadout, Gaussian],
) -> None:
    aggregate, q = fitted
    assert aggregate.kept.tolist() == [1, 1, 1, 0, 0]
    kept = aggregate.project(q.loc)
    torch.testing.assert_close(kept[:, :3], q.loc[:, :3], atol=0.02, rtol=0)
    torch.testing.assert_close(
        kept[:, 3:], q.loc[:, 3:].mean(0).expand(CLIPS, -1), atol=0.02, rtol=0
    )


def test_without_a_resolution_nothing_is_dropped() -> None:
    q = Gaussian(1e-3 * torch.randn(200, 4), torch.ones(200, 4))
    aggregate = CodeReadout(4)
    fit(aggregate, q, min_snr=0.0, seed=SEED)
    assert torch.equal(aggregate.project(q.loc), q.loc)


def test_nuisance_is_dropped_and_what_matters_stays_though_both_are_mixed() -> None:
    """Codes are a rotation of (who, what): with the covariance of `what` given, `who` remains."""
    g = torch.Generator().manual_seed(4)
    who, what = 2 * torch.randn(CLIPS, 2, generator=g), torch.randn(CLIPS, 2, generator=g)
    mixing = torch.randn(4, 4, generator=g)
    loc = torch.cat([who, what], 1) @ mixing
    nuisance = mixing[2:].T @ mixing[2:]
    aggregate = CodeReadout(4)
    fit(aggregate, Gaussian(loc, torch.full_like(loc, 1e-3)), 1.5, SEED, nuisance)
    assert aggregate.kept.tolist() == [1, 1, 0, 0]
    kept = aggregate.project(loc)
    torch.testing.assert_close(aggregate.project(kept), kept, atol=1e-3, rtol=0)  # a projection
    changed = aggregate.project(torch.cat([who, what.flip(0)], 1) @ mixing)
    assert (changed - kept).std() < 0.02 * kept.std()
    other = aggregate.project(torch.cat([who.flip(0), what], 1) @ mixing)
    assert (other - kept).std() > 0.5 * kept.std()


def test_noise_goes_and_what_is_wider_stays() -> None:
    """Two clusters a plane apart, exact in one direction and spread along the other."""
    g = torch.Generator().manual_seed(6)
    which = torch.randint(2, (CLIPS,), generator=g)
    spread = 8 * torch.randn(CLIPS, generator=g)
    clean = torch.stack([20.0 * which - 10, spread], 1)
    nuisance = 0.8 * torch.randn(CLIPS, 2, generator=g)
    q = Gaussian(clean + nuisance, torch.full((CLIPS, 2), 0.6))  # in all of variance 1
    aggregate = CodeReadout(2)
    fit(aggregate, q, 1.0, SEED, nuisance.T @ nuisance / CLIPS, shrink=True)
    read = aggregate.project(q.loc)
    left = read[:, 0] - clean[:, 0]
    assert left.std() < 0.2 * nuisance[:, 0].std()
    assert (read[:, 1] - q.loc[:, 1]).std() < 0.5
    torch.testing.assert_close(read.mean(0), q.loc.mean(0), atol=0.1, rtol=0)
    drawn = aggregate.sample(2000, g)
    assert ((drawn[:, 0].abs() - 10).abs() < 1).float().mean() > 0.99  # without noise too
    plain = CodeReadout(2)
    fit(plain, q, 1.0, SEED, nuisance.T @ nuisance / CLIPS)
    assert torch.equal(plain.project(q.loc), q.loc)


def test_what_may_be_noise_is_noise() -> None:
    """Ten clusters as wide as noise: nothing but which one is left, down to the last bit."""
    g = torch.Generator().manual_seed(4)
    which = torch.arange(2000) % 10
    centres = 30 * torch.randn(10, 3, generator=g)
    loc = centres[which] + torch.randn(2000, 3, generator=g)
    aggregate = CodeReadout(3)
    q = Gaussian(loc, torch.full_like(loc, 1e-3))
    fit(aggregate, q, 2.0, 0, nuisance=torch.eye(3), shrink=True)
    codes = aggregate.project(loc)
    for cluster in range(10):
        rows = codes[which == cluster]
        assert (rows - rows[0]).abs().max() < 1e-4
        torch.testing.assert_close(rows[0], centres[cluster], atol=0.3, rtol=0)  # 4 of √(1/200)


def test_variances_beyond_doubt_stay() -> None:
    """Of 3 dimensions and 200 samples: up to (1 + √.015)² + 3 √.01 = 1.56; less stays less."""
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    stated = torch.tensor([0.5, 1.55, 1.57], dtype=torch.float64)
    found = without_noise_in_doubt((turn * stated @ turn.T)[None], torch.tensor([200.0]))
    values = torch.linalg.eigvalsh(found[0])
    torch.testing.assert_close(values, torch.tensor([0.5, 1.0, 1.57], dtype=torch.float64))


def test_nothing_worth_keeping_reads_as_the_average() -> None:
    loc = torch.randn(CLIPS, 3, generator=torch.Generator().manual_seed(5))
    aggregate = CodeReadout(3)
    fit(aggregate, Gaussian(loc, torch.ones_like(loc)), 3.0, SEED)
    torch.testing.assert_close(aggregate.project(loc), loc.mean(0).expand(CLIPS, -1))
    torch.testing.assert_close(aggregate.sample(2), loc.mean(0).expand(2, -1))
    assert aggregate.fitted
    fit(aggregate, Gaussian(loc, torch.ones_like(loc)), 3.0, SEED, shrink=True)
    torch.testing.assert_close(aggregate.project(loc), loc.mean(0).expand(CLIPS, -1))


def test_the_density_has_the_moments_of_the_codes(fitted: tuple[CodeReadout, Gaussian]) -> None:
    """Mean and covariance of q(s) over all clips; and no sample between the clusters."""
    aggregate, q = fitted
    drawn = aggregate.sample(20000, torch.Generator().manual_seed(1))
    codes = q.loc[:, :3]
    torch.testing.assert_close(drawn[:, :3].mean(0), codes.mean(0), atol=0.06, rtol=0)
    expected = codes.T.cov() + torch.diag(q.scale[0, :3].square())
    torch.testing.assert_close(drawn[:, :3].T.cov(), expected, atol=0.12, rtol=0)
    assert ((drawn[:, 0].abs() - 2).abs() < 0.9).float().mean() > 0.999
    torch.testing.assert_close(
        drawn[:, 4], torch.full((20000,), q.loc[:, 4].mean()), atol=0.05, rtol=0
    )


def test_few_clips_will_do() -> None:
    aggregate = CodeReadout(3)
    fit(aggregate, Gaussian(torch.randn(2, 3), torch.full((2, 3), 0.1)), 0.0, SEED)
    assert torch.isfinite(aggregate.sample(50)).all()


@pytest.mark.parametrize("seed", [2**32, 2**63 - 1])
def test_every_seed_will_do(seed: int) -> None:
    """Also those that numpy's older generators do not take."""
    torch.manual_seed(0)
    q = Gaussian(torch.randn(40, 3), torch.full((40, 3), 0.1))
    aggregate = CodeReadout(3)
    fit(aggregate, q, min_snr=1.0, seed=seed)
    assert aggregate.fitted
    assert aggregate.sample(5).isfinite().all()


def test_what_is_drawn_from_the_prior_reads_as_every_code(tiny: ModelConfig) -> None:
    """In the directions kept p(s) and p(d) as they are, constant in the others; densities too."""
    torch.manual_seed(0)
    codes = {"s": CodeReadout(tiny.identity_dim), "d": CodeReadout(tiny.dynamics_dim)}
    model = Readout(VDSM(tiny).eval(), codes)
    for name, dim in (("s", tiny.identity_dim), ("d", tiny.dynamics_dim)):
        aggregate = codes[name]
        loc = torch.randn(500, dim) * torch.tensor([1.0] + [1e-3] * (dim - 1)) + 0.25
        fit(aggregate, Gaussian(loc, torch.full_like(loc, 0.1)), 1.0, SEED)
    generator = torch.Generator().manual_seed(0)
    s = model.sample_identity(4000, generator, "standard")
    d, _ = model.sample_motion(4000, generator, "standard")
    for code, scale in ((s, 1 / tiny.num_experts), (d, 1 / tiny.dynamics_dim)):
        assert code[:, 0].std().item() == pytest.approx(scale, rel=0.05)
        torch.testing.assert_close(
            code[:, 1:], torch.full_like(code[:, 1:], 0.25), atol=0.05, rtol=0
        )


def test_generate_uses_it_unless_told_otherwise(tiny: ModelConfig) -> None:
    """With an identity that is always the same, generated clips show it; standard ones do not."""
    inner = VDSM(tiny).eval()
    generator = torch.Generator().manual_seed(0)
    prior = inner.sample_identity(2000, generator)
    torch.testing.assert_close(prior.std(0).mean().item(), 1 / tiny.num_experts, atol=0.01, rtol=0)
    here = torch.arange(tiny.identity_dim).float().expand(100, -1)
    model = Readout(inner, {"s": CodeReadout(tiny.identity_dim)})
    fit(model.codes["s"], Gaussian(here, torch.full_like(here, 1e-3)), 0.0, SEED)
    torch.testing.assert_close(model.sample_identity(5), here[:5], atol=0.1, rtol=0)
    assert model.sample_identity(2000, generator, "standard").abs().max() < 3
    assert model.generate(2, 3, generator).shape == (2, 3, tiny.channels, tiny.size, tiny.size)


class OfTwo(VDSM):
    """Draws s as a column of pixels, however blended; what it sees is one of two individuals."""

    def decode(self, codes: Codes, frames: int | None = None, by: str = "dynamics") -> Tensor:
        return codes.s[:, None, None, None, :, None].mean(-2, keepdim=True)  # [B, 1, 1, 1, 1, 1]

    def encode(self, clips: Tensor) -> Codes:
        nearer = torch.where(clips.flatten(1).mean(1, keepdim=True) > 0, 3.0, -3.0)
        s = nearer.expand(-1, self.config.identity_dim)
        return Codes(s, s.new_zeros(len(s), self.config.dynamics_dim), s[:, None])


def test_a_sampled_blend_becomes_somebody(tiny: ModelConfig) -> None:
    """One Gaussian around two individuals is mostly between them; whoever is sampled is neither."""
    inner = OfTwo(tiny).eval()
    codes = {"s": CodeReadout(tiny.identity_dim)}
    model = Readout(inner, codes, ReadoutConfig(walkback_steps=3))
    generator = torch.Generator().manual_seed(0)
    two = torch.where(torch.arange(30) % 2 == 0, 3.0, -3.0)[:, None].expand(-1, tiny.identity_dim)
    fit(model.codes["s"], Gaussian(two, torch.full_like(two, 0.1)), 0.0, SEED)
    blended = codes["s"].sample(200, generator).mean(1)
    assert (blended.abs() < 2).float().mean() > 0.3
    s = model.sample_identity(200, generator)
    torch.testing.assert_close(s.abs(), torch.full_like(s, 3.0))
    assert 0.35 < (s[:, 0] > 0).float().mean() < 0.65  # four standard errors


def test_weights_of_which_some_are_missing_are_refused(tiny: ModelConfig, tmp_path: Path) -> None:
    codes = {"s": CodeReadout(tiny.identity_dim)}
    whole = stored(Readout(VDSM(tiny), codes))
    for name in ("z_start", "readout.s.shrunk"):
        some = {k: v for k, v in whole.tensors.items() if k != name}
        write(replace(whole, tensors=some), tmp_path / name)
        with pytest.raises(InputError, match="not of the sizes"):
            VDSM.from_pretrained(tmp_path / name)


def test_without_resolution_codes_of_few_clips_are_left_as_they_are() -> None:
    """Fewer clips than dimensions: in most of these the clips do not differ at all."""
    torch.manual_seed(0)
    aggregate, code = CodeReadout(50), torch.randn(8, 50)
    fit(aggregate, Gaussian(torch.randn(30, 50), torch.full((30, 50), 0.3)), 0.0, SEED)
    assert torch.equal(aggregate.project(code), code)


def test_of_a_single_clip_there_is_a_density_too() -> None:
    aggregate = CodeReadout(3)
    fit(aggregate, Gaussian(torch.tensor([[1.0, -2.0, 3.0]]), torch.full((1, 3), 0.1)), 0.0, SEED)
    drawn = aggregate.sample(200, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), torch.tensor([1.0, -2.0, 3.0]), atol=0.2, rtol=0)
