"""What is compared: the runs of each method, what was measured of them, and what they cost."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.evaluate import Settings
from vdsm.evaluate.over_seeds import aggregate
from vdsm.evaluate.readings import Readings
from vdsm.evaluate.result import FILE
from vdsm.files import read_json
from vdsm.store import weights
from vdsm.store.open import open_model
from vdsm.store.run import Run
from vdsm.train.method import Method

Evaluate = Callable[[Run], dict[str, Any]]  # measures a run
# Of a run: what another run of the same settings may have otherwise.
NOT_SETTINGS = (
    *("seed", "device", "precision", "capture", "log_every", "picture_every"),
    *("checkpoint_every", "checkpoint_seconds"),
)
CARRIED_OUT = ("device", "batch")  # of an evaluation: no figure depends on them
COSTS = {
    "parameters": "parameters",
    "clips_seen": "clips or groups of frames seen in training",
    "cpu_seconds": "CPU seconds of training",
    "seconds": "seconds of training by the clock",
}


@dataclass(frozen=True)
class Compared:
    """One method: its runs, which differ by their seeds, and their result, averaged."""

    method: Method
    told: str  # what sets its runs apart from others of the method, where there are such
    runs: tuple[Run, ...]
    result: dict[str, Any]  # of the panel, or of `aggregate`
    costs: tuple[dict[str, float], ...]  # of each run, those of `COSTS` that are known

    @property
    def title(self) -> str:
        """As tables print it, and unlike all others."""
        return self.method.title + (f", {self.told}" if self.told else "")

    @property
    def head(self) -> str:
        """The title, with the number of runs."""
        return self.title + (f" ({len(self.runs)} runs)" if len(self.runs) > 1 else "")

    @property
    def readings(self) -> Readings:
        """Its figures."""
        return Readings(self.result)

    def cost(self, name: str) -> tuple[float | None, float]:
        """The mean over runs, None where a run does not know; and the deviation."""
        known = [cost[name] for cost in self.costs if name in cost]
        if len(known) < len(self.runs):
            return None, 0.0
        return mean(known), stdev(known) if len(known) > 1 else 0.0


def open_runs(paths: Sequence[Path], data: Path | None) -> tuple[list[Run], Clips]:
    """The runs and their one dataset; InputError where they are of different data."""
    for i, path in enumerate(paths):
        if path.resolve() in [other.resolve() for other in paths[:i]]:
            raise InputError(f"{path} is named twice: compare different runs")
    runs = [Run.open(path) for path in paths]
    clips = runs[0].clips(data)
    for run in runs[1:]:
        if run.fingerprint != runs[0].fingerprint and not clips.known_as(run.fingerprint):
            raise InputError(
                f"{runs[0].path} and {run.path} were trained on different data "
                f"({runs[0].data} and {run.data}): compare runs of one dataset"
            )
    for run in runs:
        if not (run.path / weights.WEIGHTS).exists():
            raise InputError(f"{run.path} has no weights yet: train it first, or leave it out")
    return runs, clips


def gather(runs: Sequence[Run], evaluate: Evaluate) -> list[Compared]:
    """Runs of one method with equal settings, but for the seed, belong together."""
    groups: list[list[Run]] = []
    for run in runs:
        known = next((g for g in groups if alike(g[0], run)), None)
        if known is None:
            groups.append([run])
        else:
            known.append(run)
    methods = [group[0].method for group in groups]
    systems = []
    for group in groups:
        several = methods.count(group[0].method) > 1
        systems.append(compared(group, evaluate, group[0].path.name if several else ""))
    require_alike(systems)
    return systems


def alike(one: Run, other: Run) -> bool:
    """Whether two runs differ in their seeds at most, and in how they were carried out."""
    if one.method != other.method:
        return False
    same = {name: getattr(one.config, name) for name in NOT_SETTINGS}
    return replace(other.config, **same) == one.config


def compared(runs: Sequence[Run], evaluate: Evaluate, told: str) -> Compared:
    """The runs of one method, measured; told: what sets them apart from others of it."""
    results = [evaluate(run) for run in runs]
    result = results[0] if len(results) == 1 else aggregate(results)
    shared = {name: results[0][name] for name in ("roles", "dataset")}
    costs = tuple(cost_of(run) for run in runs)
    return Compared(runs[0].recipe, told, tuple(runs), result | shared, costs)


def cost_of(run: Run) -> dict[str, float]:
    """Parameters, and as far as the run says, clips seen and seconds."""
    last = (run.metrics() or [{}])[-1]
    said = {name: float(last[name]) for name in COSTS if name in last}
    model = open_model(run.path)
    bare: Any = getattr(model, "model", model)  # what was read out
    return {"parameters": float(sum(p.numel() for p in bare.parameters())), **said}


def measured(run: Run, clips: Clips, settings: Settings) -> dict[str, Any] | None:
    """The run's own evaluation.json, where it is of its weights of now, these clips and settings.

    Judges that learned otherwise would make figures that cannot be compared.
    """
    file = run.path / FILE
    if not file.exists():
        return None
    found = read_json(file)
    asked, used = asdict(settings), found.get("settings")
    if not isinstance(used, dict) or found.get("roles") is None:
        return None
    alike = all(used.get(name) == asked[name] for name in asked if name not in CARRIED_OUT)
    digest = weights.digest(weights.load(run.path).tensors)
    known = clips.known_as(str(found.get("fingerprint")))
    return found if alike and known and found.get("weights") == digest else None


def require_alike(systems: Sequence[Compared]) -> None:
    """InputError where results are of different numbers of test clips."""
    first = systems[0]
    for system in systems[1:]:
        if system.result.get("n") != first.result.get("n"):
            raise InputError(
                f"{first.runs[0].path} was measured on {first.result.get('n')} clips, "
                f"{system.runs[0].path} on {system.result.get('n')}: give --test-clips, or "
                "evaluate them alike"
            )
