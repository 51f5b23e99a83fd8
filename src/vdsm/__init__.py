"""VDSM: unsupervised video disentanglement with a state-space model and a mixture of experts."""

from typing import TYPE_CHECKING, Any

from vdsm.errors import InputError
from vdsm.version import __version__

if TYPE_CHECKING:
    from vdsm.methods.vdsm.config import ModelConfig
    from vdsm.methods.vdsm.model import VDSM
    from vdsm.notation import Codes

__all__ = ["VDSM", "Codes", "InputError", "ModelConfig", "__version__"]

HOMES = {
    "VDSM": "vdsm.methods.vdsm.model",
    "Codes": "vdsm.notation",
    "ModelConfig": "vdsm.methods.vdsm.config",
}


def __dir__() -> list[str]:
    """What is public, whether or not it has been imported yet."""
    return [*__all__, "__doc__", "__file__", "__name__", "__path__"]


def __getattr__(name: str) -> Any:
    """Import the model on first use, so that `import vdsm` and `vdsm --help` are quick."""
    if name not in HOMES:
        raise AttributeError(f"module 'vdsm' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
