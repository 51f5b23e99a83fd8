"""Optimizers by name: each a function of a player's parameters, by the rate they learn at."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import nn

from vdsm.train.muon import Muon, matrices_and_vectors

Named = list[tuple[str, nn.Parameter]]
Make = Callable[[Mapping[float, Named], float], torch.optim.Optimizer]  # factor -> parameters; rate


def adam(
    rates: Mapping[float, Named],
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015)."""
    groups = [{"params": [p for _, p in ps], "relative": rate} for rate, ps in rates.items()]
    return torch.optim.Adam(groups, lr=lr, betas=betas, weight_decay=weight_decay, fused=True)


def rmsprop(rates: Mapping[float, Named], lr: float) -> torch.optim.Optimizer:
    """RMSprop (Tieleman and Hinton 2012)."""
    groups = [{"params": [p for _, p in ps], "relative": rate} for rate, ps in rates.items()]
    return torch.optim.RMSprop(groups, lr=lr)


def muon(rates: Mapping[float, Named], lr: float) -> torch.optim.Optimizer:
    """Muon (`vdsm.train.muon`)."""
    groups = [
        group | {"relative": rate}
        for rate, named in rates.items()
        for group in matrices_and_vectors(named)
    ]
    return Muon(groups, lr)


OPTIMIZERS: dict[Literal["adam", "muon"], Make] = {"adam": adam, "muon": muon}
