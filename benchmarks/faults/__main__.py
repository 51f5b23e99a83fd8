"""A campaign of faults on `vdsm train`: every run must end as if nothing had happened, or say why.

    python benchmarks/faults --out faults.json [--kills 300] [--each 6] [--methods vdsm,skd]
    python benchmarks/faults --table faults.json

A training is the preset 'debug' of a method, on clips of pendula of 32 x 32 pixels, by one thread.
It is hurt at a random moment and resumed. It survives where its weights, metrics (but for seconds),
pictures and settings are those of a training that nobody hurt, byte for byte. Otherwise it must
stop with exit code 2 and one line. Everything else is a failure, and the exit code is then 1.
Each trial is written down at once, so that a campaign can be looked at, and ended, at any time.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from kinds import KINDS, Trial, kills
from runs import Bench
from table import table

from vdsm.methods.table import METHODS


def campaign(
    folder: Path,
    methods: list[str],
    total: int,
    each: int,
    seed: int,
    told: Callable[[Trial], None],
) -> None:
    """`each` rounds over all methods: a share of the kills, and a fault of every other kind."""
    torch.set_num_threads(1)
    bench = Bench(folder)
    turns = len(methods) * each
    for turn in range(turns):
        method, rng = methods[turn % len(methods)], np.random.default_rng([seed, turn])
        share = total * (turn + 1) // turns - total * turn // turns
        for trial in kills(bench, method, rng, share):
            told(trial)
        for hurt in KINDS:
            told(hurt(bench, method, rng))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON lines, one a trial")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--each", type=int, default=6, help="faults of every other kind and method")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, help="print the table of such a file")
    asked = parser.parse_args()
    if asked.table:
        print(table([json.loads(line) for line in asked.table.read_text().splitlines()]))
        return 0
    bad = 0
    with tempfile.TemporaryDirectory() as folder, open(asked.out, "w") as file:

        def told(trial: Trial) -> None:
            nonlocal bad
            bad += trial["outcome"] == "failed"
            file.write(json.dumps(trial) + "\n")
            file.flush()

        methods = asked.methods.split(",")
        campaign(Path(folder), methods, asked.kills, asked.each, asked.seed, told)
    print(table([json.loads(line) for line in asked.out.read_text().splitlines()]))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
