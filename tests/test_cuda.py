"""On a GPU: the same codes, frames and bounds as on the CPU, steps that never wait, every command;
steps replayed as graphs, which do what they do without.

VDSM_TEST_GPU=1 python -m pytest tests/test_cuda.py
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import HELPED, SMALL, pendula, start
from vdsm import VDSM
from vdsm.cli import run as vdsm
from vdsm.config import RunConfig, describe, override
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.device import as_video
from vdsm.methods.table import METHODS, method_of
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.config import AdditionsConfig, Config, ContrastConfig, PosesConfig
from vdsm.methods.vdsm.stages import Stage, stages
from vdsm.notation import Codes, Share
from vdsm.store.run import Run
from vdsm.train import capture
from vdsm.train.capture import WARM, Given, Turn
from vdsm.train.graphs import Graphs
from vdsm.train.loop import Events, State, Stopped, open_source, plainly, train
from vdsm.train.stage import weighted
from vdsm.train.step import Bound, make_optimizer, take_step

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="no GPU is shown: VDSM_TEST_GPU=1 python -m pytest tests/test_cuda.py",
)

CUDA = torch.device("cuda")
APART = AdditionsConfig(
    identity_from="other",
    jitter=0.8,
    swap_augment=0.5,
    consistency_s=1.0,
    consistency_d=1.0,
)
# All four stages, and all that can be added to them.
EVERYTHING = replace(
    SMALL,
    model=replace(SMALL.model, identity_encoder="own"),
    contrast=ContrastConfig(steps=4, batch=5, augment=0.5, optimizer="muon"),
    stage1=replace(SMALL.stage1, optimizer="muon", start="looks"),
    poses=PosesConfig(steps=4, batch=5, segments=20, optimizer="muon"),
    additions=APART,
    device="cuda",
)
STAGES = pytest.mark.parametrize("number", range(4), ids=["contrast", "stage1", "poses", "stage2"])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("cuda") / "data")


@pytest.fixture
def clips(data: Path, tmp_path: Path) -> Clips:
    return start(tmp_path / "unused", data)[1]


def both(name: str) -> tuple[VDSM, VDSM]:
    """The same weights on the CPU and on the GPU."""
    return VDSM.from_pretrained(name), VDSM.from_pretrained(name).to(CUDA)


@pytest.mark.parametrize("name", ["pendulum", "sprites"])
def test_codes_and_frames_are_those_of_the_cpu(name: str) -> None:
    host, device = both(name)
    c = host.config
    x = torch.rand(3, 9, c.channels, c.size, c.size, generator=torch.Generator().manual_seed(0))
    here, there = host.encode(x), device.encode(x)
    for one, other in ((here.s, there.s), (here.d, there.d), (here.z, there.z)):
        torch.testing.assert_close(other.cpu(), one, atol=2e-3, rtol=2e-3)
    on_device = Codes(*(t.to(CUDA) for t in (here.s, here.d, here.z)))
    torch.testing.assert_close(
        device.decode(on_device, 20).cpu(), host.decode(here, 20), atol=2e-3, rtol=0
    )
    device.precision = "bf16"
    assert (device.decode(on_device).cpu() - host.decode(here)).abs().mean() < 2 / 255


def test_a_seed_gives_the_same_clips_everywhere() -> None:
    host, device = both("pendulum")
    here, there = (m.generate(4, 6, torch.Generator().manual_seed(3)) for m in (host, device))
    torch.testing.assert_close(there.cpu(), here, atol=5e-3, rtol=0)


@pytest.mark.parametrize("number", [0, 1], ids=["stage1", "stage2"])
def test_bounds_and_gradients_are_those_of_the_cpu(number: int, clips: Clips) -> None:
    """With the same noise, which a generator of the CPU draws for both."""
    config = replace(SMALL, additions=APART)
    stage = stages(config)[number]
    frames = stage.sampler(clips).draw(np.random.default_rng(0), 4)
    found = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        model = VDSM(config.model).to(device)
        x, other = (as_video(f, device) for f in (frames.target, frames.identity_view))
        views = Views(x, x, other, other)
        terms = stage.players[0].bound(model, views, torch.Generator().manual_seed(1))
        weighted(terms, stage.schedule(0.5).weights).backward()
        grads = {n: p.grad.cpu() for n, p in model.named_parameters() if p.grad is not None}
        found.append(({n: t.detach().cpu() for n, t in terms.items()}, grads))
    (terms, grads), (terms_there, grads_there) = found
    torch.testing.assert_close(terms_there, terms, atol=1e-2, rtol=2e-3)
    assert grads.keys() == grads_there.keys()
    for name, grad in grads.items():
        assert (grads_there[name] - grad).norm() <= 0.01 * grad.norm() + 1e-4, name


@pytest.fixture
def no_waiting() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


@STAGES
def test_a_step_never_waits(number: int, clips: Clips, no_waiting: None) -> None:
    """CUDA says so itself: from the batch on the host to the optimizer's step."""
    stage, step = steps_of(EVERYTHING, number, clips)
    for warm in (True, True, False, False):
        torch.cuda.set_sync_debug_mode("default" if warm else "error")
        assert step(stage.schedule(1.0).values["swap_augment"]) is not None


