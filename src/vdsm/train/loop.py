"""The one training loop, for all stages. Resuming is exact: a step is a function of its number."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vdsm import schedules
from vdsm.data.clips import Clips
from vdsm.device import pick_device, use_bf16
from vdsm.errors import InputError, is_out_of_memory
from vdsm.methods.fit_readout import finish
from vdsm.methods.vdsm.additions.pose_bound import PoseSource
from vdsm.methods.vdsm.additions.views import FrameSource
from vdsm.methods.vdsm.additions.whitened_start import start_from_data
from vdsm.methods.vdsm.config import Config, PosesConfig
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.stages import Stage, stages
from vdsm.notation import Share
from vdsm.store.run import POINTER, Run
from vdsm.train.ahead import Prefetch, Steps, helpers_for
from vdsm.train.batches import stage_seed, step_seed
from vdsm.train.pictures import Painter
from vdsm.train.processes import ALONE, Processes
from vdsm.train.step import Bound, Outcome, make_optimizer, take_step
from vdsm.version import __version__

MOST_RETRIES = 5
SLOWER = 0.5  # factor on the learning rate after a step that was not finite
PLAIN = ("stage", "step", "slower", "attempt", "failures", "seconds")  # numbers of a State


class Stopped(Exception):
    """Training was asked to stop; everything is saved."""


class Diverged(Exception):
    """Training went non-finite several times in a row; the last good checkpoint is kept."""


@dataclass
class State:
    """What changes as training goes on; a checkpoint holds exactly this."""

    model: VDSM
    optimizer: torch.optim.Optimizer | None = None  # of the current stage
    stage: int = 0  # index into stages(config); their number when finished
    step: int = 0  # of that stage, the next to do
    slower: float = 1.0  # factor on the learning rate
    attempt: int = 0  # retries so far; part of the seed, so that a retry sees other noise
    failed_at: tuple[int, int] = (-1, -1)  # stage and step of the last failure
    failures: int = 0  # in a row, without getting past it
    seconds: float = 0.0  # of training so far by the clock, stops and retreats left out

    def dump(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        fields = {k: getattr(self, k) for k in PLAIN}
        optimizer = None if self.optimizer is None else self.optimizer.state_dict()
        more = {"failed_at": list(self.failed_at), "optimizer": optimizer, "version": __version__}
        return fields | more | {"model": self.model.state_dict()}

    def load(self, saved: dict[str, Any], config_stages: tuple[Stage, ...]) -> None:
        """Take over what `dump` gave; an optimizer is of the stage that was reached."""
        self.model.load_weights(saved["model"])
        for name in PLAIN:
            setattr(self, name, saved[name])
        self.failed_at = tuple(saved["failed_at"])
        self.optimizer = None
        if saved["optimizer"] is not None:
            self.optimizer = make_optimizer(self.model, config_stages[self.stage])
            self.optimizer.load_state_dict(saved["optimizer"])


@dataclass
class Events:
    """What a caller may watch; all default to nothing."""

    on_metrics: Callable[[dict[str, Any]], None] = field(default=lambda _: None)
    on_message: Callable[[str], None] = field(default=lambda _: None)
    should_stop: Callable[[], bool] = field(default=lambda: False)


def train(
    run: Run, clips: Clips, events: Events | None = None, processes: Processes = ALONE
) -> VDSM:
    """Train all stages, from the run's newest checkpoint if it has one. Returns the model.

    Of several processes the first alone touches the run's folder, so the others need not see it;
    give events that show something to the first alone.
    Raises Stopped (saved, may be resumed) or Diverged.
    """
    events = events or Events()
    config = run.config
    device = pick_device(config.device)
    plan = stages(config)
    require_rows(plan, processes)
    torch.manual_seed(config.seed)
    state = State(VDSM(config.model).to(device))
    processes.once(run.clear_up)
    if not restore(run, plan, state, processes) and processes.once(lambda: bool(run.metrics())):
        events.on_message(f"{run.path} has no checkpoint: training begins with the first step anew")
    processes.once(lambda: run.forget_after(state.stage, state.step))
    with closing(Prefetch()) as prefetch:
        while state.stage < len(plan):
            run_stage(run, clips, plan, state, events, device, processes, prefetch)
    if state.model.identity_aggregate.fitted:  # finished before, but weights may be damaged since
        processes.once(lambda: state.model.save_pretrained(run.path))
    else:
        found = processes.once(lambda: complete(run, clips, state))
        state.model.load_state_dict(found, strict=False)
    return state.model.eval()


def complete(run: Run, clips: Clips, state: State) -> dict[str, Tensor]:
    """Fit what is fitted last, and write the weights; they are written before the run is finished.

    Returns what was fitted, on the CPU.
    """
    finish(state.model, clips, run.config)
    state.model.save_pretrained(run.path)
    run.save(state.dump(), "finished")
    tensors = state.model.state_dict().items()
    return {name: value.cpu() for name, value in tensors if "_aggregate." in name}


def run_stage(
    run: Run,
    clips: Clips,
    plan: tuple[Stage, ...],
    state: State,
    events: Events,
    device: torch.device,
    processes: Processes,
    prefetch: Prefetch,
) -> None:
    """From the state's step to the end of its stage."""
    config, stage = run.config, plan[state.stage]
    model = state.model
    batch_size = stage.settings.batch
    if stage.rows_independent:
        mine, share = processes.rows(batch_size), processes.weight(batch_size)
    else:  # every process computes the whole batch
        mine, share = slice(0, batch_size), 1.0
    painters: list[Painter] = []  # of the first process
    if stage.shows_frames:
        folder = run.path / "pictures"
        processes.once(lambda: painters.append(Painter(folder, clips, device, stage.frames)))
    bf16 = use_bf16(config.precision, device, stage.small)
    if state.optimizer is None:
        if stage.name == "stage1" and config.stage1.start != "random":
            start_from_data(model, clips, config)
        state.optimizer = make_optimizer(model, stage)
        save(run, state, stage, processes)
    optimizer, saved = state.optimizer, time.perf_counter()
    started = saved - state.seconds
    source = open_source(clips, state, stage, config, device)
    bound = processes.parallel(Bound(stage, model))
    draw = partial(source.draw, rows=batch_size, mine=mine)
    helpers = helpers_for(device) if isinstance(source, FrameSource) else 0
    drawn = prefetch.start(*ahead(draw, state, stage, config), helpers)
    healthy = torch.ones((), dtype=torch.bool, device=device)

    while state.step < stage.settings.steps:
        # 1. The schedules and the learning rate.
        progress = state.step / stage.settings.steps
        annealed = stage.anneal(progress)
        model.sharpness.fill_(annealed.sharpness)
        lr = stage.settings.lr * state.slower * decay(progress, stage.settings.decay)
        lr *= min(1.0, (state.step + 1) / (stage.settings.warmup + 1))
        for group in optimizer.param_groups:
            group["lr"] = lr * group.get("relative", 1.0)

        # 2. The batch and the noise: functions of seed, stage, step and attempt alone. Of several
        #    processes each takes its rows of both.
        generator = Share(device)
        generator.rows, generator.mine = batch_size, mine
        generator.manual_seed(step_seed(config.seed, state.stage, state.step, state.attempt))
        batch = source.batch(next(drawn), generator, annealed.redrawn)

        # 3. The bound, its gradient, the step.
        weights, clip = annealed.weights, stage.settings.clip
        outcome = take_step(bound, optimizer, batch, generator, weights, bf16, share, clip)
        healthy &= outcome.finite
        state.step += 1

        # 4. Metrics, pictures, checkpoints. Only here does the host wait for the device.
        stop = processes.any(events.should_stop())
        last = state.step == stage.settings.steps
        log_now = last or state.step % config.log_every == 0
        paint_now = last or state.step % config.picture_every == 0
        save_now = stop or (
            state.step % config.checkpoint_every == 0
            and processes.any(time.perf_counter() - saved >= config.checkpoint_seconds)
        )
        if (log_now or paint_now or save_now) and processes.any(not healthy):
            retreat(run, plan, state, events, processes)
            optimizer, healthy = state.optimizer, torch.ones_like(healthy)
            started = time.perf_counter() - state.seconds
            drawn = prefetch.start(*ahead(draw, state, stage, config), helpers)
            continue
        state.seconds = time.perf_counter() - started
        if log_now:
            record = measure(state, outcome, annealed.weights, processes)
            record |= {"name": stage.name, "steps": stage.settings.steps, "lr": lr}
            record |= {"sharpness": annealed.sharpness, "seconds": state.seconds}
            processes.once(partial(tell, run, events, record))
        if paint_now and stage.shows_frames:
            processes.once(lambda: painters[0].paint(model, stage.name, state.step))
        if save_now:
            save(run, state, stage, processes)
            saved = time.perf_counter()
        if stop:
            raise Stopped(f"stopped in {stage.name} after step {state.step}")

    state.stage, state.step, state.optimizer = state.stage + 1, 0, None
    state.slower = 1.0
    save(run, state, stage, processes)


