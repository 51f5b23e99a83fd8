"""`vdsm evaluate`: the panel of `vdsm.evaluate`, filled in from one or more runs."""

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from rich.console import Console

from vdsm.data.cells import action_of, left_out
from vdsm.data.clips import Clips, Ints, is_dataset
from vdsm.device import as_video, full_float32, keep_freed_memory, pick_device
from vdsm.errors import InputError
from vdsm.evaluate import Features, Settings, load_resnext101, panel
from vdsm.evaluate.bar import progress_bar
from vdsm.evaluate.inputs import JUDGES_ONLY
from vdsm.evaluate.over_seeds import aggregate
from vdsm.evaluate.sample import Sample, draw_sample, pairs_within
from vdsm.evaluate.stream import Progress
from vdsm.evaluate.table import print_report
from vdsm.files import atomic_write, check_writable, expanded, writable
from vdsm.methods.readout import Density, Readout
from vdsm.notation import Codes
from vdsm.options import position, record
from vdsm.protocol import device_of
from vdsm.report.evaluation import FILE
from vdsm.screen import screen
from vdsm.store.named import load_model
from vdsm.store.run import is_run
from vdsm.store.shipped import find
from vdsm.store.trained import Trained, clips_of, measurable, require_fit
from vdsm.store.weights import digest, stored
from vdsm.version import __version__

MOST_TRAIN = 10_000  # training clips whose codes are probed
UNLABELLED = (
    "{} says neither who nor what its clips show, and swaps are judged by such labels: label some "
    "of them (docs/data-folder.md), or look at curves and pictures, see: vdsm report {}"
)
ENCODED = 64  # clips encoded at once
Result = dict[str, Any]


# What a run of few minutes on a small machine leaves as it is.
HIDDEN = (
    *("batch", "judge_clips", "judge_steps", "judge_batch", "judge_width", "judge_hidden"),
    *("probe_clips", "shuffles", "resamples", "resnext"),
)


@record
class Options(Settings):
    """Measure runs: judges, swaps, leakage, intervals. Several are averaged, with their spread."""

    paths: list[Path] = position(
        "RUN", "folders of runs or exported models, or shipped names; the last may be their dataset"
    )
    out: Path | None = Field(
        default=None, title="FILE.json", description=f"the file to write [RUN/{FILE}, for one run]"
    )
    test_clips: int = Field(
        default=0, ge=0, title="N", description="test clips to measure, 0 for all"
    )


def run(options: Options) -> None:
    """Measure the runs, write JSON and print tables."""
    runs, data = runs_and_data(options.paths, "vdsm evaluate")
    out = options.out
    if out is None and len(runs) > 1:
        raise InputError("vdsm evaluate: --out is needed for several runs: the JSON file to write")
    if out is None and measurable(runs[0]) and not is_run(runs[0]):
        raise InputError(f"vdsm evaluate: --out is needed: {runs[0]} is a model without a run")
    settings = Settings(**{f.name: getattr(options, f.name) for f in fields(Settings)})
    evaluate(runs, data, out or runs[0] / FILE, settings, options.test_clips, screen())


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
    keep_freed_memory()
    same_data(runs, data, settings.other_data)
    cache = judges_kept(runs[0], console) if is_run(runs[0]) else None
    results = []
    for path in runs:
        if len(runs) > 1:
            console.print(f"{path}:", soft_wrap=True)
        with progress_bar(console) as bar:
            results.append(evaluate_run(path, data, settings, test_clips, cache, bar))
    result = results[0] if len(runs) == 1 else put_together(results)
    atomic_write(out, json.dumps(result, indent=2).encode())
    print_report(result, result["roles"], result["dataset"], console)
    console.print(f"{out}: measured in {result['seconds']:.0f} s", soft_wrap=True)
    return result


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
    shared = {k: results[0][k] for k in ("dataset", "fingerprint", "roles", "version")}
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
    if not clips.info.factors:
        raise InputError(UNLABELLED.format(clips.path, shlex.quote(str(path))))
    model, _ = load_model(str(path), settings.device)
    require_fit(clips, model.config)
    model.precision = "fp32"  # figures are those of the weights, not of the machine
    frames = trained.frames
    most_test = test_clips or len(clips)
    sample = draw_sample(
        clips, frames, MOST_TRAIN, most_test, settings.seed, early=settings.judge_early
    )
    if not sample.labels:
        reasons = "; ".join(f"{name}: {why}" for name, why in sample.left_out.items())
        raise InputError(f"{clips.path} has no factor that can be judged: {reasons}")
    codes, sampled = encode(model, sample, settings.seed, progress)
    pairs = None if settings.other_data else unseen(trained, clips, sample, settings.seed)
    result = panel(
        **sample.arguments() | {"unseen": pairs},
        codes=codes,
        probed=sampled,
        **functions(model, frames),
        features=named_features(settings),
        settings=settings,
        cache=cache,
        progress=progress,
    )
    result["left_out"] |= sample.left_out
    if settings.other_data:
        result["left_out"]["unseen"] = "it is not asked of other data than training's own"
    return result | {
        "run": str(path),
        "dataset": clips.info.name,
        "fingerprint": clips.fingerprint,
        "weights": digest(stored(model).tensors),
        "roles": dict(sample.roles),
        "version": __version__,
        "seconds": time.perf_counter() - started,
    }


