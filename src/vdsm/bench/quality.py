"""How soon a training swaps right: it keeps its weights some times, and judges see them afterwards.

So what judging takes is no part of what training cost. The swaps are of clips for validation, which
nothing learned from; judges learned from real training clips alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from vdsm.bench.curve import Curve, Point
from vdsm.bench.kept import Kept, KeptRun
from vdsm.config import RunConfig
from vdsm.data.clips import Clips
from vdsm.device import full_float32, pick_device
from vdsm.errors import InputError
from vdsm.evaluate import judge_floor, swap
from vdsm.evaluate.asked import system_of
from vdsm.evaluate.cache import judges_for
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Inputs, prepare
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Judges
from vdsm.evaluate.result import Numbers
from vdsm.evaluate.run import MOST_TRAIN
from vdsm.evaluate.sample import draw_sample
from vdsm.evaluate.seeds import integer
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Progress
from vdsm.protocol import Encodes, missing
from vdsm.store.open import open_model
from vdsm.train.loop import Events, train
from vdsm.train.method import Method, Size

NEVER = 10**9  # steps between pictures


@dataclass(frozen=True)
class Wanted:
    """The training to be measured."""

    method: Method
    config: RunConfig
    preset: str
    size: Size
    points: int  # moments at which weights are kept, about


@dataclass(frozen=True)
class Jury:
    """Judges, and the clips whose swaps they see."""

    inputs: Inputs
    judges: Judges
    settings: Settings
    progress: Progress

    @classmethod
    def of(
        cls, clips: Clips, frames: int, settings: Settings, cache: Path | None, progress: Progress
    ) -> "Jury":
        """Those that `vdsm evaluate --split validation` has of a model trained on such clips."""
        sample = draw_sample(
            clips, frames, MOST_TRAIN, len(clips), settings.seed, measured="validation"
        )
        if not sample.labels:
            raise InputError(
                f"{clips.path} says neither who nor what its clips show: no judge can say which "
                "swaps are right"
            )
        inputs = prepare(**sample.arguments())
        return cls(inputs, judges_for(inputs, settings, cache, progress), settings, progress)

    def accuracies(self, model: nn.Module) -> dict[str, float]:
        """Factor -> accuracy on real clips; InputError below the floor."""
        found = judge_floor.measure(self._context(model))
        return {name.removesuffix(".accuracy"): number.value for name, number in found.items()}

    @full_float32()
    def swaps(self, model: Any) -> Numbers:
        """`joint`, `identity`, `action` and more of swaps between all pairs of clips."""
        model.precision = "fp32"  # as in every evaluation
        return swap.measure(self._context(model))

    def _context(self, model: nn.Module) -> Context:
        settings = self.settings
        return Context(
            inputs=self.inputs,
            system=system_of(model, self.inputs.real.shape[1], {}),
            judges=self.judges,
            settings=settings,
            features={},
            progress=self.progress,
            bootstrap=Bootstrap(settings.resamples, integer(settings.seed, "bootstrap")),
            cached=lambda _, make: make(),
        )


def require_swaps(wanted: Wanted) -> None:
    """InputError where the method's models swap no clips."""
    reason = missing(wanted.method.build(wanted.config.model), Encodes)
    if reason is not None:
        raise InputError(f"--to-quality counts swaps of clips that are right: {reason}")


def curve_of(
    wanted: Wanted,
    clips: Clips,
    settings: Settings,
    cache: Path | None,
    progress: Progress,
    say: Callable[[str], None],
) -> Curve:
    """Judges first, then the training, then the swaps of every moment that was kept."""
    assert clips.path is not None
    require_swaps(wanted)
    method, begun = wanted.method, time.process_time()
    jury = Jury.of(clips, method.frames(wanted.config), settings, cache, progress)
    accuracies = jury.accuracies(method.build(wanted.config.model))
    judging = time.process_time() - begun
    with TemporaryDirectory() as folder:
        kept = trained(wanted, clips, Path(folder) / "run", say)
        begun = time.process_time()
        points = [point(jury, one, pick_device(settings.device)) for one in kept]
        judging += time.process_time() - begun
    return Curve(
        method=method.name,
        title=method.title,
        preset=wanted.preset,
        size=wanted.size,
        seed=wanted.config.seed,
        dataset=clips.info.name,
        fingerprint=clips.fingerprint,
        n=len(jury.inputs.test),
        judges=accuracies,
        judging_seconds=judging,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        points=points,
    )


def trained(wanted: Wanted, clips: Clips, path: Path, say: Callable[[str], None]) -> list[Kept]:
    """The weights of a training from its start to its end, with what they cost."""
    assert clips.path is not None
    method, config = wanted.method, wanted.config
    steps = sum(stage.settings.steps for stage in method.stages(config))
    every = max(1, steps // wanted.points)
    config = replace(
        config,
        log_every=every,
        picture_every=NEVER,
        checkpoint_every=every,
        checkpoint_seconds=0.0,
    )
    run = KeptRun.create(path, config, clips.path, wanted.preset, wanted.size, method.name)
    assert isinstance(run, KeptRun)

    def shown(record: dict[str, Any]) -> None:
        run.told.take(record)
        cpu, seen = record["cpu_seconds"], record["clips_seen"]
        say(f"{record['name']} {record['step']}/{record['steps']}: {cpu:,.0f} CPU s, {seen:,}")

    train(run, clips, Events(on_metrics=shown, on_message=say))
    return run.kept


def point(jury: Jury, kept: Kept, device: torch.device) -> Point:
    """What weights swap right."""
    found = jury.swaps(open_model(kept.folder).to(device))
    values = {name: found[name].value if name in found else None for name in ("identity", "action")}
    return Point(
        clips_seen=kept.clips_seen,
        cpu_seconds=kept.cpu_seconds,
        seconds=kept.seconds,
        joint=found["joint"].value,
        interval=found["joint"].interval,
        **values,
    )
