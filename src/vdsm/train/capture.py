"""A player's turn, recorded once and replayed: a device that is told of everything at once.

A GPU does a small operation sooner than the host can tell it of the next one. What a turn does is
the same at every step, so it is recorded (`vdsm.train.graphs`) and replayed. A replay knows memory
alone. So whatever changes from step to step lies in tensors that stay where they are:

- the batch is copied into one that was set aside;
- numbers of the host (learning rates, weights of terms, values of the schedule, what an optimizer
  makes of its count of steps) are sent as one tensor, of which the step reads elements;
- noise is drawn from one generator, which is seeded anew for every step;
- parameters, their gradients and the optimizer's moments are changed in place.

What a batch is made by (frames drawn ahead, redrawn as somebody else) is not recorded. A turn that
comes to do other operations than before is warmed up and recorded anew.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from vdsm.errors import InputError
from vdsm.train.fixed import Numbers, fill, set_aside, shapes
from vdsm.train.graphs import Graphs
from vdsm.train.muon import CORRECTIONS, Muon
from vdsm.train.stage import Player, Stage
from vdsm.train.step import Outcome, take_step

Result = TypeVar("Result")
WARM = 3  # turns before one is recorded: optimizers have their moments, libraries their plans
NEVER, ALWAYS = "never", "always"  # of a run's `capture`


@runtime_checkable
class Recorder(Protocol):
    """Who records, and replays."""

    def warm(self, work: Callable[[], Result]) -> Result:
        """The work, done once."""
        ...

    def record(
        self, work: Callable[[], Result], generator: torch.Generator
    ) -> tuple[Result, Callable[[], None]]:
        """The work, recorded and done once; and what does it again, into the same tensors."""
        ...


def recorder_for(device: torch.device) -> Recorder | None:
    """That of a device; None where it has none."""
    return Graphs(device) if device.type == "cuda" else None


def hindrance(stage: Stage, device: torch.device, processes: int) -> str:
    """Why the steps of a stage cannot be replayed; "" where they can."""
    if recorder_for(device) is None:
        return f"graphs are CUDA's, and it trains on {device.type}"
    return "several processes train" if processes > 1 else own_hindrance(stage)


def own_hindrance(stage: Stage) -> str:
    """The same on any device."""
    if stage.waits:
        return stage.waits
    others = [p.name for p in stage.players if not replayable(p)]
    return f"the optimizer of its {others[0]} takes numbers of the host" if others else ""


def require(capture: str, plan: tuple[Stage, ...], device: torch.device, processes: int) -> None:
    """InputError where all steps are to be replayed, and some cannot be."""
    for stage in plan if capture == ALWAYS else ():
        if why := hindrance(stage, device, processes):
            raise InputError(
                f"--capture always: steps of {stage.name} cannot be replayed as graphs: {why}; "
                "--capture auto replays what can be"
            )


def asked_for(
    capture: str,
    stage: Stage,
    device: torch.device,
    processes: int,
    tell: Callable[[str], None],
) -> Recorder | None:
    """The recorder of a stage, where the run asks for one and it can be; else tells why not."""
    if capture == NEVER:
        return None
    if why := hindrance(stage, device, processes):
        tell(f"{stage.name}: steps are not replayed as graphs: {why}")
        return None
    return recorder_for(device)


def replayable(player: Player) -> bool:
    """Whether numbers of the host reach a step of its optimizer as tensors."""
    optimizer = player.optimizer({1.0: [("bias", nn.Parameter(torch.zeros(1)))]}, 1.0)
    return isinstance(optimizer, torch.optim.Adam | Muon)


@dataclass(frozen=True)
class Given:
    """What a player's turn is given."""

    bound: nn.Module
    optimizer: torch.optim.Optimizer
    batch: Any
    generator: torch.Generator
    weights: Mapping[str, float]  # of the player's terms
    values: Mapping[str, float]  # of the schedule
    bf16: bool
    share: float = 1.0
    clip: float = 0.0


