"""A step can be captured on a GPU: the host waits for nothing, shapes never change.

Told by the operations of steps on the CPU. Numbers that the host puts into them (learning rate,
weights of terms) are no operations: tests/test_replay.py.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from small import pendula
from vdsm.config import describe, override
from vdsm.data import open_clips
from vdsm.methods.table import METHODS, method_of
from vdsm.store.run import Run
from vdsm.train import loop

STEPS = 4  # of a stage
SETTLED = 2  # steps after which optimizers have their state, and terms what they remember
# Read by the host, or of a size that the host has to ask for.
WAITS = {
    *("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select"),
    *("_unique", "_unique2", "unique_consecutive", "bincount", "repeat_interleave"),
    "lift_fresh",  # numbers of the host that become a tensor, a copy for which it waits
    *("linalg_eig", "linalg_eigh", "_linalg_eigh", "_linalg_svd", "linalg_lstsq"),
    *("_linalg_check_errors", "linalg_lu_factor_ex", "linalg_ldl_factor_ex"),
}
# What keeps a method from being captured.
KEPT: Mapping[str, set[str]] = {
    "skd": {"lift_fresh", "linalg_eig", "_linalg_svd", "_linalg_check_errors"},
    "ssmskd": {"linalg_eig", "_linalg_svd", "_linalg_check_errors"},
}
Operation = tuple[str, tuple[tuple[int, ...], ...]]  # its name, the shapes of what it gives


@dataclass
class Watched(TorchDispatchMode):
    """The operations of a step."""

    done: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = function(*args, **(kwargs or {}))
        several = found if isinstance(found, tuple | list) else [found]
        shapes = tuple(tuple(t.shape) for t in several if isinstance(t, torch.Tensor))
        name = function.overloadpacket.__name__
        masked = name == "index" and any(i is not None and i.dtype == torch.bool for i in args[1])
        self.done.append(("nonzero" if masked else name, shapes))
        return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("capture") / "data")


def steps_of(
    name: str, data: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> list[list[list[Operation]]]:
    """The operations of every step, by stage and player."""
    found: dict[torch.nn.Module, list[list[Operation]]] = defaultdict(list)
    real = loop.take_step

    def watched(bound: torch.nn.Module, *words: Any) -> Any:
        """Constants that name no device are lost: made on the host, each would be waited for."""
        settled = len(found[bound]) >= SETTLED and name not in KEPT
        with Watched() as watch, torch.device("meta" if settled else "cpu"):
            outcome = real(bound, *words)
        found[bound].append(watch.done)
        return outcome

    monkeypatch.setattr(loop, "take_step", watched)
    config = method_of(name).preset("debug", "compact")
    steps = [n for n in describe(type(config)) if n.endswith(".steps") and attrgetter(n)(config)]
    changes = {"model.size": "32", "precision": "fp32"} | dict.fromkeys(steps, str(STEPS))
    run = Run.create(out, override(config, changes, "test"), data, "debug", method=name)
    loop.train(run, open_clips(data))
    return list(found.values())


@pytest.mark.parametrize("name", METHODS)
def test_no_step_waits_and_all_are_alike(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: set[str] = set()
    for steps in steps_of(name, data, tmp_path / "run", monkeypatch):
        assert len(steps) == STEPS
        waits |= {operation for operation, _ in steps[-1]} & WAITS
        for step in steps[SETTLED + 1 :]:
            assert step == steps[SETTLED]
    assert waits == KEPT.get(name, set())
    stages = method_of(name).stages(method_of(name).preset("debug", "compact"))
    assert any(stage.waits for stage in stages) == (name in KEPT)


def test_constants_of_no_device_are_seen() -> None:
    """Else the test above could not fail; nor without what follows."""
    with torch.device("meta"), pytest.raises(NotImplementedError, match="meta"):
        torch.eye(2).to(torch.ones(2, device="cpu"))


def test_what_waits_is_seen() -> None:
    x = torch.arange(6.0)
    for wait in (
        lambda: x.sum().item(),
        lambda: x[x > 2],
        lambda: bool((x > 2).any()),
        lambda: torch.tensor([1.0, 2.0]),
        lambda: x.nonzero(),
    ):
        with Watched() as watch:
            wait()
        assert WAITS & {name for name, _ in watch.done}
