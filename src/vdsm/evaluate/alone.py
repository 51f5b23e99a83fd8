"""`alone.*`: what one code draws by itself: s with the average motion, motion with the average s.

The average is that of training clips. Where the codes came apart, clips of s alone show every
identity factor and no action (accuracy near chance), clips of the motion alone the reverse. Asked
for by reviewers: where one code alone draws the whole clip, the other one does nothing.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from vdsm.data.clips import Ints
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Array, CodeArrays, Inputs
from vdsm.evaluate.judge_floor import accuracies
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.probes import chance_of
from vdsm.evaluate.reconstruction import Fidelity
from vdsm.evaluate.result import Numbers, under
from vdsm.evaluate.stream import cuts, decode_checked
from vdsm.notation import Video

MOST = 300  # test clips


def averaged(inputs: Inputs, rows: Ints, kept: str) -> CodeArrays:
    """Codes of rows, where those of the other side ("s" or "motion") are training's average."""

    def of(name: str, code: Array) -> Array:
        if (name == "s") == (kept == "s"):
            return code[rows]
        average = code[inputs.train].mean(axis=0, dtype=np.float64).astype(code.dtype)
        return np.broadcast_to(average, (len(rows), *average.shape)).copy()

    return {name: of(name, code) for name, code in inputs.codes.items()}


def measure(context: Context, kept: str) -> Numbers:
    """`psnr`, and `factors.<factor>.{accuracy,chance}`: the judge names the clip's own value."""
    inputs, bootstrap = context.inputs, context.bootstrap
    rows = context.some_test("alone", MOST)
    codes = averaged(inputs, rows, kept)
    fidelity = Fidelity(inputs.real, rows)

    def clips() -> Iterator[Video]:
        for cut in cuts(len(rows), context.settings.batch):
            some = {name: code[cut] for name, code in codes.items()}
            yield decode_checked(context.system.decode, some, inputs)

    seen = context.look(clips(), f"{kept} alone", len(rows), fidelity.see)
    numbers = {"psnr": bootstrap.mean(fidelity.values()["psnr"], inputs.groups[rows])}
    for factor, right in accuracies(seen.verdicts, inputs, rows, bootstrap).items():
        labels = inputs.labels[factor]
        known = rows[labels[rows] >= 0]
        taught = labels[inputs.train]
        usual = chance_of(taught[taught >= 0], labels[known], inputs.classes[factor])
        chance = bootstrap.mean(usual, inputs.groups[known])
        numbers |= under(f"factors.{factor}", {"accuracy": right, "chance": chance})
    return numbers


METRICS = tuple(
    Metric(f"alone.{kept}", partial(measure, kept=kept), ("s", "motion", "decode"))
    for kept in ("s", "motion")
)
