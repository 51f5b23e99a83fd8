"""A turn that is recorded and replayed does what it would do anew.

On the CPU a tape stands for CUDA's graphs; tests/test_cuda.py has these.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from small import SMALL, pendula
from tape import Anew, Tape
from vdsm.bench.size import Bench, measure
from vdsm.cli import run as vdsm
from vdsm.config import RunConfig, describe, override
from vdsm.data import open_clips
from vdsm.errors import InputError
from vdsm.methods.table import METHODS, method_of
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.store.run import Run
from vdsm.train import capture, loop
from vdsm.train.fixed import Numbers, fill, set_aside, shapes
from vdsm.train.loop import Events, Stopped, train
from vdsm.train.muon import CORRECTIONS

STEPS = 6  # of a stage: three to warm up, one recorded, the others replayed
NEVER = {"skd", "ssmskd", "tgan"}  # can be
CPU = torch.device("cpu")
# Schedules, learning rates and shares redrawn that change at every step; dimensions that open.
CHANGING = {
    "stage1.steps": "12",
    "stage1.decay": "1",
    "stage1.warmup": "2",
    "stage1.clip": "5",
    "stage1.opens_until": "0.5",
    "stage1.identity_lr": "0.5",
    "stage1.optimizer": "muon",
    "stage2.decay": "0.5",
    "contrast.steps": "0",
    "additions.identity_from": "other",
    "additions.jitter": "0.8",
    "additions.swap_augment": "0.5",
    "additions.consistency_s": "1",
    "additions.consistency_d": "1",
}
CLOSE = {"atol": 1e-4, "rtol": 1e-3}  # rates in float32, updates multiplied by them: see `near`


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("replay") / "data")


def config_of(name: str, changes: Mapping[str, str] = {}) -> RunConfig:
    """The method's preset `debug`, of few steps."""
    config = method_of(name).preset("debug", "compact")
    steps = [n for n in describe(type(config)) if n.endswith(".steps") and attrgetter(n)(config)]
    few = dict.fromkeys(steps, str(STEPS))
    more = {"model.size": "32", "precision": "fp32", "log_every": "1", "checkpoint_every": "4"}
    return override(config, more | few | changes, "test")


def trained(
    out: Path,
    data: Path,
    config: RunConfig,
    name: str = "vdsm",
    recorder: Anew | None = None,
    events: Events | None = None,
) -> dict[str, Tensor]:
    """The weights at a run's end, replayed by a recorder if one is given."""
    if recorder is not None:
        config = override(config, {"capture": "auto"}, "test")
    run = Run.create(out, config, data, "debug", method=name)
    return resumed(run, data, recorder, events)


def before_the_end(
    out: Path, data: Path, config: RunConfig, name: str, recorder: Anew
) -> dict[str, Tensor]:
    """The weights one step before the last, after which much is drawn and fitted."""
    steps = sum(stage.settings.steps for stage in method_of(name).stages(config))
    calls = iter(range(1, 100))
    stop = Events(should_stop=lambda: next(calls) == steps - 1)
    with pytest.raises(Stopped):
        trained(out, data, config, name, recorder, stop)
    saved: Any = Run.open(out).restore()
    found: dict[str, Tensor] = saved["model"]
    return found


def resumed(
    run: Run, data: Path, recorder: Anew | None, events: Events | None = None
) -> dict[str, Tensor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture, "recorder_for", lambda device: recorder)
        return train(run, open_clips(data), events).state_dict()


