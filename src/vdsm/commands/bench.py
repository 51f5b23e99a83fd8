"""`vdsm bench`: seconds of every step beside what this machine's own speeds would allow."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from vdsm.bench import machine
from vdsm.bench.curve import as_json as curves_json
from vdsm.bench.curve import read_curves, require_same_data
from vdsm.bench.method import measure_method
from vdsm.bench.picture import drawn
from vdsm.bench.quality import Wanted, curve_of
from vdsm.bench.size import Bench, Measured, measure, peak_mib
from vdsm.bench.tables import (
    Numbers,
    breakdown,
    comparison,
    curves_table,
    headline,
    machine_table,
    read_numbers,
    size_table,
)
from vdsm.config import Seed
from vdsm.data import open_clips
from vdsm.device import keep_freed_memory, pick_device, use_bf16
from vdsm.errors import InputError
from vdsm.evaluate import Settings
from vdsm.evaluate.bar import progress_bar
from vdsm.files import atomic_write, check_writable
from vdsm.methods.table import method_of
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.presets import preset
from vdsm.options import record
from vdsm.screen import screen
from vdsm.train import capture
from vdsm.train.method import Size
from vdsm.training import settings
from vdsm.words import counted

SOURCE = "vdsm bench"
OURS = "vdsm"  # whose parts are timed one by one
USUAL = "sprites"  # preset to time


@record
class Options:
    """Time a training step beside what this machine could do.

    With --to-quality: train a preset, and see how many swaps are right as it goes on.
    """

    method: str = Field(default="vdsm", description="what to time: any that vdsm train takes")
    sizes: str | None = Field(
        default=None,
        description="sizes of the model to time; by default compact, and paper too for vdsm: "
        "that of other methods may take minutes a step",
    )
    preset: str | None = Field(
        default=None, description="settings [sprites, or with --to-quality the data's own]"
    )
    repeats: int = Field(default=5, ge=1, description="calls of each, of which the best counts")
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")
    precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", description="of training")
    capture: Literal["never", "auto", "always"] = Field(
        default="never",
        description="replay steps as CUDA graphs; auto: where that can be, always: else stop",
    )
    out: Path | None = Field(default=None, title="FILE.json", description="JSON file to write")
    compare: Path | None = Field(
        default=None, title="FILE.json", description="JSON file of an earlier run"
    )
    to_quality: Path | None = Field(
        default=None,
        title="DATA",
        description="train on this dataset, a folder made by vdsm data, and count swaps of clips "
        "for validation that are right, beside CPU seconds and clips seen",
    )
    picture: Path | None = Field(
        default=None, title="FILE.png", description="curves of --to-quality and of --compare"
    )
    points: int = Field(default=20, ge=1, description="of a curve")
    seed: Seed = Field(default=0, description="of the training of --to-quality")
    judges: int = Field(default=1, ge=1, description="judges of --to-quality")
    floor: float = Field(
        default=0.98, ge=0, le=1, description="least accuracy of each judge on real clips"
    )
    cache: Path | None = Field(
        default=None, title="DIR", description="folder that keeps judges [judges, beside --out]"
    )


def run(options: Options) -> None:
    """A curve, or the time of every step."""
    if options.to_quality is not None:
        return draw_curve(options, options.to_quality)
    for flag in ("picture", "cache"):
        if getattr(options, flag) is not None:
            raise InputError(f"{SOURCE}: --{flag} goes with --to-quality DATA")
    time_steps(options)


def time_steps(options: Options) -> None:
    """Measure, print the tables, write the JSON."""
    usual = "compact,paper" if options.method == OURS else "compact"
    sizes = chosen_sizes(options.sizes or usual)
    for size in sizes:  # what there is none of is refused before minutes of work
        method_of(options.method).preset(options.preset or USUAL, size)
    if options.out is not None:
        check_writable(options.out, ".json")
    earlier = None if options.compare is None else read_numbers(options.compare)
    console = screen()
    device = pick_device(options.device)
    require_capture(options, sizes, device)
    bf16 = use_bf16(options.precision, device)
    speeds = machine.measure(device, bf16, options.repeats)
    numbers: Numbers = {
        f"machine.{key}": value for key, value in asdict(speeds).items() if key != "conv_tflops"
    }
    detail: dict[str, Any] = {
        "method": options.method,
        "preset": options.preset or USUAL,
        "device": str(device),
        "precision": "bf16" if bf16 else "fp32",
        "capture": options.capture,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "conv_tflops": speeds.conv_tflops,
    }
    console.print(machine_table(speeds, detail))
    for size in sizes:
        measured, peak = in_own_process(options, size)
        numbers |= headline(size, measured, peak)
        detail[size] = breakdown(measured, speeds, bf16)
        console.print(size_table(size, detail[size], numbers))
    if earlier is not None:
        console.print(comparison(earlier, numbers, options.compare))
    if options.out is not None:
        atomic_write(options.out, json.dumps(numbers | {"detail": detail}, indent=2).encode())
        console.print(f"{options.out}: all numbers")


def require_capture(options: Options, sizes: list[Size], device: torch.device) -> None:
    """InputError where all steps are to be replayed, and some cannot be."""
    method = method_of(options.method)
    for size in sizes:
        plan = method.stages(method.preset(options.preset or USUAL, size))
        capture.require(options.capture, plan, device, 1)


def one_size(text: str | None) -> list[Size]:
    """That of the model to train; InputError for several."""
    sizes = chosen_sizes(text or "compact")
    if len(sizes) > 1:
        raise InputError(f"{SOURCE}: --to-quality trains one model: name one of --sizes {text}")
    return sizes


def chosen_sizes(text: str) -> list[Size]:
    """'compact,paper' as sizes."""
    known: tuple[Size, ...] = ("compact", "paper")
    for name in text.split(","):
        if name not in known:
            raise InputError(f"{SOURCE}: --sizes has '{name}': choose from {', '.join(known)}")
    return [size for size in known if size in text.split(",")]


def in_own_process(options: Options, size: Size) -> tuple[Measured, float]:
    """A size measured by a fresh process, so that the peak memory is its own."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, fresh) as pool:
        return pool.submit(measure_size, options, size).result()


