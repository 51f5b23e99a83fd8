"""Every method through the same loop: trained, killed, resumed, saved, opened, asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small import pendula
from vdsm import InputError
from vdsm.bench.size import SyntheticClips
from vdsm.config import override
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.device import as_video
from vdsm.methods.readout import Readout
from vdsm.methods.table import METHODS, method_of
from vdsm.notation import Share
from vdsm.protocol import Encodes, Generates, Recombines, missing
from vdsm.store.open import open_model
from vdsm.store.run import Run
from vdsm.train import loop
from vdsm.train.loop import Diverged, Events, Stopped, train
from vdsm.train.stage import Opening, Player, Schedule, Stage, nothing, weighted
from vdsm.train.step import train_only

EACH = pytest.mark.parametrize("name", METHODS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("methods") / "data")


def config_of(name: str) -> Any:
    """The debug preset for 32 pixels, in float32."""
    config = method_of(name).preset("debug", "compact")
    model = replace(config.model, size=32)
    return replace(config, model=model, precision="fp32", checkpoint_every=4, log_every=2)


def begin(path: Path, data: Path, name: str) -> tuple[Run, Clips]:
    run = Run.create(path, config_of(name), data, "debug", method=name)
    return run, open_clips(data)


def stop_at(*numbers: int) -> Events:
    """Asked to stop after so many steps, counted over all stages."""
    calls = iter(range(1, 10**6))
    return Events(should_stop=lambda: next(calls) in numbers)


@EACH
def test_killed_and_resumed_it_ends_bit_for_bit_the_same(
    name: str, data: Path, tmp_path: Path
) -> None:
    whole, clips = begin(tmp_path / "whole", data, name)
    expected = train(whole, clips).state_dict()
    parts, _ = begin(tmp_path / "parts", data, name)
    for steps in (5, 8):
        with pytest.raises(Stopped):
            train(Run.open(parts.path), clips, stop_at(steps))
    found = train(Run.open(parts.path), clips).state_dict()
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.equal(found[key], tensor), key
    told = [{k: v for k, v in m.items() if "seconds" not in k} for m in whole.metrics()]
    again = [{k: v for k, v in m.items() if "seconds" not in k} for m in parts.metrics()]
    assert told == again


@pytest.mark.parametrize("name", ["dsvae", "mocogan"])
def test_killed_after_its_last_step_it_is_finished_once(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without what is fitted last: the checkpoint says that the run is finished."""
    run, clips = begin(tmp_path / "run", data, name)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "complete", killed)
        with pytest.raises(KeyboardInterrupt):
            train(run, clips)
    train(run, clips)
    (last,) = run.path.glob("checkpoint-*.pt")
    assert last.name == "checkpoint-finished.pt"
    written = run.pointer.stat().st_mtime_ns
    train(run, clips)
    assert run.pointer.stat().st_mtime_ns == written, "a finished run is written anew"


@EACH
def test_opened_again_it_says_what_it_is_and_draws_the_same(
    name: str, data: Path, tmp_path: Path
) -> None:
    run, clips = begin(tmp_path / "run", data, name)
    model: Any = train(run, clips)
    again: Any = open_model(run.path)
    assert type(again) is type(model)
    assert Run.open(run.path).method == name
    x = as_video(clips.batch(clips.select("train")[:3], clips.select("train")[:3] * 0, 8))

    def drawn(m: Any) -> torch.Tensor:
        if isinstance(again, Generates):
            clips: torch.Tensor = m.generate(3, 8, torch.Generator().manual_seed(0))
            return clips
        swapped: torch.Tensor = m.swap(x, x.flip(0))
        return swapped

    assert torch.equal(drawn(model), drawn(again))
    assert drawn(again).shape == (3, 8, 3, 32, 32)
    assert 0 <= drawn(again).min() <= drawn(again).max() <= 1
    assert list(run.path.glob("pictures/*.png"))
    if isinstance(again, Encodes):
        for name in "sdz":
            assert torch.equal(getattr(model.encode(x), name), getattr(again.encode(x), name))
        assert again.swap(x, x.flip(0), 5).shape == (3, 5, 3, 32, 32)
    if isinstance(again, Readout):
        raw = again.encode(x, raw=True)
        assert torch.equal(raw.s, again.model.encode(x).s)


def test_what_a_generator_cannot_do_is_one_sentence() -> None:
    model = method_of("mocogan").build(config_of("mocogan").model)
    assert missing(model, Encodes) == "MoCoGAN has no encoder: codes of clips cannot be asked"
    assert missing(model, Recombines) is None


@pytest.mark.parametrize("name", ["mocogan", "g3an"])
def test_motion_and_content_of_draws_are_exchanged(name: str) -> None:
    torch.manual_seed(0)
    model: Any = method_of(name).build(config_of(name).model).eval()
    assert isinstance(model, Recombines)
    content, motion = model.draw(4, 6, torch.Generator().manual_seed(1))
    same = model.render(content, motion, 6)
    exchanged = model.render(content.flip(0), motion, 6)
    assert torch.equal(same, model.generate(4, 6, torch.Generator().manual_seed(1)))
    assert not torch.equal(same, exchanged)
    assert torch.equal(model.render(content.flip(0), motion.flip(0), 6), same.flip(0))


