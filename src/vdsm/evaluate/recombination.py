"""`recombination.*`: draws of the model's own, whose contents and motions are exchanged.

For models that encode nothing, and beside the swaps of those that do; never in their place. Clip
(c_i, m_j) should be judged as (c_j, m_j) is in every action factor, and as (c_i, m_i) in every
identity factor. Only draws that the judge is sure of (at least .9) can tell, and `sure` is their
share. A generator that draws one action scores 100 %, so entropies H(y) of the draws stand beside,
and `chance`: how often two draws are judged alike.
"""

from collections.abc import Iterator

import numpy as np

from vdsm.data.clips import Ints
from vdsm.errors import InputError
from vdsm.evaluate.context import Context
from vdsm.evaluate.entropy import entropies
from vdsm.evaluate.inputs import Array, to_numpy
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Verdicts
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Number, Numbers, under
from vdsm.evaluate.stream import check_clips, cuts
from vdsm.evaluate.system import Draw
from vdsm.notation import Video

MOST = 300  # draws
SURE = 0.9  # of a verdict


def drawn(draw: Draw, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """n contents and motions; InputError where these are not as many."""
    content, motion = map(to_numpy, draw(n, rng))
    if len(content) != n or len(motion) != n:
        raise InputError(
            f"draw gave {len(content)} contents and {len(motion)} motions, expected {n} of both"
        )
    return content, motion


def agreement(
    base: Verdicts, mixed: Verdicts, partner: Ints, roles: dict[str, str], bootstrap: Bootstrap
) -> Numbers:
    """`joint`, `identity`, `action`, `sure`, and `factors.<factor>.{agreement,chance,h_y,sure}`.

    base: verdicts on (c_i, m_i). mixed: on (c_i, m_j) with j = partner[i].
    """
    n = len(partner)
    pairs = np.stack([np.arange(n), partner], axis=1)
    same, sure = {}, {}
    numbers: Numbers = {}
    for factor, p in base.items():
        source = pairs[:, 0] if roles[factor] == "identity" else pairs[:, 1]
        said = p.argmax(-1)
        same[factor] = mixed[factor].argmax(-1) == said[source]
        sure[factor] = (p.max(-1) >= SURE)[source]
        kept = sure[factor]
        shares = np.bincount(said[source[kept]], minlength=p.shape[1]) / max(kept.sum(), 1)
        chance = float((shares**2).sum()) if kept.any() else float("nan")
        numbers |= under(
            f"factors.{factor}",
            {
                "agreement": bootstrap.share(same[factor][kept], pairs[kept]),
                "chance": Number(chance, int(kept.sum())),
                "h_y": entropies([p], np.arange(n), bootstrap)["h_y"],
                "sure": bootstrap.share(kept, pairs),
            },
        )
    for name in ("joint", "identity", "action"):
        factors = [f for f in base if name in ("joint", roles[f])]
        if factors:
            kept = np.logical_and.reduce([sure[f] for f in factors])
            right = np.logical_and.reduce([same[f] for f in factors])
            numbers[name] = bootstrap.share(right[kept], pairs[kept])
            if name == "joint":
                numbers["sure"] = bootstrap.share(kept, pairs)
    numbers["h_y"] = entropies(list(base.values()), np.arange(n), bootstrap)["h_y"]
    return numbers


def measure(context: Context) -> Numbers:
    """Every draw gives its content once and its motion once, to two others."""
    system, inputs = context.system, context.inputs
    assert system.draw is not None
    assert system.render is not None
    render, rng = system.render, context.rng("recombination")
    n = min(MOST, len(inputs.test))
    content, motion = drawn(system.draw, n, rng)
    order = rng.permutation(n)
    partner = np.empty(n, np.int64)
    partner[order] = np.roll(order, 1)  # one cycle through all: nobody meets itself

    def clips(motions: Array) -> Iterator[Video]:
        _, frames, height, width, channels = inputs.real.shape
        for cut in cuts(n, context.settings.batch):
            shape = (cut.stop - cut.start, frames, channels, height, width)
            yield check_clips("render", render(content[cut], motions[cut]), shape)

    base = context.look(clips(motion), "draws", n).verdicts
    mixed = context.look(clips(motion[partner]), "draws recombined", n).verdicts
    found = agreement(base, mixed, partner, dict(inputs.roles), context.bootstrap)
    if not found["sure"].value:
        context.not_measured["recombination.joint"] = (
            f"of no draw are the judges sure ({SURE}) in every factor"
        )
    return found


METRIC = Metric("recombination", measure, ("labels", "draw", "render"))
