"""A model from a folder: built by the method that its config.json names, read out if it was."""

from pathlib import Path

from torch import nn

from vdsm.config import ReadoutConfig, build
from vdsm.errors import InputError
from vdsm.methods.readout import Readout
from vdsm.methods.table import METHODS, model_of
from vdsm.protocol import Encodes
from vdsm.store.run import Run, is_run
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


def unfinished(folder: Path, model: nn.Module) -> str | None:
    """One line where a model is of a run that has not come to its end."""
    if not is_run(folder) or isinstance(model, Readout):
        return None
    last = Run.open(folder).metrics()[-1:]
    if not isinstance(model, Encodes) and any(m["step"] == m["steps"] for m in last):
        return None  # what encodes nothing is not read out
    reached = [f", but {m['name']} to step {m['step']} of {m['steps']}" for m in last]
    return f"{folder} is not trained to its end{''.join(reached)}"


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