def test_clips_too_short_for_its_critic_are_one_line(data: Path, tmp_path: Path) -> None:
    config = config_of("mocogan")
    config = replace(config, model=replace(config.model, time_kernel=4))
    with pytest.raises(InputError, match=r"critic of clips takes 10 frames or more, not 8"):
        Run.create(tmp_path / "run", config, data, "debug", method="mocogan")
    assert not (tmp_path / "run").exists()


@EACH
def test_clips_shorter_than_what_it_learns_from_are_one_line(name: str, tmp_path: Path) -> None:
    data = pendula(tmp_path / "data", frames=2)
    with pytest.raises(InputError, match=r"longest .* has 2\b") as refused:
        Run.create(tmp_path / "run", config_of(name), data, "debug", method=name)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


@EACH
def test_clips_of_one_channel_can_be_learned_from(name: str) -> None:
    """Every player's bound of a batch, and its gradient, are finite."""
    method, device = method_of(name), torch.device("cpu")
    config = override(config_of(name), {"model.channels": "1"}, "test")
    torch.manual_seed(0)
    model = method.build(config.model).train()
    clips = SyntheticClips(32, 1)
    for stage in (stage for stage in method.stages(config) if stage.paint is not None):
        now, rows = stage.schedule(0.5), stage.settings.batch
        stage.take(model, now.values)
        source = stage.source(Opening(stage.sampler(clips), model, now.values, device, False, 0))
        noise = Share(device)
        noise.rows, noise.mine = rows, slice(0, rows)
        batch = source.batch(
            source.draw(np.random.default_rng(0), rows, noise.mine), noise, now.values
        )
        if stage.null is not None:
            assert stage.null(model, batch, torch.zeros(1, 32, 32)).isfinite().all()
        for player in stage.players:
            train_only(model, player)
            loss = weighted(player.bound(model, batch, noise), stage.weights(player, now))
            loss.backward()  # type: ignore[no-untyped-call]
            slopes = [p.grad for p in model.parameters() if p.grad is not None]
            assert slopes
            assert all(slope.isfinite().all() for slope in [loss.detach(), *slopes])
            model.zero_grad(set_to_none=True)


@pytest.mark.parametrize("name", ["dsva", "", "VDSM"])
def test_unknown_methods_are_one_line(name: str) -> None:
    with pytest.raises(InputError, match=r"no method .* in this version: it has vdsm"):
        method_of(name)


# -- players ---------------------------------------------------------------------------------------


class Two(torch.nn.Module):
    """Two numbers, each moved by a player of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))


def player(name: str, **more: Any) -> Player:
    def bound(model: Two, x: torch.Tensor, noise: torch.Generator) -> dict[str, torch.Tensor]:
        return {"cost": (model.a * model.b).expand(len(x)) * 1.0}

    return Player(name, lambda model: [getattr(model, name)], bound, **more)


def test_each_player_moves_its_own_and_takes_every_nth_turn() -> None:
    """By hand: Adam's first steps are the rate itself; b moves at steps 0 and 2 alone."""
    from vdsm.train.loop import State, Turns
    from vdsm.train.processes import ALONE
    from vdsm.train.step import make_optimizers

    model = Two()
    calls: list[int] = []
    players = (player("a"), player("b", every=2, after=lambda m, step: calls.append(step)))
    settings = config_of("mocogan").train
    weights = {"a.cost": 1.0, "b.cost": -1.0}
    stage = Stage("s", settings, players, lambda _: Schedule(weights), nothing, nothing, 8)
    state = State(model, make_optimizers(model, stage))
    turns = Turns(stage, model, ALONE)
    for step in range(4):
        before = model.a.item(), model.b.item()
        state.step = step
        outcomes = turns.take(
            state, torch.zeros(3), torch.Generator(), stage.schedule(0.0), False, 1.0
        )
        assert set(outcomes) == ({"a", "b"} if step % 2 == 0 else {"a"})
        assert model.a.item() < before[0]  # its cost falls
        assert (model.b.item() > before[1]) == (step % 2 == 0)  # of a negative weight: rises
    assert calls == [0, 2]


def test_terms_and_weights_have_the_same_names() -> None:
    terms = {"log_p": torch.tensor([1.0, 3.0]), "cost": torch.tensor([2.0, 4.0])}
    assert weighted(terms, {"log_p": 2.0, "cost": 0.5}).item() == -2 * 2 + 0.5 * 3
    with pytest.raises(AssertionError, match="weights"):
        weighted(terms, {"log_p": 1.0})


def test_a_generator_that_diverges_goes_back_and_gives_up_at_last(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vdsm.methods.mocogan import recipe

    run, clips = begin(tmp_path / "run", data, "mocogan")
    monkeypatch.setattr(recipe, "told_real", lambda scores: scores.float().mean(1) * torch.nan)
    said: list[str] = []
    with pytest.raises(Diverged):
        train(run, clips, Events(on_message=said.append))
    assert all("going back to step 0" in line for line in said)
    assert len(said) == 5
