"""A run measured: its model, its dataset, the panel; and several runs put together.

result = evaluate_run(Path("runs/a"), None, Settings(), 0, None, quiet)
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from vdsm.data.cells import action_of, left_out
from vdsm.data.clips import Clips, Ints, is_dataset
from vdsm.device import full_float32, keep_freed_memory, pick_device
from vdsm.errors import InputError
from vdsm.evaluate.bar import progress_bar
from vdsm.evaluate.drawn import truth_of
from vdsm.evaluate.i3d import load_i3d
from vdsm.evaluate.inputs import JUDGES_ONLY
from vdsm.evaluate.moments import Features
from vdsm.evaluate.over_seeds import aggregate
from vdsm.evaluate.panel import panel
from vdsm.evaluate.resnext import load_resnext101
from vdsm.evaluate.sample import Sample, draw_sample, pairs_within
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Progress
from vdsm.evaluate.table import print_report
from vdsm.files import atomic_write, check_writable, expanded, writable
from vdsm.store.named import load_model
from vdsm.store.run import is_run
from vdsm.store.shipped import find, home
from vdsm.store.trained import Trained, clips_of, measurable, require_fit
from vdsm.store.weights import digest, stored
from vdsm.version import __version__

MOST_TRAIN = 10_000  # training clips whose codes are probed
Result = dict[str, Any]


def runs_and_data(paths: Sequence[Path], source: str) -> tuple[list[Path], Path | None]:
    """Folders of runs or exported models, by place or shipped name; and a dataset, if last."""
    runs = [path if path.exists() else find(path) for path in paths]
    data = runs.pop() if runs and is_dataset(runs[-1]) else None
    if not runs:
        raise InputError(f"{source}: RUN is needed: a folder made by 'vdsm train'")
    return runs, data


def evaluate(
    runs: Sequence[Path],
    data: Path | None,
    out: Path,
    settings: Settings,
    test_clips: int,
    console: Console,
) -> Result:
    """Measure each run, write JSON, print tables. Several runs: their means and spread."""
    check_writable(out, ".json")
    result = measure_all(runs, data, settings, test_clips, console)
    atomic_write(out, json.dumps(result, indent=2).encode())
    print_report(result, result["roles"], result["dataset"], console)
    console.print(f"{out}: measured in {result['seconds']:.0f} s", soft_wrap=True)
    return result


def measure_all(
    runs: Sequence[Path], data: Path | None, settings: Settings, test_clips: int, console: Console
) -> Result:
    """The panel of each run, with a bar; of several runs their means and spread."""
    keep_freed_memory()
    same_data(runs, data, settings.other_data)
    cache = judges_kept(runs[0], console) if is_run(runs[0]) else None
    results = []
    for path in runs:
        if len(runs) > 1:
            console.print(f"{path}:", soft_wrap=True)
        with progress_bar(console) as bar:
            results.append(evaluate_run(path, data, settings, test_clips, cache, bar))
    return results[0] if len(runs) == 1 else put_together(results)


def judges_kept(run: Path, console: Console) -> Path:
    """The folder of a run's judges; says beforehand where no new ones can be kept there."""
    folder = run / "judges"
    if not writable(folder):
        console.print(
            f"note: {folder} cannot be written to: new judges are not kept", soft_wrap=True
        )
    return folder


def put_together(results: Sequence[Result]) -> Result:
    """Means over runs, what they have in common, and each by itself."""
    names = ("dataset", "fingerprint", "roles", "version", "split")
    shared = {name: results[0][name] for name in names}
    seconds = sum(result["seconds"] for result in results)
    return aggregate(results) | shared | {"seconds": seconds, "each": list(results)}


def same_data(runs: Sequence[Path], data: Path | None, other_data: bool) -> None:
    """Refuse to average runs on different data, or a run with itself."""
    twice = [path for i, path in enumerate(runs) if path.resolve() in map(Path.resolve, runs[:i])]
    if twice:
        raise InputError(f"{twice[0]} is named twice: a spread is over different runs")
    first, *others = (measurable(path) for path in runs)
    if not others:
        return
    clips = clips_of(runs[0], first, data, other_data)
    for path, other in zip(runs[1:], others, strict=True):
        if other.fingerprint != first.fingerprint and not clips.known_as(other.fingerprint):
            raise InputError(
                f"{runs[0]} and {path} were trained on different data: evaluate them one by one"
            )


@full_float32()
def evaluate_run(
    path: Path,
    data: Path | None,
    settings: Settings,
    test_clips: int,
    cache: Path | None,
    progress: Progress,
) -> Result:
    """The panel of one run on the dataset it was trained on, or on another.

    test_clips: most test clips to measure, 0 for all. cache: where judges are kept.
    """
    started = time.perf_counter()
    trained = measurable(path)
    clips = clips_of(path, trained, data, settings.other_data)
    refuse_learned(trained, clips, settings)
    model, _ = load_model(str(path), settings.device)
    require_fit(clips, model.config)
    model.precision = "fp32"  # figures are those of the weights, not of the machine
    sample = draw_sample(
        clips,
        trained.frames,
        MOST_TRAIN,
        test_clips or len(clips),
        settings.seed,
        early=settings.judge_early,
        measured=settings.split,
    )
    pairs = None if settings.other_data else unseen(trained, clips, sample, settings.seed)
    result = panel(
        **sample.arguments() | {"unseen": pairs},
        model=model,
        truth=truth_of(clips, sample.real),
        features=named_features(settings),
        settings=settings,
        cache=cache,
        progress=progress,
    )
    result["not_measured"] |= sample.left_out
    if settings.other_data:
        result["not_measured"]["unseen"] = "it is not asked of other data than training's own"
    return result | {
        "run": path.name if path.parent == home() else str(path),
        "method": stored(model).method,
        "dataset": clips.info.name,
        "fingerprint": clips.fingerprint,
        "split": settings.split,
        "weights": digest(stored(model).tensors),
        "roles": dict(sample.roles),
        "version": __version__,
        "seconds": time.perf_counter() - started,
    }


def refuse_learned(trained: Trained, clips: Clips, settings: Settings) -> None:
    """InputError where the clips to measure were among those for training when it was trained."""
    now = (clips.fingerprint, clips.former_fingerprint)
    if (
        settings.split == "validation"
        and not settings.other_data
        and trained.fingerprint not in now
    ):
        raise InputError(
            "the model was trained before clips for validation were taken from training, on these "
            "too: measure --split test"
        )


def named_features(settings: Settings) -> dict[str, Features]:
    """Feature functions whose weights the user names, or has fetched."""
    device = str(pick_device(settings.device))
    found: dict[str, Features] = {}
    if settings.features == "i3d":
        found["i3d"] = load_i3d(device=device)
    if settings.resnext:
        found["resnext101"] = load_resnext101(expanded(settings.resnext), device)
    return found


def unseen(trained: Trained, clips: Clips, sample: Sample, seed: int) -> Ints | None:
    """Pairs for swaps into the cells that the run left out; without such, those the split has."""
    if not trained.holdout_cells:
        return sample.unseen
    out = left_out(clips, trained.holdout_cells, trained.seed)
    split = np.where(out, 1, clips.table.split)  # what was left out is no training clip
    rows = sample.real.rows[sample.split != JUDGES_ONLY]  # these come last
    return pairs_within(rows, clips.table.group, action_of(clips), split, seed)
