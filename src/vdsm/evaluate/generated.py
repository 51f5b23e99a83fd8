"""Clips made of nothing, as the judges see them: from the priors, and from fitted densities.

`paper.h_y` and `paper.h_y_given_x` are of those from the priors, averaged over all factors, as the
paper's Table 2 has them.
"""

from collections.abc import Iterator

import numpy as np

from vdsm.evaluate.context import Context, Looked
from vdsm.evaluate.entropy import paper_entropies
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Numbers
from vdsm.evaluate.stream import check_clips, cuts
from vdsm.evaluate.system import Generate
from vdsm.notation import Video

AT_ONCE = 50  # clips asked of `generate`, whatever the batch: the numbers stay the same


def clips_of(
    generate: Generate, inputs: Inputs, n: int, rng: np.random.Generator
) -> Iterator[Video]:
    """n clips, batch by batch, checked."""
    _, frames, height, width, channels = inputs.real.shape
    for cut in cuts(n, AT_ONCE):
        expected = (cut.stop - cut.start, frames, channels, height, width)
        yield check_clips("generate", generate(expected[0], rng), expected)


def _looked_at(context: Context, generate: Generate | None, kind: str) -> Looked:
    assert generate is not None
    n = len(context.inputs.test)
    clips = clips_of(generate, context.inputs, n, context.rng("generate"))
    return context.look_with_features(clips, np.arange(n, dtype=np.int64), f"clips {kind}")


def generated(context: Context) -> Looked:
    """As many clips from the priors as there are test clips."""
    make = context.system.generate
    return context.once("generated", lambda: _looked_at(context, make, "generated"))


def fitted(context: Context) -> Looked:
    """As many clips from fitted densities."""
    make = context.system.fitted
    return context.once("fitted", lambda: _looked_at(context, make, "fitted"))


def measure(context: Context) -> Numbers:
    """Entropies of the verdicts on clips from the priors."""
    strangers = np.arange(len(context.inputs.test), dtype=np.int64)
    verdicts = generated(context).seen.verdicts
    return paper_entropies(verdicts, strangers, context.bootstrap)


METRIC = Metric("paper.h_y", measure, ("labels", "generate"), prefix="paper")
