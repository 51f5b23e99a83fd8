"""`leakage_raw.*`: what can be read from codes as the model itself has them, before any readout.

Figures as of `leakage`, by the same probes on the same clips, without shuffled labels and without
the scan. Where codes are not read out they are raw already, and the figures are those of `leakage`.
"""

from vdsm.evaluate.context import Context
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.probes import KINDS, read_all
from vdsm.evaluate.result import Numbers

SAME = "the codes are raw as they are, no readout stands before them: figures are of leakage.*"
FIGURES = ("accuracy", "chance", "excess")


def measure(context: Context) -> Numbers:
    """`<code>.<factor>.{linear,mlp}.{accuracy,chance,excess}`."""
    inputs = context.inputs
    if inputs.raw:
        rest = (inputs, context.settings, context.bootstrap, context.progress)
        return read_all(inputs.raw, *rest, "probes of raw codes", controlled=False)
    context.notes["leakage_raw"] = SAME
    keys = [
        f"{code}.{factor}.{kind}.{figure}"
        for code in inputs.codes
        for factor in inputs.labels
        for kind in KINDS
        for figure in FIGURES
    ]
    return {key: context.numbers[f"leakage.{key}"] for key in keys}


METRIC = Metric("leakage_raw", measure, ("labels", "codes"))
