"""Tables of a benchmark: the machine's own speeds, every part beside its floor, ratios, curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from vdsm.bench.curve import MARKS, Curve, Point
from vdsm.bench.machine import Machine
from vdsm.bench.size import Measured
from vdsm.errors import InputError
from vdsm.files import read_json
from vdsm.train.method import Size

Numbers = dict[str, float]


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


def machine_table(speeds: Machine, detail: Mapping[str, Any]) -> Table:
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


def curves_table(curves: Sequence[Curve]) -> Table:
    """Who is first: CPU seconds and clips seen at the first point with so many swaps right."""
    table = Table("", title_justify="left", title="first with so many swaps right in all factors")
    for mark in MARKS:
        table.add_column(f"{mark} %")
    table.add_column("at the end")
    for curve in curves:
        last = curve.points[-1]
        end = f"{100 * last.joint:.1f} % of {curve.n}, {cost(last)}"
        table.add_row(curve.label, *(cost(curve.first(mark)) for mark in MARKS), end)
    return table


def cost(point: Point | None) -> str:
    """What a point cost."""
    if point is None:
        return "never"
    return f"{point.cpu_seconds:,.0f} CPU s, {point.clips_seen:,} clips"
