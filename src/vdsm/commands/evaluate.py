"""`vdsm evaluate`: the panel of `vdsm.evaluate`, filled in from one or more runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from vdsm.data.cells import left_out, unseen_pairs
from vdsm.data.clips import Clips, Frames, Ints
from vdsm.device import keep_freed_memory, pick_device
from vdsm.errors import InputError
from vdsm.evaluate import Settings, panel
from vdsm.files import atomic_write
from vdsm.model.vdsm import VDSM
from vdsm.notation import Codes
from vdsm.train.batches import as_video
from vdsm.train.run import Run

MOST_CLIPS = 10_000  # training clips whose codes are probed


@dataclass(frozen=True)
class Windows:
    """The first `frames` frames of some clips of a dataset, read on demand: a `ClipArray`."""

    clips: Clips
    rows: Ints  # which clips
    frames: int

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """N, T, H, W, C."""
        info = self.clips.info
        return (len(self.rows), self.frames, info.size, info.size, info.channels)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Frames:
        chosen = np.atleast_1d(self.rows[index])
        return self.clips.batch(chosen, np.zeros_like(chosen), self.frames)


def evaluate(
    runs: Sequence[Path],
    data: Path | None,
    out: Path,
    settings: Settings,
    most_test: int,
    console: Console,
) -> list[dict[str, Any]]:
    """Measure each run, write JSON, print tables. One run: its panel; several: also mean and sd."""
    from vdsm.evaluate.table import print_tables, summary

    keep_freed_memory()
    results = []
    for path in runs:
        with Progress(console=console, transient=True) as bar:
            results.append(evaluate_run(path, data, settings, most_test, bar))
    content = results[0] if len(results) == 1 else summary(results)
    atomic_write(out, json.dumps(content, indent=2).encode())
    print_tables(content, console)
    console.print(f"written to {out}", highlight=False)
    return results


def evaluate_run(
    path: Path, data: Path | None, settings: Settings, most_test: int, bar: Progress
) -> dict[str, Any]:
    """The panel of one run on its own dataset."""
    run = Run.open(path)
    clips = run.clips(data)
    if not clips.info.factors:
        raise InputError(f"{data or run.data} has no labelled factors: there is nothing to judge")
    device = pick_device(settings.device)
    model = VDSM.from_pretrained(path).to(device)
    out = left_out(clips, run.config.leave_out, run.config.seed)
    rows = choose(clips, out, run.config.stage2.frames, most_test, settings.seed)
    real = Windows(clips, rows, run.config.stage2.frames)
    tasks: dict[str, Any] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    def decode(codes: Any) -> np.ndarray:
        tensors = (torch.as_tensor(codes[name], device=device) for name in "sdz")
        return model.decode(Codes(*tensors)).cpu().numpy()

    def generate(num: int, rng: np.random.Generator) -> np.ndarray:
        seeded = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
        return model.generate(num, real.frames, seeded).cpu().numpy()

    def sample_identity(num: int, rng: np.random.Generator) -> np.ndarray:
        noise = rng.standard_normal((num, model.config.identity_dim))
        return (noise / model.config.num_experts).astype(np.float32)

    table = clips.table
    measured = panel(
        real=real,
        labels={f.name: table.labels[f.name][rows] for f in clips.info.factors},
        roles={f.name: f.role for f in clips.info.factors},
        split=table.split[rows],
        codes=encode(model, real, progress),
        decode=decode,
        groups=table.group[rows],
        sample_identity=sample_identity,
        generate=generate,
        unseen=positions(unseen_pairs(clips, out, rows, settings.seed), rows)
        if out.any()
        else None,
        settings=settings,
        cache=path / "judges",
        progress=progress,
    )
    return measured | {"run": str(path), "dataset": clips.info.name}


def choose(clips: Clips, out: np.ndarray, frames: int, most_test: int, seed: int) -> Ints:
    """Clips to measure: test clips (all, or a seeded choice) and training clips for the judges."""
    rng = np.random.default_rng(seed)
    test = clips.select("test", min_length=frames)
    train = clips.select("train", min_length=frames)
    if len(test) < 2 or len(train) < 2:
        raise InputError(
            f"{clips.info.name} has {len(train)} training and {len(test)} test clips of at least "
            f"{frames} frames: too few to evaluate"
        )
    if most_test and len(test) > most_test:
        test = rng.choice(test, most_test, replace=False)
    if len(train) > MOST_CLIPS:
        train = rng.choice(train, MOST_CLIPS, replace=False)
    return np.sort(np.concatenate([train, test]))


def positions(pairs: Ints, rows: Ints) -> Ints:
    """Clip numbers as positions in the sorted `rows`."""
    return np.searchsorted(rows, pairs)


def encode(model: VDSM, real: Windows, progress: Any) -> dict[str, np.ndarray]:
    """Posterior means of every clip."""
    parts: list[Codes] = []
    for start in range(0, len(real), 64):
        frames = real[np.arange(start, min(start + 64, len(real)))]
        parts.append(model.encode(as_video(frames, model.z_start.device)))
        progress("encoding", min(start + 64, len(real)), len(real))
    return {
        name: torch.cat([getattr(part, name) for part in parts]).cpu().numpy() for name in "sdz"
    }
