"""How a training step grows: seconds and peak memory against experts, batch, frames, frame size.

python benchmarks/scaling.py scaling.json scaling.png      the compact sprites model, one thread
python benchmarks/scaling.py --plot scaling.json scaling.png      the picture alone

One setting is varied at a time. Every point is a process of its own, so that its memory is its own.
On a CPU it runs on one thread and counts CPU seconds, which a busy machine changes little.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch

from vdsm.bench.size import PROGRESS, peak_mib
from vdsm.bench.timing import wait
from vdsm.commands.bench import timed
from vdsm.device import keep_freed_memory, pick_device, use_bf16
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.stages import stages
from vdsm.train.step import Bound, make_optimizer, take_step

VARIED = {
    "experts": (5, 10, 20, 40, 80),
    "batch": (4, 8, 16, 32),
    "frames": (4, 8, 16, 32),
    "size": (32, 64, 128),
}
LABELS = {
    "experts": "experts",
    "batch": "clips or groups in a batch",
    "frames": "frames of each",
    "size": "side of a frame, pixels",
}
STAGES = ("stage1", "stage2")
MIB = 2**20
# Bytes per weight of the bank: itself and its bfloat16 copy; in stage 1 gradient, two moments too.
BYTES = {"stage1": 4 + 2 + 4 + 8, "stage2": 4 + 2}


@dataclass(frozen=True)
class Point:
    """What one process measures."""

    stage: str
    experts: int
    batch: int
    frames: int
    size: int


def settings(config: Config, point: Point) -> Config:
    """The config with the point's values."""
    return replace(
        config,
        model=replace(config.model, experts=point.experts, size=point.size),
        stage1=replace(config.stage1, batch=point.batch, frames=point.frames),
        stage2=replace(config.stage2, batch=point.batch, frames=point.frames),
    )


def measure(config: Config, point: Point, device_name: str, steps: int) -> dict[str, Any]:
    """Best seconds of a step, and how much memory the process took for it."""
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    device = pick_device(device_name)
    bf16 = use_bf16(config.precision, device)
    before = 0.0 if device.type == "cuda" else peak_mib(device)
    model = VDSM(config.model).to(device)
    stage = stages(config)[STAGES.index(point.stage)]
    (player,) = stage.players
    optimizer, bound = make_optimizer(model, player, stage.settings.lr), Bound(player, model)
    schedule = stage.schedule(PROGRESS)
    stage.take(model, schedule.values)
    generator = torch.Generator(device).manual_seed(0)
    shape = (point.batch, point.frames, config.model.channels, point.size, point.size)
    batch = Views(torch.rand(shape, device=device))
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    seconds = []
    for _ in range(steps + 1):
        wait(device)
        begin = clock()
        take_step(bound, optimizer, batch, generator, schedule.weights, bf16)
        wait(device)
        seconds.append(clock() - begin)
    bank = sum(p.numel() for p in (*model.decoder.weights, *model.decoder.biases))
    return {
        "seconds": round(min(seconds[1:]), 4),
        "mib": round(peak_mib(device) - before, 1),
        "weights_per_expert": bank // point.experts,
    }


def run(config: Config, device: str, steps: int) -> list[dict[str, Any]]:
    """Every point once, a line of progress for each."""
    spawn, results = get_context("spawn"), []
    for point in points(config):
        with ProcessPoolExecutor(1, spawn) as pool:
            job = pool.submit(measure, settings(config, point), point, device, steps)
            results.append(asdict(point) | job.result())
        print(results[-1], file=sys.stderr, flush=True)
    return results


def start(config: Config, stage: str) -> Point:
    """The point that the others depart from, one setting at a time."""
    chosen = config.stage1 if stage == "stage1" else config.stage2
    return Point(stage, config.model.num_experts, chosen.batch, chosen.frames, config.model.size)


def points(config: Config) -> list[Point]:
    """All of them, without repetition."""
    found = [
        replace(start(config, stage), **{name: value})
        for stage in STAGES
        for name, values in VARIED.items()
        for value in values
    ]
    return list(dict.fromkeys(found))


def line(results: list[dict[str, Any]], base: Point, name: str) -> list[dict[str, Any]]:
    """The results that depart from the base in that setting alone."""
    fixed = {k: v for k, v in asdict(base).items() if k != name}
    found = [r for r in results if all(r[k] == v for k, v in fixed.items())]
    return sorted((r for r in found if r[name] in VARIED[name]), key=lambda r: r[name])


def slopes(results: list[dict[str, Any]], base: Point) -> dict[str, float]:
    """Memory against experts: MiB per expert, fitted and expected, and the largest misfit."""
    along = line(results, base, "experts")
    experts, mib = (np.array([r[key] for r in along]) for key in ("experts", "mib"))
    slope, offset = np.polyfit(experts, mib, 1)
    return {
        "mib_per_expert": round(float(slope), 2),
        "expected": round(along[0]["weights_per_expert"] * BYTES[base.stage] / MIB, 2),
        "offset_mib": round(float(offset), 1),
        "largest_misfit_mib": round(float(np.abs(mib - slope * experts - offset).max()), 1),
    }


def draw(results: list[dict[str, Any]], bases: list[Point], file: Path) -> None:
    """Seconds above, memory below; a column for every setting."""
    figure, axes = plt.subplots(2, len(VARIED), figsize=(11, 5), layout="constrained")
    for column, name in enumerate(VARIED):
        for row, (key, label) in enumerate([("seconds", "s per step"), ("mib", "peak MiB")]):
            ax = axes[row, column]
            for base in bases:
                along = line(results, base, name)
                stage = f"stage {base.stage[-1]}"
                ax.plot([r[name] for r in along], [r[key] for r in along], "o-", label=stage)
            ticks = [v for v in VARIED[name] if v in (min(VARIED[name]), *VARIED[name][-3:])]
            ax.set(ylim=(0, None), xticks=ticks, xlabel=LABELS[name] if row else "")
            if column == 0:
                ax.set_ylabel(label)
            ax.grid(alpha=0.3)
    axes[0, 0].legend()
    figure.savefig(file, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("json", type=Path)
    parser.add_argument("png", type=Path)
    parser.add_argument("--preset", default="sprites")
    parser.add_argument("--model-size", choices=("compact", "paper"), default="compact")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=5, help="of which the best counts")
    parser.add_argument("--plot", action="store_true", help="only draw what JSON holds")
    options = parser.parse_args()
    config = timed(options.preset, options.model_size)
    bases = [start(config, stage) for stage in STAGES]
    if options.plot:
        results = json.loads(options.json.read_text())["points"]
    else:
        results = run(config, options.device, options.steps)
    memory = {base.stage: slopes(results, base) for base in bases}
    options.json.write_text(json.dumps({"memory": memory, "points": results}, indent=1))
    draw(results, bases, options.png)
    print(json.dumps(memory, indent=2))


if __name__ == "__main__":
    main()
