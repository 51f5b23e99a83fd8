"""A step never waits for its device: no value is read on the host, none comes from it.

No GPU is needed: fake tensors refuse to be read, "meta" tensors tell a transfer from a computation.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from small import SMALL, pendula, start
from vdsm import VDSM
from vdsm.device import as_video
from vdsm.methods.vdsm.additions.augment import colour_jitter
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.blur import blur_matrix
from vdsm.methods.vdsm.config import Stage1Config, Stage2Config
from vdsm.methods.vdsm.stages import stages
from vdsm.train.loop import train
from vdsm.train.stage import Stage, weighted
from vdsm.train.step import Bound, make_optimizer, take_step, train_only

STAGES = pytest.mark.parametrize("stage", stages(SMALL), ids=lambda stage: stage.name)


@pytest.fixture(autouse=True)
def _no_fake_matrix_stays() -> Iterator[None]:
    blur_matrix.cache_clear()
    yield
    blur_matrix.cache_clear()


class Watch(TorchDispatchMode):
    """Counts values read on the host, and collects the devices of all tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.devices = 0, set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.reads += func is torch.ops.aten._local_scalar_dense.default
        tensors = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, Tensor)]
        self.devices |= {x.device.type for x in tensors}
        return result


def batch(device: str, generator: torch.Generator | None) -> Views:
    c = SMALL.model
    x = torch.rand(5, 6, c.channels, c.size, c.size, device=device)
    return Views(x, colour_jitter(x, 0.8, generator), x[:, :4])


@STAGES
def test_step_reads_nothing(stage: Stage) -> None:
    """Two whole steps, colour mixing and the check for finite values included."""
    with FakeTensorMode():
        model, generator = VDSM(SMALL.model), torch.Generator()
        (player,) = stage.players
        optimizer = make_optimizer(model, player, stage.settings.lr)
        schedule = stage.schedule(0.5)
        healthy = torch.ones((), dtype=torch.bool)
        for _ in range(2):
            stage.take(model, schedule.values)
            given = Bound(player, model), optimizer, batch("cpu", generator), generator
            outcome = take_step(*given, schedule.weights, bf16=True)
            healthy &= outcome.finite
        with pytest.raises(DataDependentOutputException):  # which is how a read would show
            bool(healthy)


@STAGES
def test_step_takes_nothing_from_the_host(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound and its gradient: one device alone. "meta" knows no autocast and no fused Adam."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)
    with torch.device("meta"):
        model = VDSM(SMALL.model)
    (player,) = stage.players
    train_only(model, player)
    schedule = stage.schedule(0.5)
    with Watch() as watch:
        stage.take(model, schedule.values)
        terms = player.bound(model, batch("meta", None), None)
        weighted(terms, schedule.weights).backward()
    assert watch.devices == {"meta"}


def test_watch_notices_reads_and_transfers() -> None:
    with Watch() as watch:
        torch.ones(()).item()
        torch.ones(2).to("meta")
    assert (watch.reads, watch.devices) == (1, {"cpu", "meta"})


def test_loop_reads_only_when_it_logs(tmp_path: Path) -> None:
    """As many reads in 4 + 4 steps as in 9 + 9, if only the last step of a stage is logged."""
    data = pendula(tmp_path / "data")
    reads = []
    for steps in (4, 9):
        config = replace(
            SMALL,
            stage1=Stage1Config(steps=steps, batch=3, frames=4),
            stage2=Stage2Config(steps=steps, batch=3, frames=5),
            log_every=100,
            checkpoint_every=100,
        )
        run, clips = start(tmp_path / str(steps), data, config)
        with Watch() as watch:
            train(run, clips)
        reads.append(watch.reads)
    assert reads[0] == reads[1] > 0


def test_batch_is_pinned_before_it_is_sent_to_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy from pageable memory would wait for what the device is doing."""
    calls: list[Any] = []

    def pin(x: Tensor) -> Tensor:
        calls.append("pin")
        return x

    def to(x: Tensor, device: Any, non_blocking: bool = False) -> Tensor:
        calls.append((str(device), non_blocking))
        return x

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    monkeypatch.setattr(Tensor, "to", to)
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4, 1), np.uint8)
    video = as_video(frames, torch.device("cuda", 0))
    assert calls == ["pin", ("cuda:0", True)]
    assert torch.equal(video, torch.tensor(frames).permute(0, 1, 4, 2, 3) / 255)
    calls.clear()
    as_video(frames)
    assert "pin" not in calls
