"""Both bounds against Pyro, and every KL term against Monte Carlo, in double precision."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions import transforms
from pyro.infer import TraceMeanField_ELBO
from torch import Tensor

from montecarlo import assert_mean
from vdsm.methods.vdsm import elbo
from vdsm.methods.vdsm.additions import bounds
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.config import ModelConfig
from vdsm.methods.vdsm.flow import FlowStep
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.state_space import Posterior, Prior
from vdsm.notation import Codes, Gaussian
from vdsm.train.stage import weighted

CLIPS, FRAMES = 3, 4
RELATIVE = 1e-6  # 1e-4 is asked for
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {},
    "gaussian, one decoder": {"likelihood": "gaussian", "experts": 1, "gaussian_scale": 0.2},
    "flow, routed, s_hat": {"flow_steps": 2, "experts": 3, "decoder_input": "s_hat"},
}


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=VARIANTS)
def model(request: pytest.FixtureRequest, tiny: ModelConfig) -> VDSM:
    return random_model(replace(tiny, **VARIANTS[request.param]))


def random_model(config: ModelConfig) -> VDSM:
    model = VDSM(config)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)
    model.inverse_temperature.fill_(1.7)
    return model.requires_grad_(False)


def clips(model: VDSM) -> Tensor:
    c = model.config
    return torch.rand(CLIPS, FRAMES, c.channels, c.size, c.size)


# -- Pyro -----------------------------------------------------------------------------------------


class Fixed(dist.Normal):
    """A Normal whose sample is known; Pyro's closed forms take it for the Normal that it is."""

    def __init__(self, loc: Tensor, scale: Tensor, value: Tensor) -> None:
        super().__init__(loc, scale)
        self.value = value

    def expand(self, batch_shape: torch.Size, _instance: object = None) -> "Fixed":
        assert batch_shape == self.batch_shape
        return self

    def rsample(self, sample_shape: object = None) -> Tensor:
        return self.value


class Program:
    """Eqs. 1 and 2 (or 7) as Pyro programs; `scales` are the λ of the sites' terms."""

    def __init__(self, model: VDSM, samples: Posterior, stage: str) -> None:
        self.parts, self.samples, self.stage = model, samples, stage
        self.config = model.config
        self.scales = {"s": 1.0, "d": 1.0, "z": 1.0, "x": 1.0}

    def sample(self, name: str, density: dist.Distribution, obs: Tensor | None = None) -> Tensor:
        """Independent over all but the clips, scaled by the name's first letter."""
        density = density.to_event(len(density.batch_shape) - 1)
        with pyro.poutine.scale(scale=self.scales[name[0]]):
            return pyro.sample(name, density, obs=obs)

    def generate(self, x: Tensor) -> None:
        c, ones = self.config, torch.ones(len(x), 1)
        with pyro.plate("clips", len(x)):
            s = self.sample(
                "s", dist.Normal(torch.zeros(len(x), c.identity_dim), ones / c.num_experts)
            )
            if self.stage == "stage2":
                d_loc = torch.zeros(len(x), c.dynamics_dim)
                d = self.sample("d", dist.Normal(d_loc, ones / c.dynamics_dim))
            p_t = dist.Normal(torch.zeros(len(x), c.pose_dim), ones)
            for t in range(x.shape[1]):
                z = self.sample(f"z{t}", p_t)
                if self.stage == "stage2":
                    p_next = self.parts.transition(z, d)
                    p_t = dist.Normal(p_next.loc, p_next.scale)
                logits = self.parts.decoder(s, z[:, None], self.parts.inverse_temperature)[:, 0]
                if c.likelihood == "bernoulli":
                    p_x = dist.Bernoulli(logits=logits, validate_args=False)
                else:
                    p_x = dist.Normal(logits.sigmoid(), c.gaussian_scale)
                self.sample(f"x{t}", p_x, obs=x[:, t])

    def infer(self, x: Tensor) -> None:
        parts, codes = self.parts, self.samples.codes
        features = parts.encoder(x)
        q_s, q_frames = parts.identity(features), parts.frame_pose(features)
        with pyro.plate("clips", len(x)):
            self.sample("s", Fixed(q_s.loc, q_s.scale, codes.s))
            if self.stage == "stage1":
                for t in range(x.shape[1]):
                    fixed = Fixed(q_frames.loc[:, t], q_frames.scale[:, t], codes.z[:, t])
                    self.sample(f"z{t}", fixed)
                return
            q_d = parts.dynamics(q_frames.loc)
            d = self.sample("d", Fixed(q_d.loc, q_d.scale, codes.d))
            h_bar = parts.dynamics_decoder(d, x.shape[1])
            z = parts.z_start.expand(len(x), -1)
            for t in range(x.shape[1]):
                h_t = parts.combiner.context(h_bar[:, t : t + 1], d)[:, 0]
                q_t = parts.combiner.step(z, h_t)
                base = Fixed(q_t.loc, q_t.scale, self.samples.poses.base[:, t])
                z = self.sample(f"z{t}", self.flowed(base, h_t))

    def flowed(self, base: Fixed, h_t: Tensor) -> dist.Distribution:
        """The same masked networks inside Pyro's own autoregressive transform."""
        if self.parts.flow is None:
            return base
        chain: list[transforms.Transform] = []
        for step in self.parts.flow.steps:
            flip = torch.arange(self.config.pose_dim).flip(0)
            chain += [transforms.Permute(flip), autoregressive(step, h_t)]
        return dist.TransformedDistribution(base.to_event(1), chain)


