"""What `vdsm evaluate` wrote about a run."""

from pathlib import Path
from typing import Any

from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.evaluate.result import FILE
from vdsm.files import read_json
from vdsm.store.run import Run

NEEDED = ("n", "roles", "dataset", "fingerprint", "counts")


def read_evaluation(run: Run, clips: Clips, path: Path | None) -> dict[str, Any] | None:
    """What `vdsm evaluate` wrote about this run's data; None where nothing was asked or found."""
    if path is None and not (run.path / FILE).exists():
        return None
    path = path or run.path / FILE
    found = read_json(path)
    if missing := [name for name in NEEDED if name not in found]:
        raise InputError(f"{path} has no entry '{missing[0]}': name a file of 'vdsm evaluate'")
    if not clips.known_as(found["fingerprint"]):
        raise InputError(f"{path} was measured on other data than {run.path} was trained on")
    return found
