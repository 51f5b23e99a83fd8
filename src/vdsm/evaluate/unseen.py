"""`unseen.*`: swaps into combinations of individual and action that training left out."""

from vdsm.evaluate.context import Context
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Numbers
from vdsm.evaluate.swap import score, swapped


def measure(context: Context) -> Numbers:
    """The same figures as of `swap`."""
    pairs = context.inputs.unseen
    assert pairs is not None
    seen = context.look(swapped(context, pairs), "unseen combinations", len(pairs))
    return score(seen.verdicts, context.inputs, pairs, context.bootstrap)


METRIC = Metric("unseen", measure, ("unseen", "labels", "swap"))