def tell(run: Run, events: Events, record: dict[str, Any]) -> None:
    """Write down and show a line of metrics."""
    run.log(record)
    events.on_metrics(record)


def require_rows(plan: tuple[Stage, ...], processes: Processes) -> None:
    """InputError where the batch of any stage is too small for so many processes."""
    for stage in plan:
        if stage.rows_independent:
            processes.rows(stage.settings.batch)


def ahead(
    draw: Callable[[np.random.Generator], Any], state: State, stage: Stage, config: Config
) -> tuple[Steps[Any], range]:
    """What the steps from the state's on read, and which these are."""
    steps = Steps(draw, config.seed, state.stage, state.attempt)
    return steps, range(state.step, stage.settings.steps)


def open_source(
    clips: Clips, state: State, stage: Stage, config: Config, device: torch.device
) -> FrameSource | PoseSource:
    """Where the batches of a stage come from: frames, or poses that are found now."""
    apart, model = config.separation, state.model
    bf16 = use_bf16(config.precision, device)  # frames are never small
    frames = FrameSource(stage.sampler(clips), model, apart, device, bf16, stage.shows_frames)
    if not isinstance(stage.settings, PosesConfig):
        return frames
    start = stage.anneal(0.0)
    model.sharpness.fill_(start.sharpness)
    seed = stage_seed(config.seed, state.stage)
    segments = stage.settings.segments
    return PoseSource.find(frames, segments, start.redrawn, apart.views_agree, seed)


