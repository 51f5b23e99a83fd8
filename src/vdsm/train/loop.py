"""The one training loop, for all methods. Resuming is exact: a step is a function of its number."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vdsm import schedules
from vdsm.config import RunConfig, StageConfig
from vdsm.data.clips import Clips
from vdsm.device import pick_device, use_bf16
from vdsm.errors import InputError, is_out_of_memory
from vdsm.notation import Share
from vdsm.train import capture
from vdsm.train.ahead import Prefetch, Steps, helpers_for
from vdsm.train.batches import stage_seed, step_seed
from vdsm.train.course import Course
from vdsm.train.ends import Ends
from vdsm.train.folder import RunFolder
from vdsm.train.held_out import held_out
from vdsm.train.pictures import Painter
from vdsm.train.processes import ALONE, Processes
from vdsm.train.stage import Opening, Schedule, Source, Stage
from vdsm.train.step import Bound, Outcome, make_optimizers, take_step, train_only
from vdsm.version import __version__

MOST_RETRIES = 5
FINISHED = "finished"  # the name of the last checkpoint
SLOWER = 0.5  # factor on the learning rate after a step that was not finite
PLAIN = ("stage", "step", "slower", "attempt", "failures", "seconds", "cpu_seconds")  # of a State


class Stopped(Exception):
    """Training was asked to stop; everything is saved."""


class Diverged(Exception):
    """Training went non-finite several times in a row; the last good checkpoint is kept."""


@dataclass
class State:
    """What changes as training goes on; a checkpoint holds exactly this."""

    model: nn.Module
    optimizers: dict[str, torch.optim.Optimizer] = field(default_factory=dict)  # by player
    stage: int = 0  # index into the method's stages; their number when finished
    step: int = 0  # of that stage, the next to do
    slower: float = 1.0  # factor on the learning rate
    attempt: int = 0  # retries so far; part of the seed, so that a retry sees other noise
    failed_at: tuple[int, int] = (-1, -1)  # stage and step of the last failure
    failures: int = 0  # in a row, without getting past it
    seconds: float = 0.0  # of training so far by the clock, stops and retreats left out
    cpu_seconds: float = 0.0  # of this process likewise; nan where an earlier version began
    readout: dict[str, Tensor] = field(default_factory=dict)  # fitted last, if at all
    course: Course = field(default_factory=Course)  # how far the stage is in its schedules

    def dump(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        fields = {k: getattr(self, k) for k in PLAIN}
        more = {"failed_at": list(self.failed_at), "version": __version__, "readout": self.readout}
        more["course"] = self.course.dump()
        optimizers = {name: o.state_dict() for name, o in self.optimizers.items()}
        return fields | more | {"optimizers": optimizers, "model": self.model.state_dict()}

    def load(self, saved: dict[str, Any], plan: tuple[Stage, ...]) -> None:
        """Take over what `dump` gave; optimizers are of the stage that was reached."""
        self.model.load_state_dict(saved["model"])
        for name in PLAIN:
            setattr(self, name, saved[name] if name != "cpu_seconds" else saved.get(name, math.nan))
        self.failed_at, self.readout = tuple(saved["failed_at"]), saved["readout"]
        self.course = course_of(saved, plan)
        self.optimizers = {}
        if saved["optimizers"]:
            self.optimizers = make_optimizers(self.model, plan[self.stage])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(saved["optimizers"][name])


@dataclass
class Events:
    """What a caller may watch; all default to nothing."""

    on_metrics: Callable[[dict[str, Any]], None] = field(default=lambda _: None)
    on_message: Callable[[str], None] = field(default=lambda _: None)
    should_stop: Callable[[], bool] = field(default=lambda: False)


def train(
    run: RunFolder, clips: Clips, events: Events | None = None, processes: Processes = ALONE
) -> nn.Module:
    """Train all stages, from the run's newest checkpoint if it has one. Returns the model.

    Of several processes the first alone touches the run's folder, so the others need not see it;
    give events that show something to the first alone.
    Raises Stopped (saved, may be resumed) or Diverged.
    """
    events = events or Events()
    config = run.config
    device = pick_device(config.device)
    method = run.recipe
    plan = method.stages(config)
    require_rows(plan, processes)
    capture.require(config.capture, plan, device, processes.count)
    torch.manual_seed(config.seed)
    state = State(method.build(config.model).to(device))
    processes.once(run.clear_up)
    if not restore(run, plan, state, processes) and processes.once(lambda: bool(run.metrics())):
        events.on_message(f"{run.path} has no checkpoint: training begins with the first step anew")
    processes.once(lambda: run.forget_after(state.stage, state.step))
    # Before; then the weights alone may be damaged since.
    ended = state.stage == len(plan) and processes.once(lambda: FINISHED in run.pointer.read_text())
    with closing(Prefetch()) as prefetch:
        while state.stage < len(plan):
            run_stage(run, clips, plan, state, events, device, processes, prefetch)
    if not state.readout and method.read_out is not None:
        fit = partial(method.read_out, state.model.eval(), clips, config)
        state.readout, ended = processes.once(fit), False
    model = method.finished(state.model, state.readout, config).eval()
    processes.once(lambda: run.save_weights(model) if ended else complete(run, state, model))
    return model


def complete(run: RunFolder, state: State, model: nn.Module) -> None:
    """Write the weights, then the checkpoint that says the run is finished."""
    run.save_weights(model)
    run.save(state.dump(), FINISHED)


def run_stage(
    run: RunFolder,
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
    model, settings = state.model, stage.settings
    if stage.rows_independent:
        mine, share = processes.rows(settings.batch), processes.weight(settings.batch)
    else:  # every process computes the whole batch
        mine, share = slice(0, settings.batch), 1.0
    painters: list[Painter] = []  # of the first process
    if stage.paint is not None:
        paint, folder = stage.paint, run.path / "pictures"
        processes.once(lambda: painters.append(Painter(folder, clips, device, stage.frames, paint)))
    bf16 = use_bf16(config.precision, device, stage.small)
    clock = Clock(state)
    if not state.optimizers:
        state.course.begin(settings.steps)
        stage.before(model, clips)
        state.optimizers = make_optimizers(model, stage)
        save(run, state, stage, processes)
    saved = time.perf_counter()
    opening = opening_of(clips, state, stage, config, device)
    source = stage.source(opening)
    held = held_out(stage, clips, opening, config) if processes.first else None
    ends = Ends(held, source, stage, events.on_message, processes)
    keep_time(state, clock, config, plan, processes, begin=True)
    asked = (config.capture, stage, device, processes.count)
    recorder = capture.asked_for(*asked, events.on_message)
    turns = Turns(stage, model, processes, recorder)
    generator = Share(device)  # one for all steps: what is replayed draws from it
    generator.rows, generator.mine = settings.batch, mine
    draw = partial(source.draw, rows=settings.batch, mine=mine)
    helpers = helpers_for(device) if source.prefetch else 0
    drawn = prefetch.start(*ahead(draw, state, stage, config), helpers)
    healthy = torch.ones((), dtype=torch.bool, device=device)
    while not state.course.over(state.step, state.seconds):
        # 1. The schedules and the learning rate.
        progress = state.course.progress(state.step, state.seconds)
        schedule = stage.schedule(progress)
        stage.take(model, schedule.values)
        lr = learning_rate(settings, state.step, progress) * state.slower
        for optimizer in state.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get("relative", 1.0)

        # 2. The batch and the noise: functions of seed, stage, step and attempt alone. Of several
        #    processes each takes its rows of both.
        generator.manual_seed(step_seed(config.seed, state.stage, state.step, state.attempt))
        batch = source.batch(next(drawn), generator, schedule.values)

        # 3. Every player's bound, its gradient, its step.
        outcomes = turns.take(state, batch, generator, schedule, bf16, share)
        for outcome in outcomes.values():
            healthy &= outcome.finite
        state.step += 1

        # 4. Metrics, pictures, checkpoints. Only here does the host wait for the device.
        stop = processes.any(events.should_stop())
        keep_time(state, clock, config, plan, processes)
        found = ends.ask(state.course, state.step, state.seconds)
        last = state.course.over(state.step, state.seconds)
        log_now = last or bool(found) or state.step % config.log_every == 0
        paint_now = last or state.step % config.picture_every == 0
        save_now = stop or (
            state.step % config.checkpoint_every == 0
            and processes.any(time.perf_counter() - saved >= config.checkpoint_seconds)
        )
        if (log_now or paint_now or save_now) and processes.any(not healthy):
            retreat(run, plan, state, events, processes)
            healthy = torch.ones_like(healthy)
            clock = Clock(state)
            keep_time(state, clock, config, plan, processes, begin=True)
            drawn = prefetch.start(*ahead(draw, state, stage, config), helpers)
            continue
        clock.read(state)
        if log_now:
            record = measure(state, stage, outcomes, schedule, processes)
            expected = state.step if last else state.course.expected(state.step, state.seconds)
            record |= {"name": stage.name, "steps": expected, "lr": lr, **found}
            record |= {**schedule.values, "clips_seen": clips_seen(plan, state)}
            record |= clock.said(state)
            processes.once(partial(tell, run, events, record))
        if paint_now and stage.paint is not None:
            processes.once(lambda: painters[0].paint(model, stage.name, state.step))
        if save_now:
            save(run, state, stage, processes)
            saved = time.perf_counter()
        if stop:
            raise Stopped(f"stopped in {stage.name} after step {state.step}")
        if last:
            break

    state.course.complete(state.step)
    state.stage = len(plan) if state.course.gave_up else state.stage + 1
    state.step, state.optimizers = 0, {}
    state.slower = 1.0
    save(run, state, stage, processes)


class Clock:
    """What training takes, by the clock and of this process, on top of what a state says."""

    def __init__(self, state: State) -> None:
        self.wall = time.perf_counter() - state.seconds
        self.cpu = time.process_time() - state.cpu_seconds

    def read(self, state: State) -> None:
        """Have the state say how much that is by now."""
        state.seconds = time.perf_counter() - self.wall
        state.cpu_seconds = time.process_time() - self.cpu

    @staticmethod
    def said(state: State) -> dict[str, float]:
        """What is known of it, as metrics have it."""
        known = {"seconds": state.seconds, "cpu_seconds": state.cpu_seconds}
        return {name: value for name, value in known.items() if math.isfinite(value)}


def clips_seen(plan: tuple[Stage, ...], state: State) -> int:
    """Rows of all batches up to a state: segments or frames of clips, whatever was retried."""
    steps = [*state.course.taken, state.step]
    return sum(n * stage.settings.batch for n, stage in zip(steps, plan, strict=False))


class Turns:
    """The players of a stage, one after the other on the same batch."""

    def __init__(
        self,
        stage: Stage,
        model: nn.Module,
        processes: Processes,
        recorder: capture.Recorder | None = None,
    ) -> None:
        self.stage, self.model = stage, model
        self.turns: dict[str, capture.Turn] = {}  # of players whose turns are replayed
        if recorder is not None:
            self.turns = {p.name: capture.Turn(recorder, stage, model) for p in stage.players}
        self.alone = len(stage.players) == 1
        self.bounds: dict[str, nn.Module] = {}
        for player in stage.players:
            train_only(model, player)  # what DDP is to average
            self.bounds[player.name] = processes.parallel(Bound(player, model))

    def take(
        self,
        state: State,
        batch: Any,
        generator: torch.Generator,
        schedule: Schedule,
        bf16: bool,
        share: float,
    ) -> dict[str, Outcome]:
        """The outcome of each player whose turn it is."""
        outcomes = {}
        for player in self.stage.players:
            if state.step % player.every:
                continue
            if not self.alone:
                train_only(self.model, player)
            given = capture.Given(
                self.bounds[player.name],
                state.optimizers[player.name],
                batch,
                generator,
                self.stage.weights(player, schedule),
                schedule.values,
                bf16,
                share,
                self.stage.settings.clip,
            )
            turn = self.turns.get(player.name)
            outcomes[player.name] = turn.take(given) if turn else plainly(given)
            player.after(self.model, state.step)
        return outcomes


def plainly(given: capture.Given) -> Outcome:
    """A turn, told to the device one operation after another."""
    g = given
    return take_step(g.bound, g.optimizer, g.batch, g.generator, g.weights, g.bf16, g.share, g.clip)


def learning_rate(settings: StageConfig, step: int, progress: float) -> float:
    """Rising over the first steps, falling over the last share of the stage."""
    lr = settings.lr * decay(progress, settings.decay)
    return lr * min(1.0, (step + 1) / (settings.warmup + 1))


def tell(run: RunFolder, events: Events, record: dict[str, Any]) -> None:
    """Write down and show a line of metrics."""
    run.log(record)
    events.on_metrics(record)


def require_rows(plan: tuple[Stage, ...], processes: Processes) -> None:
    """InputError where the batch of any stage is too small for so many processes."""
    for stage in plan:
        if stage.rows_independent:
            processes.rows(stage.settings.batch)


def ahead(
    draw: Callable[[np.random.Generator], Any], state: State, stage: Stage, config: RunConfig
) -> tuple[Steps[Any], range]:
    """What the steps from the state's on read, and which these are."""
    steps = Steps(draw, config.seed, state.stage, state.attempt)
    return steps, range(state.step, stage.settings.steps)


