"""A cell of the table of models that were told nothing: what a run cost, and what was measured.

python benchmarks/untold.py RUN DATA MEASURED.json --target 99 --out docs/results/untold/NAME.json

RUN: of `vdsm train DATA --preset auto --who found --minutes N`. MEASURED: what `vdsm evaluate`,
`benchmarks/truth.py` or `benchmarks/families.py` wrote of its test clips. `docs/make_results.py`
makes the table.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vdsm.data import open_clips
from vdsm.store import who
from vdsm.store.run import Run

Measured = Mapping[str, Any]


def by_judges(found: Measured) -> dict[str, Any]:
    """Of `vdsm evaluate`."""
    codes = {"s": "action", "d": "identity"}
    leaks = {
        f"{factor} from {code}": [
            _best(found[part][code][factor]) for part in ("leakage_raw", "leakage")
        ]
        + [100 * found["leakage"][code][factor]["linear"]["chance"]]
        for code, role in codes.items()
        for factor, of in found["roles"].items()
        if of == role
    }
    swap = {name: 100 * found["swap"][name] for name in ("joint", "identity", "action")}
    interval = [100 * x for x in found["intervals"]["swap.joint"]]
    return {"by": "judge", "right": swap["joint"], "interval": interval, "n": found["n"]} | {
        "parts": {"who": swap["identity"], "what": swap["action"]},
        "leaks": leaks,
        "psnr": found["reconstruction"]["psnr"],
    }


def _best(probes: Mapping[str, Mapping[str, float]]) -> float:
    """Percent that the better of the probes reads."""
    return 100 * max(probes[name]["accuracy"] for name in ("linear", "mlp"))


def by_truth(found: Measured) -> dict[str, Any]:
    """Of `benchmarks/truth.py`."""
    of_class = found.get("nearest_is_of_its_class")  # digits
    right = found["nearest_is_true"] if of_class is None else of_class
    name = "nearest of all characters" if of_class is None else "nearest digit is of its class"
    parts = {} if of_class is None else {"pixels off": found["pixels_off"]}
    return {"by": name, "right": 100 * right, "n": found["swaps"], "parts": parts} | {
        "psnr": found["psnr"]
    }


def by_rendering(found: Measured) -> dict[str, Any]:
    """Of `benchmarks/families.py`."""
    parts = {name: value for name, value in found["swap.read"].items() if name != "all"}
    worst = dict(sorted(parts.items(), key=lambda part: part[1])[:3])
    return {"by": "nearest rendering", "right": found["swap.read"]["all"], "parts": worst} | {
        "n": found["swaps"]
    }


def measured(found: Measured) -> dict[str, Any]:
    """Whatever wrote it."""
    if "swap.read" in found:
        return by_rendering(found)
    return by_truth(found) if "nearest_is_true" in found else by_judges(found)


def cost(run: Run) -> dict[str, float]:
    """Steps of stage 1, and CPU seconds of all."""
    lines = (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    steps = max(row["step"] for row in rows if row["name"] == "stage1")
    return {"steps": steps, "cpu_seconds": rows[-1]["cpu_seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data")
    parser.add_argument("measured", type=Path)
    parser.add_argument("--target", type=float, required=True, help="percent of swaps")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    run, found = Run.open(options.run), who.read(options.run)
    assert found is not None, f"{options.run} did not ask who is who"
    score = who.score(found, open_clips(options.data))
    people = {
        "clips": len(found.clip),
        "found": len(set(found.individual)),
        "twice": len(found.twice),
        "pairs": None if score is None else vars(score),
    }
    cell = measured(json.loads(options.measured.read_text(encoding="utf-8")))
    said = json.loads((options.run / "verdict.json").read_text(encoding="utf-8"))["lines"]
    whole = cell | {"target": options.target, "people": people, "cost": cost(run), "verdict": said}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
