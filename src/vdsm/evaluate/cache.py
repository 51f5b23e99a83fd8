"""Judges, and figures that need no model, kept in a folder under the digest of all they depend on.

Of judges that is clips, labels and settings; of figures the measured clips as well.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from vdsm.data.clips import Ints
from vdsm.errors import InputError
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.judge import Judges, empty_judges, train, training_rows
from vdsm.evaluate.result import Number, Numbers
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Progress, cuts
from vdsm.files import atomic_write, writable

FORMAT = 5
RELEVANT = (
    "seed",
    "judge_clips",
    "judges",
    "judge_steps",
    "judge_batch",
    "judge_width",
    "judge_hidden",
)
READ = 256  # clips digested at once
FIGURES = 1  # format of kept figures


def judges_for(
    inputs: Inputs, settings: Settings, folder: Path | None, progress: Progress
) -> Judges:
    """Judges of these clips: from the folder where they were kept, else trained and kept."""
    if folder is None:
        return train(inputs, settings, progress)
    kept = folder / f"judge-{digest(inputs, settings)[:32]}.safetensors"
    judges = empty_judges(inputs, settings)
    if not _restore(judges, kept):
        judges = train(inputs, settings, progress)
        if writable(folder):  # a run that others share may not be
            _keep(judges, kept)
    return judges.eval()


def digest(inputs: Inputs, settings: Settings) -> str:
    """SHA-256 of the clips that judges learn from, what is known of them, and the settings."""
    rows = training_rows(inputs, settings)
    said = {name: getattr(settings, name) for name in RELEVANT}
    said |= {"format": FORMAT, "classes": dict(inputs.classes), "torch": torch.__version__}
    said |= {"shape": [len(rows), *inputs.real.shape[1:]]}
    content = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    labels = (inputs.labels[name] for name in sorted(inputs.labels))
    measured = np.isin(inputs.recordings, inputs.recordings[inputs.test])  # not held back
    for column in (inputs.groups, inputs.recordings, measured, *labels):
        content.update(np.ascontiguousarray(column[rows]).tobytes())
    _take_in(content, inputs, rows)
    return content.hexdigest()


def _take_in(content: Any, inputs: Inputs, rows: Ints) -> None:
    for cut in cuts(len(rows), READ):
        content.update(np.ascontiguousarray(inputs.real[rows[cut]]).tobytes())


def figures_for(
    name: str,
    inputs: Inputs,
    settings: Settings,
    folder: Path | None,
    make: Callable[[], Numbers],
) -> Numbers:
    """Figures of clips and judges alone: from the folder where they were kept, else made and kept.

    Made anew where the file was altered.
    """
    if folder is None:
        return make()
    kept = folder / f"{name}-{_figures_digest(inputs, settings)[:32]}.json"
    found = _read_figures(kept)
    if found is None:
        found = make()
        if writable(folder):
            said = {key: asdict(number) for key, number in found.items()}
            _make_folder(folder)
            atomic_write(kept, json.dumps(said).encode())
    return found


def _figures_digest(inputs: Inputs, settings: Settings) -> str:
    """Of what judges depend on, of all labels and splits, and of the measured clips."""
    said = {"format": FIGURES, "judges": digest(inputs, settings), "roles": dict(inputs.roles)}
    said |= {key: getattr(settings, key) for key in ("resamples", "probe_clips")}
    content = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    labels = (inputs.labels[factor] for factor in sorted(inputs.labels))
    for column in (inputs.train, inputs.test, inputs.groups, *labels):
        content.update(np.ascontiguousarray(column).tobytes())
    _take_in(content, inputs, inputs.test)
    return content.hexdigest()


def _read_figures(path: Path) -> Numbers | None:
    try:
        said = json.loads(path.read_text())
        return {
            key: Number(
                float(one["value"]),
                int(one["n"]),
                None if one["interval"] is None else (one["interval"][0], one["interval"][1]),
            )
            for key, one in said.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _keep(judges: Judges, path: Path) -> None:
    """Weights, then their checksum: a file without its checksum, or another one, is not trusted."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in judges.state_dict().items()}
    payload = save_tensors(tensors)
    _make_folder(path.parent)
    atomic_write(path, payload)
    atomic_write(path.with_suffix(".sha256"), hashlib.sha256(payload).hexdigest().encode())


def _restore(judges: Judges, path: Path) -> bool:
    """Load kept weights; False where there are none, or they were altered."""
    try:
        payload = path.read_bytes()
        stated = path.with_suffix(".sha256").read_text()
    except OSError:
        return False
    if hashlib.sha256(payload).hexdigest() != stated:
        return False
    judges.load_state_dict(load_tensors(payload))
    return True


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {folder}: {error.strerror}") from error
