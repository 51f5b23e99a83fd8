"""What is found after training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from small import SMALL, pendula, start
from vdsm import VDSM
from vdsm.config import ReadoutConfig
from vdsm.data.clips import Clips
from vdsm.device import as_video
from vdsm.methods.fit_readout import others, within
from vdsm.methods.readout import Readout
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.recipe import METHOD
from vdsm.train.batches import Individuals


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    folder = tmp_path_factory.mktemp("finish")
    return start(folder / "run", pendula(folder / "data"))[1]


def read_out(model: VDSM, clips: Clips, config: Config) -> Readout:
    fitted = METHOD.read_out(model, clips, config)
    return METHOD.finished(model, fitted, config)


def test_the_covariance_within_pairs() -> None:
    g = torch.Generator().manual_seed(0)
    mixing = torch.randn(3, 3, generator=g, dtype=torch.double)
    shared, a, b = torch.randn(3, 20000, 3, generator=g, dtype=torch.double)
    differences = 5 * shared + a @ mixing - (5 * shared + b @ mixing)
    found = within(differences.float())
    torch.testing.assert_close(found, mixing.T @ mixing, atol=0.1, rtol=0.05)


def test_another_clip_unless_it_is_too_short(clips: Clips) -> None:
    who = Individuals(clips, np.zeros(len(clips), bool))
    rng = np.random.default_rng(0)
    chosen = clips.select("train")
    found = others(who, chosen, 3, rng)
    np.testing.assert_array_equal(who.of_clip[found], who.of_clip[chosen])
    assert (found != chosen).any()
    short = who.clips.table.length.copy()
    try:
        who.clips.table.length[found] = 2
        who.clips.table.length[chosen[:1]] = 9
        again = others(who, chosen[:1], 3, np.random.default_rng(0))
        assert who.clips.table.length[again].min() >= 3
    finally:
        who.clips.table.length[:] = short


def test_codes_keep_what_differs_more_than_its_nuisance(clips: Clips) -> None:
    """By the clips' own codes, of two clips of one individual each, and of two swaps each."""
    torch.manual_seed(0)
    model = VDSM(SMALL.model).eval()
    with torch.no_grad():  # posteriors so narrow that nuisance alone decides
        for head in (model.identity.head, model.dynamics.head):
            head.bias[len(head.bias) // 2 :] = -20
    read = read_out(model, clips, replace(SMALL, readout=ReadoutConfig(min_snr=1.5)))
    x = as_video(clips.batch(clips.select("train"), np.zeros(len(clips.select("train")), int), 5))
    q, codes = model.posteriors(x), read.encode(x)
    for aggregate, loc, code in (
        (read.codes["s"], q["s"].loc, codes.s),
        (read.codes["d"], q["d"].loc, codes.d),
    ):
        assert aggregate.fitted
        rank = torch.linalg.matrix_rank((code - aggregate.average).double(), rtol=1e-3)
        assert rank == aggregate.kept.sum()
        torch.testing.assert_close(aggregate.project(loc), code)


def test_the_paper_keeps_everything(clips: Clips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = VDSM(SMALL.model).eval()
    read = read_out(model, clips, SMALL)
    x = as_video(clips.batch(np.arange(4), np.zeros(4, int), 5))
    q, codes = model.posteriors(x), read.encode(x)
    assert torch.equal(codes.s, q["s"].loc)
    assert torch.equal(codes.d, q["d"].loc)
    raw = read.encode(x, raw=True)
    assert torch.equal(raw.d, q["d"].loc)
