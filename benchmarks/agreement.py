"""Do measures that need no label agree with labelled truth? Rank correlations over runs.

    python benchmarks/agreement.py RUN... [--out agreement.png]

Each RUN has an `evaluation.json` (`vdsm evaluate RUN`), or is such a file. Truth is `swap.identity`
and `swap.action`, the judges' share of right swaps; beside them stand what needs no label, of the
evaluation and of the verdict (`verdict.json`). A measure that no two runs have is left out.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from vdsm.errors import InputError
from vdsm.evaluate.result import FILE, flatten
from vdsm.files import check_writable, read_json
from vdsm.store.verdict import FILE as VERDICT

TRUTH = {"who": "swap.identity", "what": "swap.action"}
MEASURES = {
    "who": (
        "unlabelled.cycle.s.nearest",
        "unlabelled.cycle.s.between",
        "unlabelled.colours.excess",
        "verdict.who.s",
        "verdict.who.colours",
        "verdict.who.colours.drawn",
    ),
    "what": (
        "unlabelled.cycle.{motion}.nearest",
        "unlabelled.cycle.{motion}.between",
        "unlabelled.motion.action",
        "unlabelled.motion.displaced.action",
        "verdict.what.{motion}",
        "verdict.what.motion",
    ),
}
Row = Mapping[str, float]


def figures(place: Path) -> Row:
    """All figures of a run, by dotted key; {motion} is d, or z of a model without d."""
    file = place if place.is_file() else place / FILE
    if not file.exists():
        raise InputError(f"{place} has no {FILE}: run 'vdsm evaluate {place}' first")
    found = {k: v for k, v in flatten(read_json(file)).items() if v is not None}
    if (file.parent / VERDICT).exists():
        found |= dict(ways(read_json(file.parent / VERDICT).get("figures", {})))
    return {
        key.replace(".d.", ".{motion}.").replace(".z.", ".{motion}."): v for key, v in found.items()
    }


def ways(said: Mapping[str, Any]) -> Sequence[tuple[str, float]]:
    """What a verdict measured; colours that are not drawn at all are 0 of the way."""
    found = []
    for side in TRUTH:
        for name, way in said.get(side, {}).items():
            key = f"verdict.{side}.{'{motion}' if name in 'dz' else name}"
            found.append((key, way["share"]["value"] or 0.0))
            if way["drawn"] is not None:
                found.append((f"{key}.drawn", way["drawn"]["value"] * (way["share"]["value"] or 0)))
    return found


def agreement(rows: Sequence[Row], truth: str, measure: str) -> tuple[float, int]:
    """Spearman's correlation over the runs that have both, and how many these are."""
    both = [(row[truth], row[measure]) for row in rows if truth in row and measure in row]
    if len(both) < 3 or any(len({pair[i] for pair in both}) < 2 for i in (0, 1)):
        return float("nan"), len(both)
    return float(spearmanr(*np.array(both).T).statistic), len(both)


def plot(rows: Sequence[Row], out: Path) -> None:
    """Every measure against its truth."""
    import matplotlib.pyplot as plt

    columns = max(map(len, MEASURES.values()))
    figure, axes = plt.subplots(2, columns, figsize=(3 * columns, 6), layout="constrained")
    for line, (side, names) in zip(axes, MEASURES.items(), strict=True):
        for axis, name in zip(line, names, strict=True):
            both = [(r[TRUTH[side]], r[name]) for r in rows if TRUTH[side] in r and name in r]
            axis.plot(*np.array(both).reshape(-1, 2).T, "o")
            rho, n = agreement(rows, TRUTH[side], name)
            axis.set_title(f"{name}\nρ {rho:.2f}, n {n}", fontsize=8)
            axis.set_xlabel(TRUTH[side], fontsize=8)
    figure.savefig(out)


def main(words: Sequence[str]) -> None:
    """Print the table, and plot it where that is asked for."""
    places, out = list(words), None
    if "--out" in places:
        at = places.index("--out")
        out = Path(places[at + 1])
        check_writable(out, ".png")
        del places[at : at + 2]
    rows = [figures(Path(place)) for place in places]
    print(f"{'measure':44s} {'truth':16s} {'Spearman':>8s}    n")
    for side, names in MEASURES.items():
        for name in names:
            rho, n = agreement(rows, TRUTH[side], name)
            print(f"{name:44s} {TRUTH[side]:16s} {rho:8.2f} {n:4d}")
    if out is not None:
        plot(rows, out)
        print(f"{out}: every measure against its truth")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"agreement: {error}")