def open_source(
    clips: Clips, state: State, stage: Stage, config: RunConfig, device: torch.device
) -> Source:
    """Where the batches of a stage come from."""
    return stage.source(opening_of(clips, state, stage, config, device))


def opening_of(
    clips: Clips, state: State, stage: Stage, config: RunConfig, device: torch.device
) -> Opening:
    """What the source of a stage is made of."""
    start = stage.schedule(0.0).values
    stage.take(state.model, start)
    seed = stage_seed(config.seed, state.stage)
    bf16 = use_bf16(config.precision, device)  # frames are never small
    return Opening(stage.sampler(clips), state.model, start, device, bf16, seed)


def keep_time(
    state: State,
    clock: "Clock",
    config: RunConfig,
    plan: tuple[Stage, ...],
    processes: Processes,
    begin: bool = False,
) -> None:
    """Where minutes are a budget, have all processes know what is left of it."""
    if not config.minutes:
        return
    clock.read(state)
    state.seconds = processes.once(lambda: state.seconds)
    if begin:
        at = (state.step, state.seconds)
        state.course.budget(config.minutes, plan, state.stage, at)


def course_of(saved: Mapping[str, Any], plan: tuple[Stage, ...]) -> Course:
    """That of a checkpoint, or what an earlier version, which knew none, would have had."""
    if "course" in saved:
        return Course(**saved["course"])
    steps = [stage.settings.steps for stage in plan]
    stage = saved["stage"]
    return Course(steps[:stage], steps[stage] if saved["optimizers"] else 0)