def save(run: Run, state: State, stage: Stage, processes: Processes) -> None:
    """A checkpoint to resume from, and the weights as `VDSM.from_pretrained` reads them."""

    def write() -> None:
        run.save(state.dump(), f"{stage.name}-{'end' if state.optimizer is None else state.step}")
        state.model.save_pretrained(run.path)

    processes.once(write)


def restore(run: Run, plan: tuple[Stage, ...], state: State, processes: Processes) -> bool:
    """Bring the state to the run's newest checkpoint; False if it has none."""
    saved = processes.once(run.restore)
    if saved is not None:
        processes.each(lambda: take_up(run, plan, state, saved))
    return saved is not None


def take_up(run: Run, plan: tuple[Stage, ...], state: State, saved: dict[str, Any]) -> None:
    """Bring the state to a checkpoint; InputError where another version wrote it."""
    try:
        state.load(saved, plan)
    except (LookupError, RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        version = saved.get("version", "an earlier version")
        raise InputError(
            f"the checkpoint in {run.path}, written by vdsm {version}, does not fit what "
            f"{__version__} makes of run.json: take that version, or delete {run.path / POINTER} "
            "to train from the first step anew"
        ) from error


def measure(
    state: State, outcome: Outcome, weights: dict[str, float], processes: Processes
) -> dict[str, Any]:
    """One line of metrics: the loss, every term in nats per sequence, every weight."""
    means = {"loss": outcome.loss} | outcome.means
    record: dict[str, Any] = {"stage": state.stage, "step": state.step}
    record |= {name: processes.mean(mean).item() for name, mean in means.items()}
    record |= {f"weight.{name}": weight for name, weight in weights.items()}
    return record | {"gradient_norm": outcome.norm.item()}


def retreat(
    run: Run, plan: tuple[Stage, ...], state: State, events: Events, processes: Processes
) -> None:
    """Go back to the last good checkpoint and try again more slowly, or give up."""
    here = (state.stage, state.step)
    failures = state.failures + 1 if here <= state.failed_at else 1
    attempt, slower = state.attempt + 1, state.slower * SLOWER
    failed_at = max(here, state.failed_at)
    name, lr = plan[state.stage].name, plan[state.stage].settings.lr
    if failures > MOST_RETRIES:
        raise Diverged(
            f"{name} was not finite {failures} times in a row near step {here[1]}, the last time "
            f"at learning rate {lr * state.slower:.1e}: start anew with a lower --{name}.lr"
        )
    restore(run, plan, state, processes)  # a stage saves before its first step
    processes.once(lambda: run.forget_after(state.stage, state.step))
    state.attempt, state.slower, state.failures = attempt, slower, failures
    state.failed_at = failed_at
    events.on_message(
        f"{name} step {here[1]}: the loss or its gradient is not finite; going back to step "
        f"{state.step} with learning rate {lr * slower:.1e}"
    )


def decay(progress: float, share: float) -> float:
    """Factor on the learning rate: 1, then half a cosine to 0 over the last `share`."""
    if share == 0 or progress < 1 - share:
        return 1.0
    return schedules.half_cosine((progress - 1 + share) / share, 1.0, 0.0)