def steps_of(
    config: Config, number: int, clips: Clips
) -> tuple[Stage, Callable[[float], torch.Tensor]]:
    """A stage, and a function that takes a step of it as the loop does."""
    state = State(VDSM(config.model).to(CUDA), stage=number)
    stage = stages(config)[number]
    (player,) = stage.players
    optimizer = make_optimizer(state.model, player, stage.settings.lr)
    source = open_source(clips, state, stage, config, CUDA)
    bound, rng, noise = Bound(player, state.model), np.random.default_rng(0), Share(CUDA)
    noise.rows, noise.mine = stage.settings.batch, slice(0, stage.settings.batch)
    healthy = torch.ones((), dtype=torch.bool, device=CUDA)
    weights = stage.schedule(0.5).weights

    def step(share: float) -> torch.Tensor:
        values = {"swap_augment": share}
        batch = source.batch(source.draw(rng, noise.rows, noise.mine), noise, values)
        return healthy & take_step(bound, optimizer, batch, noise, weights, bf16=True).finite

    return stage, step


@HELPED
def test_resumed_it_ends_about_as_unbroken(data: Path, tmp_path: Path) -> None:
    """About, for the order of a GPU's sums is not fixed."""
    config = replace(EVERYTHING, contrast=ContrastConfig(), precision="fp32")
    whole, clips = start(tmp_path / "whole", data, config)
    expected = train(whole, clips).state_dict()
    parted, clips = start(tmp_path / "parted", data, config)
    calls = iter(range(1, 10**6))
    with pytest.raises(Stopped):
        train(parted, clips, Events(should_stop=lambda: next(calls) == 5))
    found = train(parted, clips).state_dict()
    for name, value in expected.items():
        if not name.startswith("codes.") and value.is_floating_point():  # a basis may turn
            moved = (found[name] - value).norm()
            assert moved <= 0.05 * value.norm() + 1e-3, (name, moved)


@HELPED
def test_every_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    few = ["--contrast.steps", "3", "--poses.steps", "3", "--poses.segments", "20"]
    few += ["--stage1.steps", "4", "--stage2.steps", "3", "--stage2.frames", "8"]
    here = ["--device", "cuda"]
    scores = ["--probe-clips", "28", "--judges", "1", "--judge-steps", "3", "--floor", "0"]
    for words in (
        ["train", str(data), "--preset", "pendulum", "--out", run, *few, *here],
        ["evaluate", run, str(data), "--out", str(tmp_path / "scores.json"), *here, *scores],
        ["embed", run, str(data), "--out", str(tmp_path / "codes.npz"), *here],
        ["swap", "pendulum", "--identity", "example:0", "--action", "example:3",
         "--out", str(tmp_path / "swap.png"), *here],
        ["generate", run, "--num", "2", "--frames", "5", "--out", str(tmp_path / "new"), *here],
    ):  # fmt: skip
        assert vdsm(words) in (0, None), capsys.readouterr()
    assert json.loads((tmp_path / "scores.json").read_text())
    assert np.isfinite(np.load(tmp_path / "codes.npz")["s"]).all()
    assert {f.name for f in (tmp_path / "new").iterdir()} == {"000.gif", "001.gif", "samples.png"}


# -- graphs ----------------------------------------------------------------------------------------


