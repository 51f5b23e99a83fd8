"""What the panel returns: plain numbers under stable keys; intervals and counts stand beside."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FILE = "evaluation.json"  # in the folder of a run, where nothing else is asked for
MEASURES = (
    "judge",
    "reconstruction",
    "consistency",
    "paper",
    "swap",
    "unseen",
    "prior",
    "fitted",
    "recombination",
    "alone",
    "leakage",
    "leakage_raw",
    "verification",
    "retrieval",
    "sizes",
    "frechet",
    "unlabelled",
    "truth",
    "null",
)


@dataclass(frozen=True)
class Number:
    """One figure: its value, the number of samples behind it, a 95 % interval where it has one."""

    value: float
    n: int
    interval: tuple[float, float] | None = None


Numbers = dict[str, Number]  # dotted key, as "swap.joint", -> figure


def under(prefix: str, numbers: Mapping[str, Number]) -> Numbers:
    """The same figures with `prefix` and a dot before each key; as they are for no prefix."""
    return {f"{prefix}.{key}" if prefix else key: number for key, number in numbers.items()}


def to_tree(numbers: Mapping[str, Number]) -> dict[str, Any]:
    """Nested JSON: values in place; `intervals` and `counts` by dotted key. Not-a-number is null.

    {"swap": {"joint": 0.9}, "intervals": {"swap.joint": [0.88, 0.92]}, "counts": {...}}
    """
    tree: dict[str, Any] = {}
    for key, number in numbers.items():
        plant(tree, key, _finite(number.value))
    tree["intervals"] = {
        key: [_finite(bound) for bound in number.interval]
        for key, number in numbers.items()
        if number.interval is not None
    }
    tree["counts"] = {key: number.n for key, number in numbers.items()}
    return tree


def plant(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a value of a nested dict by its dotted key."""
    *parents, leaf = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[leaf] = value


def flatten(tree: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of a result by dotted key: what `to_tree` nested."""
    return {
        key: value for name in MEASURES if name in tree for key, value in _leaves(name, tree[name])
    }


def _leaves(prefix: str, node: Any) -> Iterator[tuple[str, float | None]]:
    if not isinstance(node, Mapping):
        yield prefix, node
        return
    for name, child in node.items():
        yield from _leaves(f"{prefix}.{name}", child)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def not_measured(result: Mapping[str, Any]) -> Mapping[str, str]:
    """Part -> why it is missing; results of version 0.1.0 call it `left_out`."""
    found: Mapping[str, str] = result.get("not_measured", result.get("left_out", {}))
    return found


def by_reason(missing: Mapping[str, str]) -> dict[str, list[str]]:
    """Reason -> the parts that are missing for it, in order."""
    found: dict[str, list[str]] = {}
    for part, reason in missing.items():
        found.setdefault(reason, []).append(part)
    return found