class Turn:
    """A player's, replayed once it has been taken some times."""

    def __init__(self, recorder: Recorder, stage: Stage, model: nn.Module) -> None:
        self.recorder, self.stage, self.model = recorder, stage, model
        self.form: Any = None  # on what it depends which operations there are
        self.optimizer: torch.optim.Optimizer | None = None
        self.replay: Callable[[], None] | None = None

    def take(self, given: Given) -> Outcome:
        """One step of the player. The next one overwrites what it gives."""
        form = (self.stage.decides(given.values), shapes(given.batch))
        if form != self.form or given.optimizer is not self.optimizer:
            self._begin(form, given)
        self.taken += 1
        corrections = ahead(given.optimizer)
        fill(self.batch, given.batch)
        self.numbers.set(numbers_of(given) | (corrections or {}))
        if self.replay is not None:
            self.replay()
        elif self.taken <= WARM or corrections is None:
            self.outcome = self.recorder.warm(lambda: self._work(given, recorded=False))
        else:
            self.outcome, self.replay = self.recorder.record(
                lambda: self._work(given, recorded=True), given.generator
            )
        if self.replay is not None:
            count(given.optimizer)
        self.stage.take(self.model, given.values)  # nobody else is to find tensors there
        return self.outcome

    def _begin(self, form: Any, given: Given) -> None:
        """Forget what was recorded, and set tensors aside anew."""
        self.form, self.optimizer, self.replay, self.taken = form, given.optimizer, None, 0
        self.batch = set_aside(given.batch)
        names = [*numbers_of(given), *correction_names(given.optimizer)]
        self.numbers = Numbers(names, given.generator.device)

    def _work(self, given: Given, recorded: bool) -> Outcome:
        """The turn, by what was set aside."""
        numbers, decided = self.numbers, self.stage.decides(given.values)
        self.stage.take(self.model, {**numbers.of("value", given.values), **decided})
        with rates(given.optimizer, numbers, recorded):
            return take_step(
                given.bound,
                given.optimizer,
                self.batch,
                given.generator,
                numbers.of("weight", given.weights),
                given.bf16,
                given.share,
                given.clip,
            )


def numbers_of(given: Given) -> dict[str, float]:
    """What the host puts into a turn, but for what the optimizer makes of its count of steps."""
    rates = {f"rate.{i}": group["lr"] for i, group in enumerate(given.optimizer.param_groups)}
    weights = {f"weight.{name}": weight for name, weight in given.weights.items()}
    return rates | weights | {f"value.{name}": value for name, value in given.values.items()}


def correction_names(optimizer: torch.optim.Optimizer) -> list[str]:
    """Of the numbers that `ahead` gives."""
    if not isinstance(optimizer, Muon):
        return []
    groups = enumerate(optimizer.param_groups)
    return [f"correction.{i}.{k}" for i, group in groups if not group["orthogonal"] for k in (0, 1)]


def ahead(optimizer: torch.optim.Optimizer) -> dict[str, float] | None:
    """What the next step takes of its number; None where that is not one for all parameters.

    Torch's Adam counts on the device.
    """
    if not isinstance(optimizer, Muon):
        return {}
    if (found := optimizer.corrections()) is None:
        return None
    return {f"correction.{i}.{k}": both[k] for i, both in found.items() for k in (0, 1)}


def count(optimizer: torch.optim.Optimizer) -> None:
    """On the host, a step that nobody counted there."""
    if isinstance(optimizer, Muon):
        optimizer.count()


@contextmanager
def rates(optimizer: torch.optim.Optimizer, numbers: Numbers, recorded: bool) -> Iterator[None]:
    """Inside, the optimizer reads tensors; what a checkpoint has of it stays as it was."""
    before = [dict(group) for group in optimizer.param_groups]
    for i, group in enumerate(optimizer.param_groups):
        group["lr"] = numbers[f"rate.{i}"]
        if recorded and "capturable" in group:
            group["capturable"] = True
        if recorded and f"correction.{i}.0" in numbers:
            group[CORRECTIONS] = tuple(numbers[f"correction.{i}.{k}"] for k in (0, 1))
    try:
        yield
    finally:
        for group, kept in zip(optimizer.param_groups, before, strict=True):
            group.clear()
            group.update(kept)
