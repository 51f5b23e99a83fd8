"""One size of the model, timed: both stages' steps, their parts, generation, encoding."""

import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vdsm.bench import work
from vdsm.bench.timing import best
from vdsm.bench.work import Work
from vdsm.data.clips import Clips, Frames, Info, Table
from vdsm.device import as_video, autocast
from vdsm.methods.vdsm.additions.bounds import Views
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.stages import stages
from vdsm.notation import Video
from vdsm.train.capture import NEVER, WARM, Given, Turn, asked_for
from vdsm.train.loop import plainly
from vdsm.train.stage import Stage
from vdsm.train.step import Bound, Outcome, make_optimizer
from vdsm.video import write_clips

INDIVIDUALS, CLIPS_EACH, FRAMES = 32, 2, 16  # of the synthetic dataset
GENERATED, GENERATED_FRAMES = 20, 8  # as the paper's timing
PROGRESS = 0.5  # where in its schedules a stage is timed


@dataclass(frozen=True)
class Timed:
    """Seconds measured, and the work that was done in them."""

    seconds: float
    work: Work


Measured = dict[str, Timed]


class SyntheticClips(Clips):
    """Random frames in memory."""

    def __init__(self, size: int, channels: int, frames: int = FRAMES) -> None:
        n = INDIVIDUALS * CLIPS_EACH
        group = np.arange(n) // CLIPS_EACH
        table = Table(np.full(n, frames), group, np.zeros(n, np.int64), {})
        super().__init__(Info("synthetic", size, channels), table)
        shape = (n, frames, size, size, channels)
        self.frames: Frames = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def read(self, clip: int, start: int, frames: int) -> Frames:
        return self.frames[clip, start : start + frames]


@dataclass(frozen=True)
class Bench:
    """What all measurements of a size share."""

    config: Any  # of the method
    device: torch.device
    bf16: bool
    repeats: int
    capture: str = NEVER  # whether turns are replayed, as a run says it

    def best(self, function: Callable[[], object]) -> float:
        return best(function, self.device, self.repeats)

    def turn(self, stage: Stage, model: nn.Module) -> Callable[[Given], Outcome]:
        """How a player of the stage takes its turn."""
        recorder = asked_for(self.capture, stage, self.device, 1, say)
        return plainly if recorder is None else Turn(recorder, stage, model).take

    def best_turn(self, turn: Callable[[], object]) -> float:
        """The same of a turn, which may be recorded first."""
        for _ in range(0 if self.capture == NEVER else WARM + 1):
            turn()
        return self.best(turn)


def say(line: str) -> None:
    """On standard error."""
    print(f"note: {line}", file=sys.stderr)


def measure(bench: Bench) -> tuple[Measured, float]:
    """Every time of a size by name, and the peak memory in MiB.

    stage<k>_step, with its parts as stage<k>_step.<part>; generate_20; encode (one frame).
    """
    torch.manual_seed(0)
    config: Config = bench.config
    model = VDSM(config.model).to(bench.device)
    clips = SyntheticClips(config.model.size, config.model.channels)
    measured: Measured = {}
    for stage in (stage for stage in stages(config) if stage.paint is not None):
        measured |= time_stage(bench, model, stage, clips)
    model.requires_grad_(False).eval()
    model.precision = "bf16" if bench.bf16 else "fp32"
    return measured | time_use(bench, model), peak_mib(bench.device)


def time_stage(bench: Bench, model: VDSM, stage: Stage, clips: Clips) -> Measured:
    """The training step of the loop, and its parts by themselves."""
    settings, config = stage.settings, bench.config.model
    name = f"{stage.name}_step"
    (player,) = stage.players
    optimizer, bound = make_optimizer(model, player, settings.lr), Bound(player, model)
    schedule = stage.schedule(PROGRESS)
    stage.take(model, schedule.values)
    sampler, rng = stage.sampler(clips), np.random.default_rng(0)
    generator = torch.Generator(bench.device).manual_seed(0)

    def load() -> torch.Tensor:
        return as_video(sampler.draw(rng, settings.batch).target, bench.device)

    turn = bench.turn(stage, model)
    told = (generator, schedule.weights, schedule.values, bench.bf16)

    def step() -> None:
        turn(Given(bound, optimizer, Views(load()), *told, clip=settings.clip))

    whole = Timed(bench.best_turn(step), work.step(model, stage.name, settings.batch, stage.frames))
    adam = Timed(bench.best(optimizer.step), work.optimizer(model))
    optimizer.zero_grad(set_to_none=True)

    x = load()
    times = 3 if stage.name == "stage1" else 1
    encoder = times * work.encoder(config, x.shape[0] * x.shape[1])
    decoder = 3 * work.decoder(config, x.shape[0], x.shape[1])
    s = torch.randn(len(x), config.identity_dim, device=bench.device, requires_grad=True)
    z = torch.randn(*x.shape[:2], config.pose_dim, device=bench.device, requires_grad=True)
    parts = {
        "load": Timed(bench.best(load), Work()),
        "encoder": Timed(bench.best(lambda: pull(bench, lambda: model.encoder(x))), encoder),
        "decoder": Timed(
            bench.best(lambda: pull(bench, lambda: model.decoder(s, z, model.inverse_temperature))),
            decoder,
        ),
        "optimizer": adam,
    }
    rest = max(0.0, whole.seconds - sum(part.seconds for part in parts.values()))
    parts["rest"] = Timed(rest, Work())
    model.zero_grad(set_to_none=True)
    return {name: whole} | {f"{name}.{part}": timed for part, timed in parts.items()}


def pull(bench: Bench, forward: Callable[[], torch.Tensor]) -> None:
    """A forward pass, and a backward pass where something is to be learned."""
    with autocast(bench.device, bench.bf16):
        y = forward()
    if y.requires_grad:
        y.backward(torch.ones_like(y))  # type: ignore[no-untyped-call]


def time_use(bench: Bench, model: VDSM) -> Measured:
    """Generation of 20 clips of 8 frames, saved as GIFs; encoding, per frame."""
    config = bench.config.model
    x = torch.rand(GENERATED, GENERATED_FRAMES, config.channels, config.size, config.size)
    x = x.to(bench.device)
    frames = GENERATED * GENERATED_FRAMES

    drawing = work.decoder(config, GENERATED, GENERATED_FRAMES)
    seconds = bench.best(lambda: save_gifs(model.generate(GENERATED, GENERATED_FRAMES)))
    generation = Timed(seconds, drawing)
    seconds = bench.best(lambda: model.encode(x)) / frames
    reading = work.encoder(config, 1) + 1 / frames * work.sequence(
        model, GENERATED, GENERATED_FRAMES
    )
    return {"generate_20": generation, "encode": Timed(seconds, reading)}


def save_gifs(drawn: Video) -> None:
    """Write clips [B, T, C, H, W] to files that nobody keeps."""
    with tempfile.TemporaryDirectory() as folder:
        for i, clip in enumerate(drawn.permute(0, 1, 3, 4, 2).cpu().numpy()):
            write_clips(Path(folder) / f"{i}.gif", clip)


def peak_mib(device: torch.device) -> float:
    """The most memory this process has held, on the GPU where one is used."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