def measure_size(options: Options, size: Size) -> tuple[Measured, float]:
    """What the fresh process does."""
    keep_freed_memory()
    device = pick_device(options.device)
    bf16 = use_bf16(options.precision, device)
    how = (device, bf16, options.repeats, options.capture)
    if options.method == OURS:
        return measure(Bench(timed(options.preset or USUAL, size), *how))
    method = method_of(options.method)
    bench = Bench(method.preset(options.preset or USUAL, size), *how)
    return measure_method(bench, method), peak_mib(device)


def timed(name: str, size: Size) -> Config:
    """The paper's recipe, by which figures are compared, whatever a preset adds to it."""
    if name == "debug":
        return preset(name)
    return preset(name, "paper-compact" if size == "compact" else size)


def draw_curve(options: Options, data: Path) -> None:
    """Train and count; write the file of this curve and earlier ones, and their picture."""
    outputs = ((options.out, ".json"), (options.picture, ".png"))
    for place, suffix in outputs:
        if place is not None:
            check_writable(place, suffix)
    (size,) = one_size(options.sizes)
    clips, method = open_clips(data), method_of(options.method)
    earlier = [] if options.compare is None else read_curves(options.compare)
    if options.compare is not None:
        require_same_data(earlier, clips.fingerprint, options.compare)
    changes = {"seed": str(options.seed), "device": options.device, "precision": options.precision}
    changes["capture"] = options.capture
    config, preset = settings(clips, method, options.preset, size, changes, SOURCE)
    cache = options.cache or (options.out.parent / "judges" if options.out else None)
    panel = Settings(judges=options.judges, floor=options.floor, split="validation")
    console = screen()
    keep_freed_memory()
    console.print(f"{method.title}: preset {preset}, size {size}", soft_wrap=True)
    with progress_bar(console) as bar:
        wanted = Wanted(method, config, preset, size, options.points)
        curve = curve_of(wanted, clips, panel, cache, bar, console.print)
    curves = [*earlier, curve]
    console.print(curves_table(curves))
    for (place, _), make in zip(outputs, (curves_json, drawn), strict=True):
        if place is not None:
            atomic_write(place, make(curves))
            console.print(f"{place}: {counted(len(curves), 'curve')}", soft_wrap=True)
