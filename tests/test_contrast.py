"""Contrast before stage 1: InfoNCE, which pairs it sees, and what stays as it left it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from small import SMALL, pendula, start
from vdsm import InputError
from vdsm.device import as_video
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.additions.contrastive import contrast
from vdsm.methods.vdsm.config import ContrastConfig
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.stages import stages
from vdsm.train.batches import Individuals, PairSampler
from vdsm.train.loop import Events, Stopped, train
from vdsm.train.step import make_optimizers

CONTRAST = ContrastConfig(steps=6, batch=5, frames=2, lr=3e-3)
OWN = replace(SMALL, contrast=CONTRAST, model=replace(SMALL.model, identity_encoder="own"))
SHARED = replace(SMALL, contrast=CONTRAST)
STAGE1 = ("encoder", "identity.", "frame_pose", "decoder")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("contrast") / "data")


@torch.no_grad()
def test_infonce_is_that_of_plain_loops() -> None:
    """-log of the own pair's share among all pairs of a row, and of a column; their mean."""
    torch.manual_seed(0)
    model = VDSM(OWN.model).double()
    x, other = torch.rand(2, 4, 2, 3, 32, 32, dtype=torch.float64)
    found = contrast(model, Views(x, identity_view=other), temperature=0.2)["contrast"]

    def embed(clip: torch.Tensor) -> torch.Tensor:
        frames = [model.identity.embed(model.identity.encoder(f[None, None])[0, 0]) for f in clip]
        mean = torch.stack([torch.where(e > 0, e, 0.01 * e) for e in frames]).mean(0)
        return mean / mean.norm()

    one, two = [embed(c) for c in x], [embed(c) for c in other]
    for i in range(4):
        own = math.exp(one[i] @ two[i] / 0.2)
        row = sum(math.exp(one[i] @ two[j] / 0.2) for j in range(4))
        column = sum(math.exp(one[j] @ two[i] / 0.2) for j in range(4))
        expected = -0.5 * (math.log(own / row) + math.log(own / column))
        assert found[i].item() == pytest.approx(expected, rel=1e-5)


def test_pairs_show_different_people_and_other_clips_of_theirs(data: Path, tmp_path: Path) -> None:
    run, clips = start(tmp_path / "run", data, OWN)
    who = Individuals(clips, np.zeros(len(clips), bool))
    for seed in range(20):
        drawn = PairSampler(who, 2).draw(np.random.default_rng(seed), 5)
        assert drawn.target.shape == (5, 2, 32, 32, 3)
        assert drawn.identity_view is not None
        # Colours tell pendula apart: each pair shares one, and no two pairs do.
        hues = [
            [part[i].reshape(-1, 3).max(0) > 100 for i in range(5)]
            for part in (drawn.target, drawn.identity_view)
        ]
        np.testing.assert_array_equal(*hues)
        assert len({tuple(hue) for hue in hues[0]}) == 5
        assert (drawn.target != drawn.identity_view).any()
    everybody = PairSampler(who, 1).draw(np.random.default_rng(0), 100)
    assert len(everybody.target) == len(who.members) == 7
    assert run.config.contrast.batch == 5


def test_a_single_individual_is_refused(data: Path, tmp_path: Path) -> None:
    _, clips = start(tmp_path / "run", data)
    others = clips.table.group != clips.table.group[0]
    with pytest.raises(InputError, match=r"a single individual .*--contrast.steps 0"):
        PairSampler(Individuals(clips, others), 1)


def test_it_learns_who_is_who(data: Path, tmp_path: Path) -> None:
    """The loss falls; nothing but ENC_s and what it sees through has moved."""
    config = replace(OWN, contrast=replace(CONTRAST, steps=60, batch=7), log_every=1)
    config = replace(config, stage1=replace(SMALL.stage1, steps=0))
    config = replace(config, stage2=replace(SMALL.stage2, steps=0))
    run, clips = start(tmp_path / "run", data, config)
    losses: list[float] = []
    model = train(run, clips, Events(lambda record: losses.append(record["contrast"])))
    assert len(losses) == 60
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    assert not list((run.path / "pictures").iterdir())
    torch.manual_seed(config.seed)
    for name, tensor in VDSM(config.model).named_parameters():
        moved = not torch.equal(tensor, model.get_parameter(name))
        assert moved == name.startswith(("identity.encoder", "identity.embed")), name


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_in_stage_1_q_s_moves_more_slowly(optimizer: str) -> None:
    """All that stage 1 trains is in one group, of the rate asked for."""
    one = replace(SMALL.stage1, identity_lr=0.1, optimizer=optimizer)
    config = replace(OWN, stage1=one)
    model = VDSM(config.model)
    names = {id(p): name for name, p in model.named_parameters()}
    _, stage1, stage2 = stages(config)
    found = {
        names[id(p)]: group["relative"]
        for group in make_optimizers(model, stage1)["bound"].param_groups
        for p in group["params"]
    }
    slow = {name for name, rate in found.items() if rate == 0.1}
    assert slow == {n for n in found if n.startswith(("identity.encoder", "identity.embed"))}
    assert {rate for name, rate in found.items() if name not in slow} == {1.0}
    assert found.keys() == {n for n in names.values() if n.startswith(STAGE1)}
    assert {g["relative"] for g in make_optimizers(model, stage2)["bound"].param_groups} == {1.0}


def test_a_shared_encoder_learns_in_both() -> None:
    plan = stages(SHARED)
    model = VDSM(SHARED.model)
    assert [stage.name for stage in plan] == ["contrast", "stage1", "stage2"]
    first, second = (list(stage.players[0].trained(model)) for stage in plan[:2])
    assert first == [model.encoder, model.identity.embed]
    assert model.encoder in second
    assert [stage.name for stage in stages(SMALL)] == ["stage1", "stage2"]


def test_resumed_in_the_middle_it_ends_the_same(data: Path, tmp_path: Path) -> None:
    whole, clips = start(tmp_path / "whole", data, OWN)
    expected = train(whole, clips).state_dict()
    calls = iter(range(1, 1000))
    run, _ = start(tmp_path / "run", data, OWN)
    with pytest.raises(Stopped, match="contrast after step 3"):
        train(run, clips, Events(should_stop=lambda: next(calls) == 3))
    for name, tensor in train(run, clips).state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_codes_see_through_its_own_encoder(data: Path, tmp_path: Path) -> None:
    """s by the identity's encoder, z and d by the other; saved and opened again."""
    _, clips = start(tmp_path / "run", data, OWN)
    x = as_video(clips.batch(np.arange(3), np.zeros(3, int), 4))
    torch.manual_seed(0)
    model = VDSM(OWN.model).eval()
    before = model.encode(x)
    with torch.no_grad():
        for p in model.identity.encoder.parameters():
            p.mul_(1.5)
    after = model.encode(x)
    assert not torch.equal(before.s, after.s)
    assert torch.equal(before.d, after.d)
    assert torch.equal(before.z, after.z)
    model.save_pretrained(tmp_path / "saved")
    assert torch.equal(VDSM.from_pretrained(tmp_path / "saved").encode(x).s, after.s)
