"""What a method trains, as data: stages, the networks that take turns in one, their schedules.

A VAE's stage has one player, its bound and its optimizer; a GAN's has a generator and critics,
which take turns on the same batch. The loop (`train.loop`) knows no more of a method than this.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.config import StageConfig
from vdsm.data.clips import Clips
from vdsm.notation import Share, Video
from vdsm.train.batches import Sampler
from vdsm.train.optimizer import Make, adam

Terms = Mapping[str, Float[Tensor, " B"]]  # of a bound or a loss, by name
Part = nn.Module | nn.Parameter
Values = Mapping[str, float | Tensor]  # of a schedule; tensors where a step is recorded
GAIN = "log_"  # terms so named are log-densities, of which more is better; others are costs


@dataclass(frozen=True)
class Schedule:
    """What changes with progress. Of several players weights are named `<player>.<term>`."""

    weights: Mapping[str, float]  # of the terms
    values: Mapping[str, float] = field(default_factory=dict)  # anything else, by name


@runtime_checkable
class Source(Protocol):
    """Batches of a stage: what a step reads is a function of its number."""

    @property
    def prefetch(self) -> bool:
        """Whether drawing costs enough that other processes should do it ahead."""
        ...

    def draw(self, rng: np.random.Generator, rows: int, mine: slice) -> Any:
        """On the host: what this process reads of a batch of so many rows."""
        ...

    def batch(self, drawn: Any, noise: Share, values: Mapping[str, float]) -> Any:
        """On the device: what the players' bounds take."""
        ...


@dataclass(frozen=True)
class Opening:
    """What a source is made of."""

    sampler: Sampler
    model: Any  # the method's
    values: Mapping[str, float]  # of the schedule at the stage's start
    device: torch.device
    bf16: bool
    seed: int


def nothing(*_: Any) -> None:
    """For what a stage need not do."""


@dataclass(frozen=True)
class Player:
    """A network, or several, that one optimizer trains on one bound."""

    name: str
    trained: Callable[[Any], Iterable[Part]]  # of the model
    bound: Callable[[Any, Any, torch.Generator], Terms]  # model, batch, noise -> terms [B]
    optimizer: Make = adam
    every: int = 1  # it takes a turn at every so many steps
    relative: Mapping[str, float] = field(default_factory=dict)  # prefix -> factor on its rate
    after: Callable[[Any, int], None] = nothing  # its turn: the model, the step's number


@dataclass(frozen=True)
class Stage:
    """One stage, as the loop sees it."""

    name: str
    settings: StageConfig
    players: tuple[Player, ...]  # in the order of their turns
    schedule: Callable[[float], Schedule]  # of progress in [0, 1]
    sampler: Callable[[Clips], Sampler]  # InputError where clips cannot be trained on
    source: Callable[[Opening], Source]
    frames: int  # of every row of a batch
    before: Callable[[Any, Clips], None] = nothing  # its first step: the model, the clips
    take: Callable[[Any, Values], None] = nothing  # the schedule's values
    # Of these the ones on which it depends what operations a step does (`train.capture`).
    decides: Callable[[Mapping[str, float]], Mapping[str, float]] = dict
    waits: str = ""  # why the host waits for the device within a step, where it does
    paint: Callable[[Any, Video, Path], None] | None = None  # pictures, file names begin with Path
    # log p(x) [B] where every frame is the average one [C, H, W]: model, batch, that frame.
    null: Callable[[Any, Any, Tensor], Tensor] | None = None
    small: bool = False  # layers; bfloat16 does not pay on a CPU
    rows_independent: bool = True  # a batch may be shared by processes

    def weights(self, player: Player, schedule: Schedule) -> Mapping[str, float]:
        """Those of a player's terms."""
        if len(self.players) == 1:
            return schedule.weights
        prefix = f"{player.name}."
        named = schedule.weights.items()
        return {k.removeprefix(prefix): w for k, w in named if k.startswith(prefix)}

    def named(self, player: Player, name: str) -> str:
        """A player's metric as it is written down."""
        return name if len(self.players) == 1 else f"{player.name}.{name}"


def weighted(terms: Terms, weights: Values) -> Float[Tensor, ""]:
    """The loss: costs less gains, each by its weight, averaged over the batch."""
    assert terms.keys() == weights.keys(), f"terms {set(terms)} but weights {set(weights)}"
    signs = {name: -1.0 if name.startswith(GAIN) else 1.0 for name in terms}
    parts = [signs[name] * weights[name] * term for name, term in terms.items()]
    return torch.stack(parts).sum(0).mean()