def test_noise_of_a_replay_is_that_of_its_seed() -> None:
    """As far as the generator has come before the graph is launched, too."""
    graphs, generator = Graphs(CUDA), Share(CUDA)

    def work() -> torch.Tensor:
        return torch.randn(5, generator=generator, device=CUDA)

    def drawn(seed: int, function: Callable[[], Any]) -> torch.Tensor:
        generator.manual_seed(seed)
        torch.randn(3, generator=generator, device=CUDA)  # as a batch is redrawn
        function()
        return found.clone()

    graphs.warm(work)
    found, replay = graphs.record(work, generator)
    again = [drawn(seed, replay) for seed in (3, 4, 3)]
    anew = [drawn(seed, lambda: found.copy_(work())) for seed in (3, 4, 3)]
    assert all(torch.equal(a, b) for a, b in zip(again, anew, strict=True))
    assert not torch.equal(again[0], again[1])


def turns_of(number: int, clips: Clips, turn: Callable[..., Any]) -> Callable[[int], torch.Tensor]:
    """A function that takes a step of a stage, as the loop does, by a turn; the loss."""
    torch.manual_seed(0)
    state, stage = State(VDSM(EVERYTHING.model).to(CUDA), stage=number), stages(EVERYTHING)[number]
    (player,) = stage.players
    optimizer = make_optimizer(state.model, player, stage.settings.lr)
    source, noise = open_source(clips, state, stage, EVERYTHING, CUDA), Share(CUDA)
    bound, rng = Bound(player, state.model), np.random.default_rng(0)
    noise.rows, noise.mine = stage.settings.batch, slice(0, stage.settings.batch)
    take = turn(stage, state.model)

    def step(count: int) -> torch.Tensor:
        schedule = stage.schedule(count / 10)
        stage.take(state.model, schedule.values)
        for group in optimizer.param_groups:
            group["lr"] = stage.settings.lr * (1 - count / 20) * group.get("relative", 1.0)
        noise.manual_seed(count)
        batch = source.batch(source.draw(rng, noise.rows, noise.mine), noise, schedule.values)
        how = (noise, schedule.weights, schedule.values)
        found: torch.Tensor = take(Given(bound, optimizer, batch, *how, bf16=False)).loss
        return found

    return step


@STAGES
def test_replays_lose_as_plain_steps_do(number: int, clips: Clips) -> None:
    """Weights, rates and values of schedules change at every step; so do batches and noise."""
    graphs = Graphs(CUDA)
    replayed = turns_of(number, clips, lambda stage, model: Turn(graphs, stage, model).take)
    plain = turns_of(number, clips, lambda stage, model: plainly)
    found = torch.stack([replayed(count).clone() for count in range(10)]).cpu()
    expected = torch.stack([plain(count) for count in range(10)]).cpu()
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=5e-3)


@STAGES
def test_a_replay_never_waits(number: int, clips: Clips, no_waiting: None) -> None:
    graphs = Graphs(CUDA)
    step = turns_of(number, clips, lambda stage, model: Turn(graphs, stage, model).take)
    for count in range(WARM + 4):
        torch.cuda.set_sync_debug_mode("error" if count > WARM else "default")
        step(count)


def short(name: str, capture: str) -> RunConfig:
    """The preset `debug` of a method, a few steps."""
    config = method_of(name).preset("debug", "compact")
    steps = [n for n in describe(type(config)) if n.endswith(".steps") and attrgetter(n)(config)]
    more = {"model.size": "32", "precision": "fp32", "log_every": "1", "device": "cuda"}
    few = dict.fromkeys(steps, "7")
    return override(config, more | few | {"capture": capture}, "test")


@HELPED
@pytest.mark.parametrize("name", METHODS)
def test_every_method_by_graphs(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metrics of the first replays; later, rounding may have grown in either."""
    recorded, record = [], Graphs.record
    monkeypatch.setattr(Graphs, "record", lambda *a: recorded.append(1) or record(*a))
    losses = []
    for how in ("never", "auto"):
        run = Run.create(tmp_path / how, short(name, how), data, "debug", method=name)
        train(run, open_clips(data))
        losses.append([v for line in run.metrics() for k, v in line.items() if k.endswith("loss")])
    stage = method_of(name).stages(short(name, "auto"))[0]
    assert bool(recorded) == (not capture.own_hindrance(stage))
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05, atol=0.05)
