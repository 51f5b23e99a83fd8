"""The literature's rows `prior.*` and `fitted.*`: another identity, the motion of a test clip."""

from collections.abc import Iterator

import numpy as np

from vdsm.errors import InputError
from vdsm.evaluate.context import Context
from vdsm.evaluate.entropy import prior_row
from vdsm.evaluate.inputs import Array, Inputs, to_numpy
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Numbers
from vdsm.evaluate.stream import cuts, decode_checked
from vdsm.evaluate.system import Generate
from vdsm.notation import Video


def drawn(inputs: Inputs, sample_identity: Generate, n: int, rng: np.random.Generator) -> Array:
    """s [n, k] of nobody; InputError where they do not look like the codes of clips."""
    found = to_numpy(sample_identity(n, rng))
    expected = (n, *inputs.codes["s"].shape[1:])
    if found.shape != expected or not np.isfinite(found).all():
        raise InputError(f"sample_identity gave {found.shape}, expected finite values {expected}")
    return found.astype(inputs.codes["s"].dtype)


def _row(context: Context, sample_identity: Generate | None) -> Numbers:
    inputs, n = context.inputs, len(context.inputs.test)
    assert sample_identity is not None
    s = drawn(inputs, sample_identity, n, context.rng("prior"))

    def clips() -> Iterator[Video]:
        for cut in cuts(n, context.settings.batch):
            codes = {name: code[inputs.test[cut]] for name, code in inputs.codes.items()}
            yield decode_checked(context.system.decode, codes | {"s": s[cut]}, inputs)

    seen = context.look(clips(), "drawn identities", n)
    return prior_row(seen.verdicts, inputs, context.bootstrap)


NEEDS = ("labels", "action", "s", "motion", "decode")
METRICS = (
    Metric(
        "prior",
        lambda context: _row(context, context.system.sample_identity),
        ("sample_identity", *NEEDS),
    ),
    Metric(
        "fitted",
        lambda context: _row(context, context.system.fitted_identity),
        ("fitted_identity", *NEEDS),
    ),
)
