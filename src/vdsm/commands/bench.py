"""`vdsm bench`: seconds of every step beside what this machine's own speeds would allow."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from rich.table import Table

from vdsm.bench import machine
from vdsm.bench.machine import Machine
from vdsm.bench.method import measure_method
from vdsm.bench.size import Bench, Measured, measure, peak_mib
from vdsm.device import keep_freed_memory, pick_device, use_bf16
from vdsm.errors import InputError
from vdsm.files import atomic_write, check_writable, read_json
from vdsm.methods.table import method_of
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.presets import preset
from vdsm.options import record
from vdsm.screen import screen
from vdsm.train.method import Size

Numbers = dict[str, float]
OURS = "vdsm"  # whose parts are timed one by one


@record
class Options:
    """Time a training step beside what this machine could do."""

    method: str = Field(default="vdsm", description="what to time: any that vdsm train takes")
    sizes: str | None = Field(
        default=None,
        description="sizes of the model to time; by default compact, and paper too for vdsm: "
        "that of other methods may take minutes a step",
    )
    preset: str = Field(default="sprites", description="settings to time")
    repeats: int = Field(default=5, ge=1, description="calls of each, of which the best counts")
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")
    precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", description="of training")
    out: Path | None = Field(default=None, title="FILE.json", description="JSON file to write")
    compare: Path | None = Field(
        default=None, title="FILE.json", description="JSON file of an earlier run"
    )


def run(options: Options) -> None:
    """Measure, print the tables, write the JSON."""
    usual = "compact,paper" if options.method == OURS else "compact"
    sizes = chosen_sizes(options.sizes or usual)
    for size in sizes:  # what there is none of is refused before minutes of work
        method_of(options.method).preset(options.preset, size)
    if options.out is not None:
        check_writable(options.out, ".json")
    earlier = None if options.compare is None else read_numbers(options.compare)
    console = screen()
    device = pick_device(options.device)
    bf16 = use_bf16(options.precision, device)
    speeds = machine.measure(device, bf16, options.repeats)
    numbers: Numbers = {
        f"machine.{key}": value for key, value in asdict(speeds).items() if key != "conv_tflops"
    }
    detail: dict[str, Any] = {
        "method": options.method,
        "preset": options.preset,
        "device": str(device),
        "precision": "bf16" if bf16 else "fp32",
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


def chosen_sizes(text: str) -> list[Size]:
    """'compact,paper' as sizes."""
    known: tuple[Size, ...] = ("compact", "paper")
    for name in text.split(","):
        if name not in known:
            raise InputError(f"vdsm bench: --sizes has '{name}': choose from {', '.join(known)}")
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
    if options.method == OURS:
        return measure(Bench(timed(options.preset, size), device, bf16, options.repeats))
    method = method_of(options.method)
    bench = Bench(method.preset(options.preset, size), device, bf16, options.repeats)
    return measure_method(bench, method), peak_mib(device)


def timed(name: str, size: Size) -> Config:
    """The paper's recipe, by which figures are compared, whatever a preset adds to it."""
    if name == "debug":
        return preset(name)
    return preset(name, "paper-compact" if size == "compact" else size)


def headline(size: Size, measured: Measured, peak: float) -> Numbers:
    """The stable keys of a size: of whole steps, of generation and encoding where there are any."""
    whole = {name: timed.seconds for name, timed in measured.items() if "." not in name}
    fps = {f"{size}.encode_fps": 1 / whole.pop("encode")} if "encode" in whole else {}
    seconds = {f"{size}.{name}_s": value for name, value in whole.items()}
    return seconds | fps | {f"{size}.peak_mib": peak}


def breakdown(measured: Measured, speeds: Machine, bf16: bool) -> dict[str, Numbers]:
    """Seconds, floor and share reached of everything measured. Encoding is always in float32."""
    return {
        name: {
            "seconds": timed.seconds,
            "floor": (floor := timed.work.floor(speeds, bf16 and name != "encode")),
            "share": floor / timed.seconds if timed.seconds else 0.0,
        }
        for name, timed in measured.items()
    }


def machine_table(speeds: Machine, detail: dict[str, Any]) -> Table:
    """This machine's own speeds."""
    title = f"machine: {detail['device']}, {detail['threads']} threads, torch {detail['torch']}"
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_row("matmul 2048³ float32", f"{speeds.matmul_fp32_tflops:.2f} TFLOP/s")
    table.add_row("matmul 2048³ bfloat16", f"{speeds.matmul_bf16_tflops:.2f} TFLOP/s")
    table.add_row(f"convolution {detail['precision']}", f"{speeds.conv_tflops:.2f} TFLOP/s")
    table.add_row("memory, read + written", f"{speeds.memory_gb_s:.1f} GB/s")
    return table


def size_table(size: Size, rows: dict[str, Numbers], numbers: Numbers) -> Table:
    """Seconds beside their floor, part by part."""
    fps = numbers.get(f"{size}.encode_fps")
    encodes = f"encodes {fps:,.0f} frames/s, " if fps else ""
    title = f"{size}: {encodes}peak memory {numbers[f'{size}.peak_mib']:,.0f} MiB"
    table = Table("", "seconds", "floor", "reached", title=title, title_justify="left")
    for name, row in rows.items():
        shown = f"  {name.split('.')[1]}" if "." in name else name.replace("_", " ")
        floor = f"{row['floor']:.4f}" if row["floor"] else ""
        share = f"{row['share']:.0%}" if row["floor"] else ""
        table.add_row(shown, f"{row['seconds']:.4f}", floor, share)
    return table


def read_numbers(path: Path) -> Numbers:
    """The numbers of an earlier run."""
    numbers = {k: v for k, v in read_json(path).items() if isinstance(v, int | float)}
    if not any(key.startswith("machine.") for key in numbers):
        raise InputError(f"{path} is not a result of 'vdsm bench --out': it has no machine.* keys")
    return numbers


def comparison(earlier: Numbers, now: Numbers, path: Path | None) -> Table:
    """Ratios now / earlier of every key that both have."""
    table = Table(
        "", "earlier", "now", "now / earlier", title=f"against {path}", title_justify="left"
    )
    for key in now:
        if earlier.get(key):
            ratio = now[key] / earlier[key]
            table.add_row(key, f"{earlier[key]:.4g}", f"{now[key]:.4g}", f"{ratio:.2f}")
    return table
