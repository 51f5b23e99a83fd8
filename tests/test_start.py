"""Whitened heads: where q(s) and q(z) start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import nn

from small import SMALL, pendula, start
from vdsm.config import override
from vdsm.device import as_video
from vdsm.methods.vdsm import stages
from vdsm.methods.vdsm.additions.whitened_start import RIDGE, predicted, start_from_data, whiten
from vdsm.methods.vdsm.model import VDSM
from vdsm.train.batches import individuals
from vdsm.train.loop import Events, Stopped, train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("start") / "data")


def test_whitened_outputs_are_uncorrelated_with_the_scale_asked_for() -> None:
    """Against numpy's covariance; the direction of most variance comes first."""
    torch.manual_seed(0)
    inputs = torch.randn(500, 6) @ torch.randn(6, 6) + 3
    head = nn.Linear(6, 8)
    with torch.no_grad():
        whiten(head, inputs, dim=4, scale=0.25, narrow=0.1)
        outputs = head(inputs)
    torch.testing.assert_close(outputs[:, :4].mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    expected = 0.25**2 * torch.eye(4) * 500 / 499
    torch.testing.assert_close(outputs[:, :4].T.cov(), expected, atol=1e-5, rtol=0)
    scales = nn.functional.softplus(outputs[:, 4:])
    torch.testing.assert_close(scales, torch.full_like(scales, 0.1 * 0.25))
    values, vectors = torch.linalg.eigh(inputs.T.cov())
    along = (inputs - inputs.mean(0)) @ vectors[:, -1] / values[-1].sqrt()
    torch.testing.assert_close(outputs[:, 0].abs(), 0.25 * along.abs(), atol=1e-3, rtol=0.01)


def test_directions_of_looks_are_those_of_what_is_predicted() -> None:
    """Ridge regression against sklearn's; its principal directions, whitened, against numpy's."""
    g = torch.Generator().manual_seed(1)
    inputs = torch.randn(300, 6, generator=g) + 2
    y = inputs[:, 3:4] @ torch.randn(1, 40, generator=g) + 0.1 * torch.randn(300, 40, generator=g)
    through = predicted(y, inputs)
    x = (inputs - inputs.mean(0)).double().numpy()
    ridge = Ridge(RIDGE * (x * x).sum(0).mean(), fit_intercept=False).fit(x, y - y.mean(0))
    np.testing.assert_allclose(through.T, ridge.coef_, atol=1e-6)

    head = nn.Linear(6, 8)
    with torch.no_grad():
        whiten(head, inputs, dim=4, scale=0.25, narrow=0.1, through=through)
        outputs = head(inputs)[:, :4]
    expected = 0.25**2 * torch.eye(4) * 300 / 299
    torch.testing.assert_close(outputs.T.cov(), expected, atol=1e-5, rtol=0)
    # The one input that shows in y comes first, though it varies no more than the others.
    assert np.corrcoef(outputs[:, 0], inputs[:, 3])[0, 1] ** 2 > 0.99


def test_with_few_directions_the_rest_stays_random() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(50, 1) @ torch.randn(1, 6)
    head = nn.Linear(6, 8)
    before = head.weight.detach().clone()
    with torch.no_grad():
        whiten(head, inputs, dim=4, scale=1.0, narrow=0.1)
    assert torch.equal(head.weight[1:4], before[1:4])
    assert not torch.equal(head.weight[0], before[0])


@pytest.mark.parametrize("looks", [False, True])
def test_rounding_is_no_direction(looks: bool) -> None:
    """Rows that are equal but for float32's last digits leave every weight of s random."""
    torch.manual_seed(0)
    inputs = 3 + torch.rand(6).expand(100, 6) * (1 + 1e-7 * torch.randn(100, 6))
    assert (inputs.std(0) > 0).any()
    y = torch.randn(100, 40)
    head = nn.Linear(6, 8)
    before = head.weight.detach().clone()
    with torch.no_grad():
        whiten(head, inputs, 4, 0.25, 0.1, predicted(y, inputs) if looks else None)
    assert torch.equal(head.weight[:4], before[:4])


def test_individuals_differ_from_the_first_step(data: Path, tmp_path: Path) -> None:
    """The means of s differ by the prior's scale over individuals; random weights give far less."""
    run, clips = start(tmp_path / "run", data, override(SMALL, {"stage1.start": "data"}, "test"))
    members = individuals(clips, run.config).members
    x = torch.cat([as_video(clips.batch(m[:1], [0], 4)) for m in members])
    spread = []
    for begin in (lambda _: None, lambda m: start_from_data(m, clips, run.config)):
        torch.manual_seed(0)
        model = VDSM(run.config.model)
        begin(model)
        with torch.no_grad():
            loc = model.identity(model.encoder(x)).loc
        spread.append((loc.std(0) * model.config.num_experts).max())
    random, whitened = spread
    assert whitened > 0.5
    assert whitened > 3 * random


def test_with_looks_logits_start_at_the_mean_brightness(data: Path, tmp_path: Path) -> None:
    run, clips = start(tmp_path / "run", data, override(SMALL, {"stage1.start": "looks"}, "test"))
    torch.manual_seed(0)
    model = VDSM(run.config.model)
    start_from_data(model, clips, run.config)
    frames = np.concatenate([clips.whole(int(clip)) for clip in clips.select("train")]) / 255
    for bias in model.decoder.biases[-1].sigmoid():  # of each expert, one for each channel
        np.testing.assert_allclose(bias.detach(), frames.mean((0, 1, 2)), rtol=0.1)


def test_of_a_single_individual_there_is_nothing_to_predict(data: Path, tmp_path: Path) -> None:
    """The head of s keeps its random weights."""
    run, clips = start(tmp_path / "run", data, override(SMALL, {"stage1.start": "looks"}, "test"))
    clips.table.group[:] = 0
    model = VDSM(run.config.model)
    before = model.identity.head.weight[:4].clone()
    start_from_data(model, clips, run.config)
    assert torch.equal(model.identity.head.weight[:4], before)


def test_it_is_done_once_before_the_first_step(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When asked for, in a fresh run, and not again by one that is resumed."""
    calls: list[int] = []
    monkeypatch.setattr(stages, "start_from_data", lambda *_, **__: calls.append(1))
    for begin, expected in (("random", 0), ("data", 1), ("looks", 1)):
        config = override(SMALL, {"stage1.start": begin}, "test")
        run, clips = start(tmp_path / begin, data, config)
        for _ in range(2):
            with pytest.raises(Stopped):
                train(run, clips, Events(should_stop=lambda: True))
        assert len(calls) == expected
        calls.clear()
