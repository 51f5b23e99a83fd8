"""One size of any method, timed: every stage's step, its players' turns, generation, encoding.

The work beside it is what torch counts of convolutions and matmuls (`flop_counter`), which
leaves recurrent networks out: a floor that is too low, never too high.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from vdsm.bench.size import (
    FRAMES,
    GENERATED,
    GENERATED_FRAMES,
    PROGRESS,
    Bench,
    Measured,
    SyntheticClips,
    Timed,
    save_gifs,
)
from vdsm.bench.work import ADAM_BYTES, Work
from vdsm.notation import Share
from vdsm.protocol import Encodes, Generates
from vdsm.train.capture import Given
from vdsm.train.loop import plainly
from vdsm.train.method import Method
from vdsm.train.stage import Opening, Stage
from vdsm.train.step import Bound, make_optimizers, train_only

CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)


def measure_method(bench: Bench, method: Method) -> Measured:
    """Every time by name: <stage>_step, its parts as <stage>_step.<part>; generate_20; encode."""
    torch.manual_seed(0)
    model = method.build(bench.config.model).to(bench.device)
    measured: Measured = {}
    for stage in (stage for stage in method.stages(bench.config) if stage.paint is not None):
        measured |= time_stage(bench, model, stage)
    model.requires_grad_(False).eval()
    return measured | time_use(bench, model)


def time_stage(bench: Bench, model: nn.Module, stage: Stage) -> Measured:
    """What a batch takes to load, and the turn of every player on it."""
    c = bench.config.model
    clips = SyntheticClips(c.size, c.channels, max(FRAMES, stage.frames))
    schedule, rows = stage.schedule(PROGRESS), stage.settings.batch
    stage.take(model, schedule.values)
    sampler = stage.sampler(clips)
    opening = Opening(sampler, model, schedule.values, bench.device, bench.bf16, seed=0)
    source, rng, noise = stage.source(opening), np.random.default_rng(0), Share(bench.device)
    noise.rows, noise.mine = rows, slice(0, rows)

    def load() -> Any:
        return source.batch(source.draw(rng, rows, noise.mine), noise, schedule.values)

    batch, optimizers = load(), make_optimizers(model, stage)
    parts = {"load": Timed(bench.best(load), Work())}
    for player in stage.players:
        train_only(model, player)
        given = Given(
            Bound(player, model),
            optimizers[player.name],
            batch,
            noise,
            stage.weights(player, schedule),
            schedule.values,
            bench.bf16,
            clip=stage.settings.clip,
        )
        turn = partial(bench.turn(stage, model), given)
        work = counted(partial(plainly, given)) + Work(bytes=ADAM_BYTES * trained(model))
        parts[player.name] = Timed(bench.best_turn(turn), work)
    model.zero_grad(set_to_none=True)
    name = f"{stage.name}_step"
    whole = Timed(sum(p.seconds for p in parts.values()), sum_of([p.work for p in parts.values()]))
    return {name: whole} | {f"{name}.{part}": timed for part, timed in parts.items()}


def time_use(bench: Bench, model: nn.Module) -> Measured:
    """Generation of 20 clips, saved as GIFs, and encoding, a frame: as far as the model can."""
    c, measured = bench.config.model, Measured()
    frames = min(GENERATED_FRAMES, getattr(c, "frames", GENERATED_FRAMES))
    if isinstance(model, Generates):
        draw = model.generate
        work = counted(lambda: draw(GENERATED, frames))
        seconds = bench.best(lambda: save_gifs(draw(GENERATED, frames)))
        measured["generate_20"] = Timed(seconds, work)
    if isinstance(model, Encodes):
        encode = model.encode
        x = torch.rand(GENERATED, GENERATED_FRAMES, c.channels, c.size, c.size).to(bench.device)
        share = 1 / (GENERATED * GENERATED_FRAMES)
        work = share * counted(lambda: encode(x))
        measured["encode"] = Timed(share * bench.best(lambda: encode(x)), work)
    return measured


def counted(function: Callable[[], object]) -> Work:
    """The arithmetic of a call."""
    with Operations() as counter:
        function()
    conv = sum(count for operation, count in counter.flops.items() if operation in CONVOLUTIONS)
    return Work(conv_flops=conv, matmul_flops=sum(counter.flops.values()) - conv)


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations as torch's FlopCounterMode does, by its formulas.

    Without its hooks on modules, which a gradient within a bound (R1) does not go through.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops: Counter[Any] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        operation = func._overloadpacket
        if (formula := flop_registry.get(operation)) is not None:
            self.flops[operation] += formula(*args, **(kwargs or {}), out_val=out)
        return out


def trained(model: nn.Module) -> int:
    """Parameters of whose turn it is."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def sum_of(works: list[Work]) -> Work:
    """All of it."""
    total = Work()
    for work in works:
        total = total + work
    return total