def save(run: RunFolder, state: State, stage: Stage, processes: Processes) -> None:
    """A checkpoint to resume from, and the weights as `VDSM.from_pretrained` reads them."""

    def write() -> None:
        run.save(state.dump(), f"{stage.name}-{state.step if state.optimizers else 'end'}")
        run.save_weights(state.model)

    processes.once(write)


def restore(run: RunFolder, plan: tuple[Stage, ...], state: State, processes: Processes) -> bool:
    """Bring the state to the run's newest checkpoint; False if it has none."""
    saved = processes.once(run.restore)
    if saved is not None:
        processes.each(lambda: take_up(run, plan, state, saved))
    return saved is not None


def take_up(run: RunFolder, plan: tuple[Stage, ...], state: State, saved: dict[str, Any]) -> None:
    """Bring the state to a checkpoint; InputError where another version wrote it."""
    try:
        state.load(saved, plan)
    except (LookupError, RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        version = saved.get("version", "an earlier version")
        raise InputError(
            f"the checkpoint in {run.path}, written by vdsm {version}, does not fit what "
            f"{__version__} makes of run.json: take that version, or delete {run.pointer} "
            "to train from the first step anew"
        ) from error


def measure(
    state: State,
    stage: Stage,
    outcomes: Mapping[str, Outcome],
    schedule: Schedule,
    processes: Processes,
) -> dict[str, Any]:
    """One line of metrics: every loss and term per sequence (of a bound in nats), every weight."""
    record: dict[str, Any] = {"stage": state.stage, "step": state.step}
    for player in stage.players:
        if (outcome := outcomes.get(player.name)) is None:
            continue
        for name, mean in ({"loss": outcome.loss} | outcome.means).items():
            record[stage.named(player, name)] = processes.mean(mean).item()
        record[stage.named(player, "gradient_norm")] = outcome.norm.item()
    return record | {f"weight.{name}": weight for name, weight in schedule.weights.items()}


def retreat(
    run: RunFolder, plan: tuple[Stage, ...], state: State, events: Events, processes: Processes
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
