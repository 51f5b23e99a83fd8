"""Tensors that stay where they are: a batch set aside, and numbers of the host."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.device import send

Shape = tuple[tuple[int, ...], torch.dtype]


class Numbers:
    """Numbers of the host by name, each [] on the device, all sent by one copy."""

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        self.sent = torch.full((len(names),), math.nan, device=device)
        self.by_name = dict(zip(names, self.sent.unbind(), strict=True))

    def set(self, numbers: Mapping[str, float]) -> None:
        """What they are now; NaN where nothing is said."""
        row = [numbers.get(name, math.nan) for name in self.by_name]
        self.sent.copy_(send(torch.tensor(row), self.sent.device))

    def __getitem__(self, name: str) -> Float[Tensor, ""]:
        return self.by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def of(self, prefix: str, names: Mapping[str, float]) -> dict[str, Tensor]:
        """The tensors `<prefix>.<name>`, by name."""
        return {name: self[f"{prefix}.{name}"] for name in names}


def mapped(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """A batch of tensors, tuples and dataclasses of such, each tensor by what a function makes."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, tuple):
        return tuple(mapped(function, part) for part in batch)
    if is_dataclass(batch) and not isinstance(batch, type):
        parts = {f.name: mapped(function, getattr(batch, f.name)) for f in fields(batch)}
        return replace(batch, **parts)
    assert batch is None, f"a batch holds {type(batch).__name__}, which a replay would never see"
    return None


def tensors(batch: Any) -> list[Tensor | None]:
    """All that a batch holds, in order."""
    if batch is None or isinstance(batch, Tensor):
        return [batch]
    parts = batch if isinstance(batch, tuple) else [getattr(batch, f.name) for f in fields(batch)]
    return [tensor for part in parts for tensor in tensors(part)]


def set_aside(batch: Any) -> Any:
    """The same batch in memory of its own, every tensor apart."""
    return mapped(torch.clone, batch)


def shapes(batch: Any) -> tuple[Shape | None, ...]:
    """On what of a batch it depends which operations a step does."""
    return tuple(None if t is None else (tuple(t.shape), t.dtype) for t in tensors(batch))


def fill(aside: Any, batch: Any) -> None:
    """Copy a batch into one of its form that was set aside."""
    for to, of in zip(tensors(aside), tensors(batch), strict=True):
        if to is not None and of is not None:
            to.copy_(of)
