"""nn.LSTM and nn.RNN as a scan over time, so that a program takes any number of frames."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

State = Any  # h, or h and c: [layers x directions, B, R]


class Scanned(nn.Module):
    """Computes what the layer does that it is made of; batch first, no dropout, no projection."""

    def __init__(self, layer: nn.LSTM | nn.RNN) -> None:
        super().__init__()
        assert layer.batch_first
        assert layer.proj_size == 0
        self.gated = isinstance(layer, nn.LSTM)
        self.width = layer.hidden_size
        assert self.gated or layer.nonlinearity == "tanh"
        ways = ("", "_reverse") if layer.bidirectional else ("",)
        self.ends = [[f"l{n}{way}" for way in ways] for n in range(layer.num_layers)]
        for name, weight in layer.named_parameters():
            self.register_buffer(name, weight.detach().clone())

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Hidden states of the top layer [B, T, R x directions], and the last of every layer."""
        last: list[tuple[Tensor, ...]] = []
        for ends in self.ends:
            outputs = []
            for end in ends:
                begin = self.beginning(x, state, len(last))
                after, out = self.one_way(x, begin, end)
                last.append(after)
                outputs.append(out)
            x = torch.cat(outputs, -1)
        stacked = tuple(torch.stack(parts) for parts in zip(*last, strict=True))
        return x, stacked if self.gated else stacked[0]

    def beginning(self, x: Tensor, state: State, number: int) -> tuple[Tensor, ...]:
        """What a layer begins with, in one direction: h [B, R], and c."""
        if state is not None:
            return tuple(part[number].clone() for part in (state if self.gated else (state,)))
        nothing = x.new_zeros(x.shape[0], self.width)
        return (nothing, nothing.clone()) if self.gated else (nothing,)

    def one_way(
        self, x: Tensor, begin: tuple[Tensor, ...], end: str
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """One layer in one direction."""
        own = {name: getattr(self, f"{name}_{end}") for name in ("weight_ih", "weight_hh")}
        bias = getattr(self, f"bias_ih_{end}") + getattr(self, f"bias_hh_{end}")
        step = self.gate if self.gated else self.plain

        def after(state: tuple[Tensor, ...], now: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
            new = step(now + state[0] @ own["weight_hh"].T, state)
            return new, new[0].clone()

        inputs = F.linear(x, own["weight_ih"], bias)
        found: tuple[tuple[Tensor, ...], Tensor] = scan(
            after, begin, inputs, dim=1, reverse=end.endswith("_reverse")
        )
        return found

    def plain(self, a: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """h of an RNN."""
        return (torch.tanh(a),)

    def gate(self, a: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """h and c of an LSTM (torch.nn.LSTM)."""
        i, f, g, o = a.chunk(4, -1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


def scanned(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> None:
    """Put a scan in the place of every layer of these kinds, in the model."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, kinds):
                assert isinstance(child, nn.LSTM | nn.RNN)
                setattr(module, name, Scanned(child))
