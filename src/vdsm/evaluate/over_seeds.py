"""Several runs of one experiment as one result: means, and their standard deviation over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vdsm.errors import InputError
from vdsm.evaluate.result import flatten, not_measured, plant

Result = Mapping[str, Any]  # what `panel` returns, or its JSON read back


def aggregate(results: Sequence[Result]) -> dict[str, Any]:
    """The stable keys with means over runs; `sd` by dotted key (n - 1 in the denominator).

    The scans for rare leaks are not averaged: the most striking run's stands, its p-value times the
    number of runs.
    `intervals` are averaged over the runs: they say what other test clips would change, `sd` says
    what another seed of training changes. `runs` is their number, `seeds` the evaluations' seeds.
    A figure that some runs lack, or that is null in one, is left out, and `missing` names it.
    InputError where the runs were measured on different numbers of test clips.
    """
    if not results:
        raise InputError("no results to put together")
    clips = {int(result["n"]) for result in results}
    if len(clips) > 1:
        raise InputError(f"results are of {sorted(clips)} test clips: evaluate all runs alike")
    flat = [flatten(result) for result in results]
    names = list(dict.fromkeys(key for one in flat for key in one))
    shared = [key for key in names if all(one.get(key) is not None for one in flat)]
    tree: dict[str, Any] = {}
    sd = {}
    for key in shared:
        if ".scan." in key:
            plant(tree, key, _most_striking(flat, key))
            continue
        values = np.array([one[key] for one in flat], np.float64)
        plant(tree, key, float(values.mean()))
        if len(values) > 1:
            sd[key] = float(values.std(ddof=1))
    return tree | {
        "intervals": _mean_intervals(results, shared),
        "counts": {k: v for k, v in results[0]["counts"].items() if k in set(shared)},
        "sd": sd,
        "runs": len(results),
        "n": clips.pop(),
        "individuals": results[0].get("individuals"),
        "seed": results[0]["seed"],
        "seeds": [result["seed"] for result in results],
        "settings": dict(results[0].get("settings", {})),
        "not_measured": dict(not_measured(results[0])),
        "notes": dict(results[0].get("notes", {})),
        "missing": [key for key in names if key not in set(shared)],
    }


def _most_striking(runs: Sequence[Mapping[str, Any]], key: str) -> float:
    """A scan's figure of the run whose p-value is least; that times the number of runs."""
    scan, _, figure = key.rpartition(".")
    worst = min(runs, key=lambda one: one[f"{scan}.p_value"])
    tries = len(runs) if figure in ("p_value", "least") else 1
    return float(min(1.0, tries * worst[key]))


def _mean_intervals(results: Sequence[Result], names: Sequence[str]) -> dict[str, list[float]]:
    return {
        key: np.mean([result["intervals"][key] for result in results], axis=0).tolist()
        for key in names
        if all(_whole(result["intervals"].get(key)) for result in results)
    }


def _whole(interval: Sequence[float | None] | None) -> bool:
    return interval is not None and None not in interval
