"""What a million clips and a hundred million take: disk, network, hours, and what limits.

python benchmarks/scale.py [--hosts 10] [--cores 32] [--gigabits 10] [--size 64]

Measures on one core of this machine what a clip takes to decode (3 seconds of 320 x 240 pixels,
H.264), to encode (the shipped model `sprites`, on frames of 64 pixels), and what the process that
asks takes of each result that comes over Ray. The rest is arithmetic, printed as a table. CPU
seconds are counted, the least of some rounds, so that other work on the machine adds little.
"""

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import torch

from vdsm.data.folder.decode import _append
from vdsm.data.folder.extract import Job, Recipe, extract
from vdsm.data.folder.item import Item
from vdsm.device import as_video
from vdsm.store.named import load_model
from vdsm.tasks import Where, results

ROUNDS, TASKS, CODES = 3, 1_000, 2_000  # the last: bytes of a clip's codes in Parquet, about
WINDOW = 16  # frames of a clip that are encoded
VIDEO = (75, 240, 320)  # frames, height, width


def least(work: Callable[[], object]) -> float:
    """CPU seconds of this process that work takes, of some rounds the least."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        rounds.append(time.process_time() - begun)
    return min(rounds)


def decode_seconds(size: int) -> tuple[float, int]:
    """Of one video with one thread; and its bytes."""
    count, height, width = VIDEO
    y, x = np.mgrid[:height, :width]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            for t in range(count):
                waves = [np.sin(x / 20 + t / 5), np.cos(y / 30 - t / 7), np.sin((x + y) / 50)]
                frame = (127 + 100 * np.stack(waves, -1)).astype(np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(stream.encode())
        recipe = Recipe(folder, size, "centre", False, None)
        job = Job(Item(path, "clip.mp4"), Path(folder) / "0.u8", recipe, 2, 1)
        assert extract(job).frames == count
        return least(lambda: extract(job)), path.stat().st_size


def encode_seconds(frames: int) -> float:
    """Of one clip, 32 at once, by the shipped model `sprites`."""
    model, _ = load_model("sprites", "cpu")
    clips = as_video(np.zeros((32, frames, 64, 64, 3), np.uint8), torch.device("cpu"))
    return least(lambda: model.encode(clips)) / 32


def writing_seconds(size: int) -> float:
    """CPU seconds of the process that asks, to put so many bytes of a clip behind the others."""
    content = np.zeros(size, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part"

        def write() -> None:
            with open(Path(folder) / "frames.u8", "wb") as store:
                for _ in range(100):
                    part.write_bytes(content.data)
                    _append(part, store)

        return least(write) / 100


def sent(size: int) -> npt.NDArray[np.uint8]:
    return np.zeros(size, np.uint8)


def asking_seconds(size: int) -> float:
    """CPU seconds of the process that asks, for each result of so many bytes."""
    import ray

    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    where = Where(ray="local")  # which is there already
    list(results(sent, [size] * 8, where, sent))
    taken = least(lambda: list(results(sent, [size] * TASKS, where, sent)))
    ray.shutdown()
    return taken / TASKS


@dataclass(frozen=True)
class Cluster:
    """What is at hand."""

    hosts: int
    cores: int  # of a host
    gigabits: float  # a second, of the network of the host that asks

    def hours(self, seconds: float, clips: float) -> float:
        """Of work that takes so long a clip on one core, shared by all cores."""
        return seconds * clips / (self.hosts * self.cores) / 3600

    def wire(self, size: float, clips: float) -> float:
        """Hours in which so many bytes a clip reach the host that asks."""
        return size * clips / (self.gigabits * 1e9 / 8) / 3600


def table(cluster: Cluster, size: int) -> str:
    """For both numbers of clips."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    torch.set_num_threads(1)
    frames = VIDEO[0]
    stored = frames * size**2 * 3
    decode, video = decode_seconds(size)
    encode, asking, told = encode_seconds(WINDOW), asking_seconds(stored), asking_seconds(CODES)
    writing = writing_seconds(stored)
    lines = [
        f"one core: {1000 * decode:.0f} ms to decode a clip of {video // 1000} kB, "
        f"{1000 * encode:.1f} ms to encode {WINDOW} frames; the process that asks: "
        f"{1000 * asking:.2f} + {1000 * writing:.2f} ms to receive and write the "
        f"{stored // 1000} kB of a clip, "
        f"{1000 * told:.2f} ms for {CODES} bytes\n",
        f"| {cluster.hosts} hosts of {cluster.cores} cores | 10^6 clips | 10^8 clips |",
        "|---|---|---|",
    ]
    rows: list[tuple[str, Callable[[float], float], str]] = [
        ("videos as they come", lambda n: video * n / 1e12, "TB"),
        (f"frames.u8 or shards, {frames} x {size} x {size}", lambda n: stored * n / 1e12, "TB"),
        ("codes as Parquet, about", lambda n: CODES * n / 1e12, "TB"),
        ("decoding, all cores", lambda n: cluster.hours(decode, n), "h"),
        ("frames to the host that asks, network", lambda n: cluster.wire(stored, n), "h"),
        ("receiving them, its one process", lambda n: asking * n / 3600, "h"),
        ("writing them, its one process", lambda n: writing * n / 3600, "h"),
        ("encoding, all cores", lambda n: cluster.hours(encode, n), "h"),
        ("codes to the host that asks, network", lambda n: cluster.wire(CODES, n), "h"),
    ]
    for name, of, unit in rows:
        lines.append(f"| {name} | " + " | ".join(f"{of(n):.3g} {unit}" for n in (1e6, 1e8)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--cores", type=int, default=32)
    parser.add_argument("--gigabits", type=float, default=10)
    parser.add_argument("--size", type=int, default=64)
    asked = parser.parse_args()
    print(table(Cluster(asked.hosts, asked.cores, asked.gigabits), asked.size))
