"""Poses before stage 2: the bound against plain loops, what is looked at, what moves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import SMALL, pendula, start
from vdsm.data.clips import Clips
from vdsm.methods.vdsm.additions.pose_bound import WIDEST, PoseBatch, PoseSource, pose_terms
from vdsm.methods.vdsm.additions.views import ViewSource
from vdsm.methods.vdsm.config import AdditionsConfig, Config, PosesConfig
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.stages import stages
from vdsm.notation import Gaussian, Share
from vdsm.store.run import Run
from vdsm.train.loop import Events, Stopped, train
from vdsm.train.stage import weighted
from vdsm.train.step import make_optimizers

APART = AdditionsConfig(identity_from="other", jitter=0.8, swap_augment=0.5, consistency_d=1.0)
CONFIG = replace(SMALL, poses=PosesConfig(steps=6, batch=5, segments=40, lr=3e-3), additions=APART)
MOVING = ("dynamics.", "dynamics_decoder.", "combiner.", "transition.", "z_start")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("poses") / "data")


@torch.no_grad()
def test_the_bound_is_that_of_plain_loops() -> None:
    """log q(z_t | x_t) / p(z_t) at a sample, and both KLs, one number after the other."""
    torch.manual_seed(0)
    model = VDSM(SMALL.model).double()
    b, t, k = 2, 4, SMALL.model.pose_dim
    loc, seen = torch.randn(2, b, t, k, dtype=torch.float64)
    x = Gaussian(loc, 0.1 + torch.rand(b, t, k, dtype=torch.float64))  # some are wider than p(z)
    assert 0 < (x.scale > WIDEST).sum() < x.scale.numel() / 2
    found = pose_terms(model, PoseBatch(x, seen), torch.Generator().manual_seed(3))

    generator = torch.Generator().manual_seed(3)
    q_d = model.dynamics(seen)
    d = q_d.sample(generator)
    drawn = model.infer_poses(d, t, generator)
    q_z, z = drawn.q, drawn.z
    normal = torch.distributions.Normal
    for i in range(b):
        gained = kl = 0.0
        for j in range(t):
            for n in range(k):
                q = normal(loc[i, j, n], x.scale[i, j, n])
                if q.scale > WIDEST:  # says nothing of z, wherever it is
                    q = normal(0.0, WIDEST)
                gained += float(q.log_prob(z[i, j, n]))
            gained -= float(normal(0.0, 1.0).log_prob(z[i, j]).sum())
            before = model.transition(z[i, j - 1], d[i]) if j else Gaussian(*unit(k))
            kl += float(q_z_at(q_z, i, j).kl(before))
        assert found["log_pose"][i].item() == pytest.approx(gained)
        assert found["kl_z"][i].item() == pytest.approx(kl)
        p_d = normal(torch.zeros_like(d[i]), 1 / SMALL.model.dynamics_dim)
        q = normal(q_d.loc[i], q_d.scale[i])
        expected = torch.distributions.kl_divergence(q, p_d).sum().item()
        assert found["kl_d"][i].item() == pytest.approx(expected)
    assert found.keys() == {"log_pose", "kl_z", "kl_d"}


def unit(dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(dim, dtype=torch.float64), torch.ones(dim, dtype=torch.float64)


def q_z_at(q: Gaussian, clip: int, frame: int) -> Gaussian:
    return Gaussian(q.loc[clip, frame], q.scale[clip, frame])


@torch.no_grad()
def test_d_of_both_looks_is_to_agree() -> None:
    """No divergence where they are the same poses, some where they are not; more is worse."""
    torch.manual_seed(0)
    model = VDSM(SMALL.model)
    loc, other = torch.randn(2, 3, 4, SMALL.model.pose_dim)
    x = Gaussian(loc, torch.full_like(loc, 0.3))
    same = pose_terms(model, PoseBatch(x, loc, loc))["consistency_d"]
    differ = pose_terms(model, PoseBatch(x, loc, other))["consistency_d"]
    assert torch.equal(same, torch.zeros(3))
    assert (differ > 0).all()
    terms = {"log_pose": torch.tensor([2.0]), "consistency_d": torch.tensor([3.0])}
    assert weighted(terms, {"log_pose": 1.0, "consistency_d": 2.0}).item() == -2 + 6


def frames_of(clips: Clips, model: VDSM, config: Config) -> ViewSource:
    stage = next(stage for stage in stages(config) if stage.name == "poses")
    device = torch.device("cpu")
    return ViewSource(stage.sampler(clips), model, config.additions, device, bf16=False)


def find(clips: Clips, config: Config = CONFIG, share: float = 0.5, seed: int = 0) -> PoseSource:
    torch.manual_seed(0)
    frames = frames_of(clips, VDSM(config.model).eval(), config)
    return PoseSource.find(frames, 40, share, agree=True, seed=seed)


def test_what_is_found_is_q_of_segments_as_they_are_and_in_two_views(
    data: Path, tmp_path: Path
) -> None:
    _, clips = start(tmp_path / "run", data)
    looks = find(clips).looks
    t, k = CONFIG.stage2.frames, CONFIG.model.pose_dim
    assert looks.loc.shape == looks.scale.shape == (3, 40, t, k)
    assert torch.equal(find(clips).looks.loc, looks.loc)
    assert not torch.equal(find(clips, seed=1).looks.loc, looks.loc)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        differs = (looks.loc[one] != looks.loc[other]).flatten(1).any(1)
        assert differs.all(), (one, other)
    # Of the 32 + 8 rows that are looked at together the odd ones are redrawn in the first view,
    # the even ones in the second. Without other colours, the rest are as they are.
    plain = replace(CONFIG, additions=replace(APART, jitter=0.0))
    loc = find(clips, plain).looks.loc
    one, other = ((loc[0] != loc[view]).flatten(1).any(1) for view in (1, 2))
    assert one.tolist() == [False, True] * 20
    assert other.tolist() == [True, False] * 20
    nothing = replace(CONFIG, additions=AdditionsConfig())
    loc = find(clips, nothing, share=0.0).looks.loc
    assert torch.equal(loc[0], loc[1])
    assert torch.equal(loc[0], loc[2])


def share(rows: int, mine: slice | None = None) -> Share:
    noise = Share()
    noise.rows, noise.mine = rows, mine or slice(0, rows)
    return noise


def test_d_sees_one_view_and_is_to_hit_the_other(data: Path, tmp_path: Path) -> None:
    _, clips = start(tmp_path / "run", data)
    source = find(clips)
    looks, all_rows, some_rows = source.looks, share(6), share(6, slice(2, 5))
    seen_in = set()
    for seed in range(20):
        batch = read(source, seed, all_rows)
        assert batch.true is not None
        for row in range(6):
            views = looks.loc[1:].flatten(0, 1)
            (found,) = np.flatnonzero([torch.equal(batch.view[row], view) for view in views])
            view, at = 1 + found // 40, found % 40
            seen_in.add(view)
            assert torch.equal(batch.true[row], looks.loc[0, at])
            assert torch.equal(batch.target.loc[row], looks.loc[3 - view, at])
            assert torch.equal(batch.target.scale[row], looks.scale[3 - view, at])
        part = read(source, seed, some_rows)
        assert torch.equal(part.target.loc, batch.target.loc[2:5])
        assert torch.equal(part.view, batch.view[2:5])
    assert seen_in == {1, 2}
    assert read(replace(source, agree=False), 0, all_rows).true is None


def read(source: PoseSource, seed: int, noise: Share) -> PoseBatch:
    drawn = source.draw(np.random.default_rng(seed), noise.rows, noise.mine)
    return source.batch(drawn, noise, {})


def test_the_sequence_model_learns_and_nothing_else_moves(data: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, log_every=1, poses=replace(CONFIG.poses, steps=60))
    config = replace(config, stage1=replace(SMALL.stage1, steps=0))
    config = replace(config, stage2=replace(SMALL.stage2, steps=0))
    run, clips = start(tmp_path / "run", data, config)
    records: list[dict[str, Any]] = []
    model = train(run, clips, Events(records.append))
    assert [r["name"] for r in records] == ["poses"] * 60
    assert np.mean([r["loss"] for r in records[-5:]]) < 0.5 * records[0]["loss"]
    assert not list((run.path / "pictures").iterdir())
    torch.manual_seed(config.seed)
    for name, tensor in VDSM(config.model).named_parameters():
        moved = not torch.equal(tensor, model.get_parameter(name))
        assert moved == name.startswith(MOVING), name


def test_its_weights_end_where_those_of_stage_2_do() -> None:
    _, poses, two = stages(CONFIG)
    alone = stages(replace(CONFIG, poses=PosesConfig()))[-1]
    assert (poses.name, poses.paint, poses.frames) == ("poses", None, CONFIG.stage2.frames)
    shared = {"kl_z", "kl_d", "consistency_d"}
    for progress in (0.0, 0.3, 1.0):
        assert poses.schedule(progress).values["swap_augment"] == APART.swap_augment
        expected = {k: v for k, v in alone.schedule(progress).weights.items() if k in shared}
        assert poses.schedule(progress).weights == {"log_pose": 1.0} | expected
        assert two.schedule(progress).weights == alone.schedule(1.0).weights
        for schedule, weight in (("monotone", 1.5), ("authors", 1.0)):
            one = replace(CONFIG.stage1, lambda_z=schedule, lambda_z_to=1.5)
            weighed = stages(replace(CONFIG, stage1=one))[1].schedule(progress).weights
            assert weighed["log_pose"] == pytest.approx(weight)
    names = {n for n, _ in VDSM(CONFIG.model).named_parameters() if n.startswith(MOVING)}
    model = VDSM(CONFIG.model)
    make_optimizers(model, poses)
    assert {n for n, p in model.named_parameters() if p.requires_grad} == names


def test_resumed_in_the_middle_it_ends_the_same(data: Path, tmp_path: Path) -> None:
    whole, clips = start(tmp_path / "whole", data, CONFIG)
    expected = train(whole, clips).state_dict()
    calls = iter(range(1, 1000))
    run, _ = start(tmp_path / "run", data, CONFIG)
    with pytest.raises(Stopped, match="poses after step 3"):
        train(run, clips, Events(should_stop=lambda: next(calls) == SMALL.stage1.steps + 3))
    for name, tensor in train(Run.open(run.path), clips).state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_what_stage_1_weighs_with_lambda_z_its_poses_say_that_much_louder() -> None:
    """x = z + noise of variance .25: q of the weighted bound, and λ_z log q/p, in closed form."""
    precision, weight, x = 4.0, 1.5, 0.7
    # argmax over q of E[log p(x | z)] - λ KL[q, N(0, 1)] is Gaussian.
    q = torch.distributions.Normal(
        precision * x / (precision + weight), (1 + precision / weight) ** -0.5
    )
    z = torch.linspace(-3, 3, 7)
    said = weight * (q.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z))
    likelihood = torch.distributions.Normal(z, precision**-0.5).log_prob(torch.tensor(x))
    torch.testing.assert_close(said - said[0], likelihood - likelihood[0])