def autoregressive(step: FlowStep, context: Tensor) -> transforms.Transform:
    def shift_and_gate(z: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.nn.functional.elu(step.inputs(z) + step.context(context))
        return step.shift(hidden), step.gate(hidden)

    return transforms.AffineAutoregressive(shift_and_gate, stable=True, sigmoid_bias=0.0)


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_pyro(model: VDSM, stage: str) -> None:
    x = clips(model)
    infer = model.infer_frames if stage == "stage1" else model.infer
    samples = infer(model.encoder(x), torch.Generator().manual_seed(1))
    terms = getattr(elbo, stage)(model, x, torch.Generator().manual_seed(1))
    program = Program(model, samples, stage)

    def pyros(scales: dict[str, float]) -> float:
        program.scales |= scales
        return float(TraceMeanField_ELBO().loss(program.generate, program.infer, x)) / len(x)

    ones = dict.fromkeys(terms, 1.0)
    whole = pyros({})
    assert float(weighted(terms, ones)) == pytest.approx(whole, rel=RELATIVE)
    sites = {"log_likelihood": "x", "kl_z": "z", "kl_s": "s", "kl_d": "d"}
    for name, term in terms.items():  # what one term counts for: its weight twice as large
        doubled = pyros({sites[name]: 2.0}) - whole
        program.scales[sites[name]] = 1.0
        sign = -1 if name == "log_likelihood" else 1
        assert sign * float(term.mean()) == pytest.approx(doubled, rel=RELATIVE), name
    annealed = {"log_likelihood": 1.0, "kl_z": 30.0, "kl_s": 0.1, "kl_d": 0.4}
    weights = {name: annealed[name] for name in terms}
    expected = pyros({sites[name]: weight for name, weight in weights.items()})
    assert float(weighted(terms, weights)) == pytest.approx(expected, rel=RELATIVE)


# -- Monte Carlo ----------------------------------------------------------------------------------

DRAWS = 20_000


def many(model: VDSM, stage: str) -> tuple[Posterior, Prior]:
    """Many draws from the posterior of one clip."""
    features = model.encoder(clips(model)[:1]).expand(DRAWS, -1, -1)
    infer = model.infer_frames if stage == "stage1" else model.infer
    q = infer(features, torch.Generator().manual_seed(7))
    if stage == "stage2":
        return q, model.prior(q.codes)
    standard = Gaussian(torch.zeros_like(q.codes.z), torch.ones_like(q.codes.z))
    return q, Prior(model.identity_prior(DRAWS), model.dynamics_prior(DRAWS), standard)


def log_ratio(q: Gaussian, p: Gaussian, value: Tensor) -> Tensor:
    """log q - log p by torch.distributions, [draws]."""
    total = torch.distributions.Normal(q.loc, q.scale).log_prob(value)
    total = total - torch.distributions.Normal(p.loc, p.scale).log_prob(value)
    return total.flatten(1).sum(1)


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_kl_terms_are_expected_log_ratios(tiny: ModelConfig, stage: str) -> None:
    """E_q[log q - log p - KL] = 0 for each term; of z, whose KL depends on z_{t-1}, jointly."""
    model = random_model(tiny)
    q, p = many(model, stage)
    assert_mean(log_ratio(q.s, p.s, q.codes.s) - q.s.kl(p.s), 0.0)
    q_z = q.poses.q
    assert_mean(log_ratio(q_z, p.z, q.codes.z) - q_z.kl(p.z).sum(1), 0.0)
    if q.d is not None:
        assert_mean(log_ratio(q.d, p.d, q.codes.d) - q.d.kl(p.d), 0.0)


def test_terms_are_per_sequence(model: VDSM) -> None:
    """Named alike in terms and weights, one number a clip."""
    x = clips(model)
    for stage in (elbo.stage1, elbo.stage2):
        terms = stage(model, x, torch.Generator().manual_seed(2))
        assert all(term.shape == (CLIPS,) for term in terms.values())
        with pytest.raises(AssertionError, match="weights"):
            weighted(terms, dict.fromkeys([*terms, "kl_other"], 1.0))


def in_views(stage: str) -> Callable[..., dict[str, Tensor]]:
    """A stage's bound, whose views are given by name."""

    def bound(model: VDSM, x: Tensor, seed: int = 2, **views: Tensor) -> dict[str, Tensor]:
        agree = {"views_agree": views.pop("agree")} if "agree" in views else {}
        noise = torch.Generator().manual_seed(seed)
        return getattr(bounds, stage)(model, Views(x, **views), noise, **agree)

    return bound


IN_VIEWS = pytest.mark.parametrize("stage", ["stage1", "stage2"])


@IN_VIEWS
def test_without_views_it_is_the_papers_bound(tiny: ModelConfig, stage: str) -> None:
    model = random_model(tiny)
    x = clips(model)
    plain = getattr(elbo, stage)(model, x, torch.Generator().manual_seed(2))
    found = in_views(stage)(model, x)
    assert found.keys() == plain.keys()
    for name, term in plain.items():
        assert torch.equal(found[name], term)


@IN_VIEWS
def test_what_each_posterior_sees(tiny: ModelConfig, stage: str) -> None:
    """`pose_view` is for q(z) and q(d) alone, `identity_view` for q(s); x is what is drawn."""
    model = random_model(tiny)
    x, other = clips(model), clips(model)

    def terms(x: Tensor, **instead: Tensor) -> dict[str, Tensor]:
        return in_views(stage)(model, x, **instead)

    plain, of_other = terms(x), terms(other)
    for same in (
        terms(x, pose_view=x),
        terms(x, identity_view=x),
        terms(x, pose_view=x, identity_view=x),
    ):
        for name, term in plain.items():
            torch.testing.assert_close(same[name], term)
    seen, reference = terms(x, pose_view=other), terms(x, identity_view=other)
    torch.testing.assert_close(seen["kl_s"], plain["kl_s"])
    torch.testing.assert_close(reference["kl_s"], of_other["kl_s"])
    for name in {"kl_z", "kl_d"} & set(plain):
        torch.testing.assert_close(seen[name], of_other[name])
        torch.testing.assert_close(reference[name], plain[name])
    both = terms(x, pose_view=other, identity_view=other[:, :2])
    likelihood = model.likelihood(posterior(model, stage, other, other[:, :2]).codes).log_prob(x)
    torch.testing.assert_close(both["log_likelihood"], likelihood.sum(1))


@IN_VIEWS
def test_consistency_of_two_clips(tiny: ModelConfig, stage: str) -> None:
    """Half of both divergences, by torch; 0 for the same clip; every other term untouched."""
    model = random_model(tiny)
    x, other = clips(model), clips(model)
    plain = in_views(stage)(model, x)
    terms = in_views(stage)(model, x, positive=other)
    q, p = (
        torch.distributions.Normal(q.loc, q.scale)
        for q in (model.identity(model.encoder(clip)) for clip in (x, other))
    )
    kl = torch.distributions.kl_divergence
    torch.testing.assert_close(terms.pop("consistency_s"), (kl(q, p) + kl(p, q)).sum(1) / 2)
    assert terms.keys() == plain.keys()
    for name, term in plain.items():
        torch.testing.assert_close(terms[name], term)
    same = in_views(stage)(model, x, positive=x)["consistency_s"]
    torch.testing.assert_close(same, torch.zeros_like(same))


def test_consistency_over_views(tiny: ModelConfig) -> None:
    """q(d) of x against q(d) of what was seen; 0 where that is x."""
    model = random_model(tiny)
    x, other = clips(model), clips(model)
    bound = in_views("stage2")
    terms = bound(model, x, pose_view=other, agree=True)
    q, p = (model.infer(model.encoder(clip)).d for clip in (x, other))
    assert q is not None
    assert p is not None
    torch.testing.assert_close(terms["consistency_d"], (q.kl(p) + p.kl(q)) / 2)
    assert "consistency_d" not in bound(model, x, pose_view=other)
    same = bound(model, x, pose_view=x, agree=True)["consistency_d"]
    torch.testing.assert_close(same, torch.zeros_like(same))


def posterior(model: VDSM, stage: str, x: Tensor, reference: Tensor) -> Posterior:
    infer = model.infer_frames if stage == "stage1" else model.infer
    return infer(model.encoder(x), torch.Generator().manual_seed(2), model.encoder(reference))


def test_gaussian_likelihood_and_bernoulli(tiny: ModelConfig) -> None:
    """log p(x_t | s, z_t) against torch.distributions, at pixels far from the mean too."""
    codes = Codes(torch.randn(2, 4), torch.randn(2, 5), torch.randn(2, 3, 3))
    x = torch.rand(2, 3, 1, 32, 32).round()
    for kind in ("bernoulli", "gaussian"):
        frames = VDSM(replace(tiny, likelihood=kind, gaussian_scale=0.05)).likelihood(codes)
        densities = {
            "bernoulli": torch.distributions.Bernoulli(logits=frames.logits),
            "gaussian": torch.distributions.Normal(frames.mean, 0.05),
        }
        expected = densities[kind].log_prob(x).sum((2, 3, 4))
        torch.testing.assert_close(frames.log_prob(x), expected)


def test_consistency_moves_the_locations_alone(tiny: ModelConfig) -> None:
    """Vaguer posteriors agree more easily, so the scales get no gradient from it."""
    model = random_model(tiny).requires_grad_(True)
    x, other = clips(model), clips(model)
    in_views("stage1")(model, x, positive=other)["consistency_s"].sum().backward()
    gradient = model.identity.head.weight.grad
    assert gradient is not None
    loc, scale = gradient.chunk(2)
    assert (loc != 0).any()
    assert (scale == 0).all()
