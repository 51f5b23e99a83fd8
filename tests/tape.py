"""A recorder for the CPU that keeps and loses what CUDA's does, and one that does all anew.

The first writes down the operations of a turn with the tensors and the numbers that they were
given, and does them again with these. What Python does beside them happens once; a number of the
host stays what it was; memory is where it was; noise is what the generator, the same one, gives by
then.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from vdsm.train.step import Outcome

REFUSED = {"_local_scalar_dense", "is_nonzero", "nonzero", "lift_fresh", "equal"}


@dataclass
class Taped:
    """One operation."""

    function: Any
    args: Any
    kwargs: Any
    found: Any
    grad: bool = field(default_factory=torch.is_grad_enabled)

    def again(self) -> None:
        """The same once more, its results where the first ones are."""
        with torch.set_grad_enabled(self.grad):  # without, oneDNN keeps nothing for going back
            found = self.function(*self.args, **self.kwargs)
        before, now = tensors(self.found), tensors(found)
        assert len(before) == len(now), (self.function, self.args, self.found, found)
        for to, of in zip(before, now, strict=True):
            if to is not of and to.data_ptr() != of.data_ptr():
                to.copy_(of)


class Watch(TorchDispatchMode):
    """Writes operations down, of the backward pass too."""

    def __init__(self) -> None:
        super().__init__()
        self.taped: list[Taped] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        if name in REFUSED:
            raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
        before = tree_map_only(Tensor, alias, (args, kwargs or {}))
        found = function(*args, **(kwargs or {}))
        self.taped.append(Taped(function, *before, tree_map_only(Tensor, alias, found)))
        return found


@dataclass
class Anew:
    """A recorder that records nothing: to replay is to work again. How often it was asked what."""

    warmed: int = 0
    recorded: int = 0
    replayed: int = 0

    def warm(self, work: Callable[[], Outcome]) -> Outcome:
        self.warmed += 1
        return work()

    def record(
        self, work: Callable[[], Outcome], generator: torch.Generator
    ) -> tuple[Outcome, Callable[[], None]]:
        self.recorded += 1
        found = work()

        def replay() -> None:
            self.replayed += 1
            new = work()
            for to, of in ((found.loss, new.loss), (found.norm, new.norm)):
                to.copy_(of)
            for name, mean in found.means.items():
                mean.copy_(new.means[name])

        return found, replay


class Tape(Anew):
    """The recorder."""

    def record(
        self, work: Callable[[], Outcome], generator: torch.Generator
    ) -> tuple[Outcome, Callable[[], None]]:
        self.recorded += 1
        with Watch() as watch:
            found = work()
        taped = watch.taped

        def replay() -> None:
            self.replayed += 1
            with torch._C._AutoDispatchBelowAutograd():
                for one in taped:
                    one.again()

        return found, replay


def alias(tensor: Tensor) -> Tensor:
    """The same memory, of the shape that it has now: some operations change that in place."""
    return tensor.detach()


def tensors(found: Any) -> list[Tensor]:
    """All in what an operation gives."""
    several = found if isinstance(found, tuple | list) else [found]
    return [t for t in several if isinstance(t, Tensor)]