def named_features(settings: Settings) -> dict[str, Features]:
    """Feature functions whose weights the user names."""
    if not settings.resnext:
        return {}
    device = str(pick_device(settings.device))
    return {"resnext101": load_resnext101(expanded(settings.resnext), device)}


def encode(
    model: Any, sample: Sample, seed: int, progress: Progress
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Posterior means of every clip, s d z; and a sample of s and of d, to be probed beside.

    Clips that judges alone see come last; nobody reads their codes, which stay 0.
    """
    device = device_of(model)
    generator = torch.Generator().manual_seed(seed)
    real, count = sample.real, int((sample.split != JUDGES_ONLY).sum())
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in "sdz"}
    drawn: dict[str, list[torch.Tensor]] = {"s_sample": [], "d_sample": []}
    progress("encoding", 0, count)
    for start in range(0, count, ENCODED):
        rows = np.arange(start, min(start + ENCODED, count))
        codes, random = model.encode_and_sample(as_video(real[rows], device), generator)
        for name, values in parts.items():
            values.append(getattr(codes, name).cpu())
        drawn["s_sample"].append(random.s.cpu())
        drawn["d_sample"].append(random.d.cpu())
        progress("encoding", int(rows[-1]) + 1, count)

    def joined(columns: dict[str, list[torch.Tensor]]) -> dict[str, Any]:
        found = {name: torch.cat(values).numpy() for name, values in columns.items()}
        rest = len(real) - count
        return {
            name: np.concatenate([code, np.zeros((rest, *code.shape[1:]), code.dtype)])
            for name, code in found.items()
        }

    return joined(parts), joined(drawn)


def as_array(x: torch.Tensor) -> np.ndarray:
    """On the host."""
    return x.cpu().numpy()


def functions(model: Any, frames: int) -> dict[str, Any]:
    """`decode` of the panel, and what samples: from the priors, and from what was fitted."""
    device = device_of(model)

    def seeded(rng: np.random.Generator) -> torch.Generator:
        return torch.Generator().manual_seed(int(rng.integers(2**62)))

    def decode(codes: Any) -> np.ndarray:
        tensors = (torch.as_tensor(codes[name], device=device) for name in "sdz")
        return as_array(model.decode(Codes(*tensors)))

    def generate(num: int, rng: np.random.Generator, **how: Any) -> np.ndarray:
        return as_array(model.generate(num, frames, seeded(rng), **how))

    def identity(num: int, rng: np.random.Generator, **how: Any) -> np.ndarray:
        return as_array(model.sample_identity(num, seeded(rng), **how))

    if not isinstance(model, Readout):
        return {"decode": decode, "generate": generate, "sample_identity": identity}
    standard: Density = "standard"
    return {
        "decode": decode,
        "generate": partial(generate, density=standard),
        "sample_identity": partial(identity, density=standard),
        "fitted_identity": identity,
        "fitted": generate,
    }


def unseen(trained: Trained, clips: Clips, sample: Sample, seed: int) -> Ints | None:
    """Pairs for swaps into the cells that the run left out; without such, those the split has."""
    if not trained.holdout_cells:
        return sample.unseen
    out = left_out(clips, trained.holdout_cells, trained.seed)
    split = np.where(out, 1, clips.table.split)  # what was left out is no training clip
    rows = sample.real.rows[sample.split != JUDGES_ONLY]  # these come last
    return pairs_within(rows, clips.table.group, action_of(clips), split, seed)
