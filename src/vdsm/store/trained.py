"""What a model was trained on: from its run, or from the folder that it was exported to."""

from pathlib import Path

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from vdsm.config import Seed, build
from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.files import read_json
from vdsm.protocol import FrameSpec
from vdsm.store import upgrade
from vdsm.store.run import Run, is_run, require_same
from vdsm.store.weights import CONFIG
from vdsm.words import counted


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class Trained:
    """What `vdsm export` keeps of a run: enough to encode clips and to measure the model."""

    frames: int = Field(ge=1, description="frames of a clip that training saw")
    fingerprint: str = Field(description="of the dataset")
    holdout_cells: float = Field(default=0.0, description="share of cells kept out of training")
    seed: Seed = Field(default=0, description="of the run")
    dataset: str | None = Field(default=None, description="its name")


def of_run(run: Run, dataset: str | None = None) -> Trained:
    """The record of a run."""
    c = run.config
    return Trained(run.frames, run.fingerprint, c.holdout_cells, c.seed, dataset)


def read(folder: Path) -> Trained | None:
    """The record of a run or an exported model; None for bare weights."""
    if is_run(folder):
        return of_run(Run.open(folder))
    if not (folder / CONFIG).exists():
        return None
    entry = upgrade.model(read_json(folder / CONFIG)).get("trained")
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise InputError(f"{folder / CONFIG}: the entry 'trained' was altered; copy it again")
    return build(Trained, entry, str(folder / CONFIG))


def measurable(path: Path) -> Trained:
    """What a run or an exported model was trained on; InputError for anything else."""
    trained = read(path)
    if trained is None:
        raise InputError(f"{path} is not a run (no run.json) nor a model that 'vdsm export' wrote")
    return trained


def require_fit(clips: Clips, model: FrameSpec) -> None:
    """InputError where the frames of a dataset are not those that a model takes."""
    info = clips.info
    if (info.size, info.channels) != (model.size, model.channels):
        raise InputError(
            f"{clips.path} has frames of {info.size} pixels, {counted(info.channels, 'channel')}; "
            f"the model takes {model.size} and {model.channels}: make the data so, or train anew"
        )


def clips_of(path: Path, trained: Trained, data: Path | None, other: bool = False) -> Clips:
    """The dataset that a model was trained on, where its run says or at `data`; or another one.

    other: `data` holds further clips of the kind, and must not be what training saw.
    """
    if data is None and other:
        raise InputError(f"--other-data: name the dataset to measure on, after {path}")
    if data is None and not is_run(path):
        raise InputError(f"{path} is a model without a run: name its dataset too, after it")
    clips = open_clips(data) if data else Run.open(path).open_data()
    if not other:
        advice = " (to measure on further clips of the kind: --other-data true)"
        require_same(clips, trained.fingerprint, path, advice)
    elif clips.known_as(trained.fingerprint):
        raise InputError(f"{data} is what {path} was trained on: leave out --other-data")
    return clips