def require_near(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if not key.startswith("codes."):  # of the readout: a basis, which may turn
            torch.testing.assert_close(found[key], value, **CLOSE)


@pytest.mark.parametrize("name", sorted(set(METHODS) - NEVER))
def test_a_replay_does_what_the_turn_does_anew(name: str, data: Path, tmp_path: Path) -> None:
    """Bit for bit: what Python did once, at the recording, is all that may be lost."""
    later = {"train.steps": "9"} if name == "spyl" else {}  # it comes to do more after a third
    config, tape, anew = config_of(name, later), Tape(), Anew()
    found = before_the_end(tmp_path / "tape", data, config, name, tape)
    expected = before_the_end(tmp_path / "anew", data, config, name, anew)
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    asked = (tape.warmed, tape.recorded, tape.replayed)
    assert asked == (anew.warmed, anew.recorded, anew.replayed)
    assert tape.replayed > 0


@pytest.fixture(scope="module")
def plain(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """The weights of a run without replays, by Muon, then by Adam."""
    return trained(tmp_path_factory.mktemp("plain") / "run", data, config_of("vdsm", CHANGING))


def test_a_run_ends_as_without(plain: dict[str, Tensor], data: Path, tmp_path: Path) -> None:
    tape = Tape()
    found = trained(tmp_path / "tape", data, config_of("vdsm", CHANGING), recorder=tape)
    assert (tape.recorded, tape.replayed) == (3, 2 + 2 + STEPS - 4)  # narrowed, all open, stage 2
    require_near(found, plain)


def test_resumed_it_ends_as_unbroken(plain: dict[str, Tensor], data: Path, tmp_path: Path) -> None:
    """Broken off amid replays; and what is saved does not tell whether there were any."""
    config, calls = config_of("vdsm", CHANGING), iter(range(1, 100))
    stop = Events(should_stop=lambda: next(calls) == 12 + 5)
    with pytest.raises(Stopped):
        trained(tmp_path / "tape", data, config, recorder=Tape(), events=stop)
    run = Run.open(tmp_path / "tape")
    saved: Any = run.restore()
    assert (saved["stage"], saved["step"]) == (1, 5)
    for group in saved["optimizers"]["bound"]["param_groups"]:
        assert isinstance(group["lr"], float)
        assert not group.get("capturable")
        assert CORRECTIONS not in group
    require_near(resumed(run, data, Tape()), plain)


def infinite_once(at: int) -> Callable[..., float]:
    """The learning rate, but the first time at that step."""
    once, real = iter([True]), loop.learning_rate

    def rate(settings: Any, step: int, progress: float) -> float:
        bad = step == at and next(once, False)
        return float("inf") if bad else real(settings, step, progress)

    return rate


def test_a_step_that_is_not_finite_goes_back(data: Path, tmp_path: Path) -> None:
    """To other moments than those which were recorded, and on at half the rate."""
    found: list[dict[str, Tensor]] = []
    for number, recorder in enumerate((None, Tape())):
        config = config_of("vdsm", CHANGING | {"stage1.opens_until": "0", "stage2.steps": "1"})
        said: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "learning_rate", infinite_once(6))
            events = Events(on_message=said.append)
            out = tmp_path / str(number)
            found.append(trained(out, data, config, recorder=recorder, events=events))
        (line,) = said
        assert "not finite; going back to step 4" in line
    require_near(found[1], found[0])
    assert all(value.isfinite().all() for value in found[0].values())


def test_who_does_other_operations_is_recorded_anew(data: Path, tmp_path: Path) -> None:
    """SPYL contrasts after a third of its steps, so a tape without them would not do."""
    tape = Tape()
    trained(tmp_path / "run", data, config_of("spyl", {"train.steps": "15"}), "spyl", tape)
    assert (tape.warmed, tape.recorded, tape.replayed) == (6, 2, 1 + 6)


def test_the_tape_forgets_what_python_does() -> None:
    """Else the tests above could not fail."""
    x, numbers = torch.ones(2), iter([2.0, 3.0])
    _, replay = Tape().record(lambda: x.mul_(next(numbers)), torch.Generator())
    replay()
    assert x.tolist() == [4.0, 4.0]  # not 6: the first number of the host again
    with pytest.raises(RuntimeError, match="not permitted"):
        Tape().record(lambda: x.sum().item(), torch.Generator())


def test_a_batch_is_copied_tensor_by_tensor() -> None:
    """Two views that are one tensor now may be two in the next batch."""
    x = torch.zeros(1, 1, 1, 2, 2)
    aside = set_aside((Views(x, x), x[0]))
    new = (Views(x + 1, x + 2, None), x[0] + 3)
    assert shapes(new) == shapes(aside)
    fill(aside, new)
    assert [t.mean().item() for t in (aside[0].target, aside[0].pose_view, aside[1])] == [1, 2, 3]
    assert shapes((Views(x), x[0])) != shapes(aside)
    with pytest.raises(AssertionError, match="float"):
        set_aside((x, 1.0))


def test_numbers_stay_where_they_are() -> None:
    numbers = Numbers(["rate", "weight.kl"], CPU)
    rate = numbers["rate"]
    numbers.set({"weight.kl": 2.0, "rate": 0.5})
    assert (rate.item(), numbers.of("weight", {"kl": 0.0})["kl"].item()) == (0.5, 2.0)
    numbers.set({"rate": 0.25})
    assert rate.item() == 0.25
    assert numbers["weight.kl"].isnan()


def test_without_a_gpu_nothing_changes(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    expected = trained(tmp_path / "never", data, config_of("vdsm"))
    config = config_of("vdsm", {"capture": "auto"})
    found = trained(tmp_path / "auto", data, config, events=Events(on_message=said.append))
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert said == [
        f"{stage}: steps are not replayed as graphs: graphs are CUDA's, and it trains on cpu"
        for stage in ("stage1", "stage2")
    ]


@pytest.mark.parametrize(
    ("name", "said"), [("vdsm", "it trains on cpu"), ("skd", "it trains on cpu")]
)
def test_asked_for_by_force_it_is_refused(
    name: str, said: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = ["train", str(data), "--method", name, "--preset", "debug", "--out", str(out)]
    assert vdsm([*words, "--capture", "always", "--device", "cpu"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vdsm: --capture always: steps of ")
    assert said in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [("skd", "on the host"), ("tgan", "the optimizer of its critic takes numbers of the host")],
)
def test_who_cannot_be_replayed(name: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of_all = {n: method_of(n).stages(config_of(n)) for n in METHODS}
    assert {n for n, plan in of_all.items() if any(map(capture.own_hindrance, plan))} == NEVER
    monkeypatch.setattr(capture, "recorder_for", lambda device: Anew())
    (stage,) = method_of(name).stages(config_of(name))
    assert why in capture.hindrance(stage, CPU, 1)
    (other,) = method_of("dsvae").stages(config_of("dsvae"))
    assert capture.hindrance(other, CPU, 1) == ""
    assert capture.hindrance(other, CPU, 2) == "several processes train"
    with pytest.raises(InputError, match="--capture auto"):
        capture.require("always", (other, stage), CPU, 1)
    capture.require("auto", (other, stage), CPU, 1)


def test_the_benchmark_times_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Anew()
    monkeypatch.setattr(capture, "recorder_for", lambda device: made)
    times, _ = measure(Bench(SMALL, CPU, False, 1, "auto"))
    assert (made.recorded, made.replayed) == (2, 2 * 2)  # one of two calls counts
    assert {"stage1_step", "stage2_step"} <= times.keys()
