"""The paper's consistency (Sec. 4.1): does a judge say the same of a clip and its reconstruction?

It is a lenient number: a judge that errs the same way twice agrees with itself, and nothing needs
to be disentangled. It stands beside the swap matrix, never in its place.
"""

import numpy as np

from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Verdicts
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.reconstruction import reconstructed
from vdsm.evaluate.result import Number, Numbers, under


def consistency(
    real: Verdicts, reconstructed: Verdicts, inputs: Inputs, bootstrap: Bootstrap
) -> Numbers:
    """Per factor, the share of all test clips whose judged value survives reconstruction."""
    units = inputs.groups[inputs.test]
    return {
        factor: bootstrap.share(real[factor].argmax(-1) == again.argmax(-1), units)
        for factor, again in reconstructed.items()
    }


def mean_consistency(
    real: Verdicts, reconstructed: Verdicts, inputs: Inputs, bootstrap: Bootstrap
) -> Number:
    """The mean over factors: "Acc." of the paper's Table 2."""
    agree = [real[factor].argmax(-1) == again.argmax(-1) for factor, again in reconstructed.items()]
    share = np.mean(agree, axis=0)
    number = bootstrap.mean(share, inputs.groups[inputs.test])
    if number.value == 1.0:
        return bootstrap.share(share == 1.0, inputs.groups[inputs.test])
    return number


def measure(context: Context) -> Numbers:
    """`consistency.<factor>` and `paper.accuracy_consistency`."""
    both = context.real().seen.verdicts, reconstructed(context).looked.seen.verdicts
    found = under("consistency", consistency(*both, context.inputs, context.bootstrap))
    mean = mean_consistency(*both, context.inputs, context.bootstrap)
    return found | {"paper.accuracy_consistency": mean}


METRIC = Metric("consistency", measure, ("labels", "again"), prefix="")
