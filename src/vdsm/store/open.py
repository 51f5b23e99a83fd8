"""A model from a folder: built by the method that its config.json names, read out if it was."""

from pathlib import Path

from torch import nn

from vdsm.config import ReadoutConfig, build
from vdsm.errors import InputError
from vdsm.methods.readout import Readout
from vdsm.methods.table import METHODS, model_of
from vdsm.store.shipped import find
from vdsm.store.weights import CONFIG, Stored, load


def open_model(folder: str | Path) -> nn.Module:
    """The model in a folder, a run, or of a shipped name; on the CPU, in evaluation mode."""
    place = find(folder)
    stored = load(place)
    model = bare(stored, place)
    settings = build(ReadoutConfig, dict(stored.readout), str(place / CONFIG))
    try:
        model.load_state_dict(stored.bare)
        if stored.fitted:
            model = Readout.of(model, stored.fitted, settings)
    except RuntimeError as error:
        raise InputError(
            f"the weights in {folder} are not of the sizes that its config.json states: "
            "copy both files again"
        ) from error
    return model.eval()


def bare(stored: Stored, place: Path) -> nn.Module:
    """The model as it is before it has weights."""
    if stored.method not in METHODS:
        raise InputError(
            f"{place} holds a model of method '{stored.method}', which this version lacks: it has "
            f"{', '.join(METHODS)}"
        )
    config, model = model_of(stored.method)
    made: nn.Module = model(build(config, dict(stored.model), str(place / CONFIG)))
    return made
