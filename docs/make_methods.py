"""The tables of docs/methods.md, from the records of the methods: python docs/make_methods.py

What stands between the two marks of the page is written anew; the rest is by hand.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from vdsm.methods.table import METHODS, method_of
from vdsm.protocol import Encodes, Generates, Recombines, Swaps
from vdsm.train.method import Method, Size

PAGE = Path(__file__).parent / "methods.md"
BEGIN, END = "<!-- made by docs/make_methods.py -->\n", "<!-- made until here -->\n"
CAN = {"encode": Encodes, "swap": Swaps, "generate": Generates, "exchange its draws": Recombines}


def built(method: Method, size: Size) -> Any:
    """Its model for sprites, without memory."""
    with torch.device("meta"):
        return method.build(method.preset("sprites", size).model)


def millions(model: torch.nn.Module) -> str:
    """How many numbers are trained."""
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} M"


def overview(methods: list[Method]) -> Iterator[str]:
    """A row a method: what it can, needs, weighs."""
    yield "| `--method` | paper | can | needs | parameters, compact | paper's size |"
    yield "|---|---|---|---|---|---|"
    for method in methods:
        model = built(method, "compact")
        can = ", ".join(name for name, ability in CAN.items() if isinstance(model, ability))
        needs = ", ".join(sorted(method.needs)) or "clips alone"
        sizes = f"{millions(model)} | {millions(built(method, 'paper'))}"
        yield f"| `{method.name}` | {method.paper} | {can} | {needs} | {sizes} |"


def departures(methods: list[Method]) -> Iterator[str]:
    """What departs from each paper."""
    for method in methods:
        yield f"**{method.title}**: " + "; ".join(method.changes) + "."
        yield ""


def published(methods: list[Method]) -> Iterator[str]:
    """What others printed of each, with the protocol."""
    yield "| method | data | figure | value | protocol |"
    yield "|---|---|---|---|---|"
    for method in methods:
        for data, figure, value, protocol in method.published:
            yield f"| {method.title} | {data} | {figure} | {100 * value:.2f} % | {protocol} |"


def tables() -> str:
    """All of them."""
    methods = [method_of(name) for name in METHODS]
    parts = [overview(methods), ["", "## Where each departs from its paper", ""]]
    parts += [departures(methods), ["## What others printed", ""], published(methods)]
    return "\n".join(line for part in parts for line in part) + "\n"


def page(text: str) -> str:
    """The page with its tables made anew."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + tables() + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE}: {len(METHODS)} methods", file=sys.stderr)
