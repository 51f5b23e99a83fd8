"""What the loop needs of a run's folder (`vdsm.store.run.Run`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import nn

from vdsm.config import RunConfig
from vdsm.train.method import Method


@runtime_checkable
class RunFolder(Protocol):
    """Settings, metrics, checkpoints and weights of one training."""

    @property
    def path(self) -> Path: ...

    @property
    def config(self) -> RunConfig: ...

    @property
    def recipe(self) -> Method: ...

    @property
    def pointer(self) -> Path:
        """The file that names the newest checkpoint."""
        ...

    def clear_up(self) -> None: ...

    def restore(self) -> dict[str, Any] | None: ...

    def save(self, state: Mapping[str, Any], name: str) -> None: ...

    def save_weights(self, model: nn.Module) -> None: ...

    def metrics(self) -> list[dict[str, Any]]: ...

    def log(self, record: Mapping[str, Any]) -> None: ...

    def forget_after(self, stage: int, step: int) -> None: ...
