"""Tar shards at scale: writes a synthetic set, reads it back at random, reports time and memory.

python benchmarks/shards.py                      100,000 clips beside 1,000: memory stays flat
python benchmarks/shards.py --clips 5000         fewer
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from vdsm.data import open_clips
from vdsm.data.clips import Clips, Factor, Frames, Info, Table
from vdsm.data.shards import Order, ShardClips, write_shards

BATCH = 20
MIB = 2**20


class Synthetic(Clips):
    """Clips whose first pixels are their number, made as they are read."""

    def __init__(self, count: int, size: int, channels: int, frames: int) -> None:
        number = np.arange(count, dtype=np.int64)
        factor = Factor("class", "action", tuple("abcdefghij"))
        split = (number % 10 == 9).astype(np.int64)
        labels = {"class": number % 10}
        table = Table(np.full(count, frames, np.int64), number // 10, split, labels)
        super().__init__(Info("synthetic", size, channels, (factor,)), table)

    def read(self, clip: int, start: int, frames: int) -> Frames:
        size, channels = self.info.size, self.info.channels
        pixels = np.full((frames, size, size, channels), clip % 251, np.uint8)
        pixels[:, 0, :4, 0] = np.frombuffer(clip.to_bytes(4, "big"), np.uint8)
        return pixels


def write(out: Path, clips: int, size: int, channels: int, frames: int, shards: int) -> int:
    write_shards(Synthetic(clips, size, channels, frames), out, shards)
    return clips


def read(out: Path, rank: int = 0, world: int = 1) -> int:
    """Every clip of this process's share once, in shuffled batches; each is checked."""
    clips = open_clips(out)
    assert isinstance(clips, ShardClips)
    share = clips.share(rank, world)
    order = Order(len(share), seed=0)
    frames = int(clips.table.length[0])
    for start in range(0, len(share), BATCH):
        places = [order.at(p) for p in range(start, min(start + BATCH, len(share)))]
        chosen = share[places]
        batch = clips.batch(chosen, np.zeros_like(chosen), frames)
        found = np.ascontiguousarray(batch[:, 0, 0, :4, 0]).view(">u4")[:, 0]
        assert np.array_equal(found, chosen)
    return len(share)


def measured(job: Callable[..., int], *arguments: Any) -> dict[str, float]:
    """Clips a second, and how much a fresh process grew by the job."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    count = job(*arguments)
    seconds = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "seconds": round(seconds, 2),
        "clips_per_s": round(count / seconds),
        "grown_mib": round(grown * 1024 / MIB, 1),
        "peak_mib": round((before + grown) * 1024 / MIB, 1),
    }


def run(out: Path, clips: int, options: argparse.Namespace) -> dict[str, Any]:
    """Write and read one set, each in processes of its own."""
    spawn = get_context("spawn")

    def alone(*work: Any) -> dict[str, float]:
        with ProcessPoolExecutor(1, spawn) as pool:
            return pool.submit(measured, *work).result()

    shards = min(options.shards, clips)
    size = (options.size, options.channels, options.frames)
    result: dict[str, Any] = {"clips": clips, "shards": shards}
    result["write"] = alone(write, out, clips, *size, shards)
    result["mib_on_disk"] = round(sum(f.stat().st_size for f in out.iterdir()) / MIB)
    start = time.perf_counter()
    open_clips(out)
    result["open_s"] = round(time.perf_counter() - start, 4)
    result["read"] = alone(read, out)
    with ProcessPoolExecutor(2, spawn) as pool:
        halves = [pool.submit(measured, read, out, rank, 2) for rank in range(2)]
        result["read_by_two"] = [half.result() for half in halves]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--out", type=Path, help="where to write; default: a temporary folder")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.out))
    try:
        for clips in sorted({min(1000, options.clips), options.clips}):
            print(json.dumps(run(folder / str(clips), clips, options), indent=2))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
