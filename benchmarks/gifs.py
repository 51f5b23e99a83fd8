"""Saving clips as GIF: CPU time, bytes and likeness of 20 clips of 8 frames of 64 x 64 pixels.

python benchmarks/gifs.py                     as it is
python benchmarks/gifs.py --beside 165e790    and as it was at a commit, in turns
"""

import argparse
import importlib.util
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from vdsm import figures
from vdsm.store.named import load_model
from vdsm.video import read_video
from vdsm.video.limits import Frames
from vdsm.video.write import gif_bytes

CLIPS, FRAMES, SIZE, FPS, ROUNDS = 20, 8, 64, 8.0, 5
Writer = Callable[[Frames, float], bytes]


def faces() -> list[Frames]:
    """Smooth coloured slopes, a light spot that moves, and the grain of a camera."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    clips = []
    for seed in range(CLIPS):
        rng = np.random.default_rng(seed)
        phase = rng.uniform(0, 6, (3, 2))
        waves = [np.sin(3 * x + a) + np.cos(4 * y * x + b) for a, b in phase]
        base = 0.5 + 0.2 * np.stack(waves, -1)
        spots = [np.exp(-20 * ((x - 0.5 - 0.02 * t) ** 2 + (y - 0.5) ** 2)) for t in range(FRAMES)]
        light = np.stack(spots)[..., None] * [0.2, 0.14, 0.1]
        clip = base + light + rng.normal(0, 0.02, (FRAMES, SIZE, SIZE, 3))
        clips.append((np.clip(clip, 0, 1) * 255).astype(np.uint8))
    return clips


def sprites() -> list[Frames]:
    """As the shipped model draws them."""
    model, _ = load_model("sprites", "cpu")
    drawn = model.generate(CLIPS, FRAMES, torch.Generator().manual_seed(0))
    return list(figures.pixels(drawn))


def noise() -> list[Frames]:
    shape = (CLIPS, FRAMES, SIZE, SIZE, 3)
    return list(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))


def blocks() -> list[Frames]:
    """Few colours, which stay exact."""
    return [clip // 64 * 64 for clip in faces()]


def writer_at(commit: str) -> Writer:
    """`gif_bytes` of an earlier src/vdsm/video/write.py."""
    shown = ["git", "show", f"{commit}:src/vdsm/video/write.py"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "write.py"
        file.write_bytes(subprocess.run(shown, check=True, capture_output=True).stdout)
        spec = importlib.util.spec_from_file_location("write_before", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    before: Writer = module.gif_bytes
    return before


def likeness(clips: list[Frames], gifs: list[bytes]) -> float:
    """Mean PSNR in dB; infinite where all are exact."""
    errors = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.gif"
        for clip, gif in zip(clips, gifs, strict=True):
            path.write_bytes(gif)
            errors.append(((read_video(path).astype(float) - clip) ** 2).mean())
    with np.errstate(divide="ignore"):
        return float(np.mean(10 * np.log10(255**2 / np.array(errors))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", metavar="COMMIT", help="an earlier commit to compare with")
    beside = parser.parse_args().beside
    writers = {"now": gif_bytes} | ({beside: writer_at(beside)} if beside else {})
    for kind in (sprites, faces, noise, blocks):
        clips = kind()
        best = dict.fromkeys(writers, float("inf"))
        gifs: dict[str, list[bytes]] = {}
        for _ in range(ROUNDS):
            for name, write in writers.items():
                start = time.process_time()
                gifs[name] = [write(clip, FPS) for clip in clips]
                best[name] = min(best[name], time.process_time() - start)
        for name in writers:
            size, psnr = sum(map(len, gifs[name])), likeness(clips, gifs[name])
            shown = f"{1000 * best[name]:5.0f} ms  {size:9,d} bytes  {psnr:5.2f} dB"
            print(f"{kind.__name__:8} {name:8} {shown}", flush=True)


if __name__ == "__main__":
    main()
