"""`sizes.<code>`: numbers that a code has of each clip; what leaks grows with it."""

import numpy as np

from vdsm.evaluate.context import Context
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Number, Numbers


def measure(context: Context) -> Numbers:
    """Codes over time count every frame."""
    n = len(context.inputs.test)
    return {
        name: Number(float(np.prod(code.shape[1:])), n)
        for name, code in context.inputs.codes.items()
    }


METRIC = Metric("sizes", measure, ("codes",))
