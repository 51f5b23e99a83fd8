"""`null.<name>.<key>`: systems that learned nothing, so that every scale has its ends.

    action_clip  the clip of the action itself, given out as the swap
    still        the first frame of the identity's clip held still, as swap and as reconstruction
    mean_clip    the average training clip, as reconstruction of every clip
    whole_clip   the whole clip as both codes, in a grid of 8 x 8, by its main directions
    random       random numbers as both codes

They need no model, so they are kept beside the judges. Probes of the last two learn from at most
2,000 training clips.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.context import Context
from vdsm.evaluate.diversity import small
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.metric import Metric, NotMeasured
from vdsm.evaluate.probes import read_all
from vdsm.evaluate.reconstruction import Fidelity
from vdsm.evaluate.result import Numbers, under
from vdsm.evaluate.retrieval import MOST, retrieval
from vdsm.evaluate.stream import cuts, read_any, real_clips
from vdsm.evaluate.swap import pairs_of, score
from vdsm.evaluate.verification import verification
from vdsm.notation import Video

MOST_TRAIN = 2000  # clips
DIRECTIONS = 64  # of the whole clip
RANDOM = 16  # numbers of a random code
AT_ONCE = 64  # clips read


def some_training(inputs: Inputs, rng: np.random.Generator) -> Ints:
    """Ascending rows of the training clips that nulls learn from."""
    return np.sort(rng.permutation(inputs.train)[:MOST_TRAIN])


def whole_clips(inputs: Inputs) -> Floats:
    """[N, k] the main directions of training clips in a small grid; 0 in clips of no use."""
    rows = np.sort(np.append(inputs.train, inputs.test))
    parts = [small(clips) for clips in real_clips(inputs, rows, AT_ONCE)]
    x = np.concatenate(parts)
    taught = x[np.isin(rows, inputs.train)]
    mean = taught.mean(axis=0)
    _, vectors = np.linalg.eigh((taught - mean).T @ (taught - mean))
    found = np.zeros((len(inputs.real), min(DIRECTIONS, x.shape[1])))
    found[rows] = (x - mean) @ vectors[:, ::-1][:, : found.shape[1]]
    return found


def _of_codes(context: Context, inputs: Inputs, code: Floats, name: str) -> Numbers:
    """`leakage`, `verification` and `retrieval` of a code that is both s and d."""
    settings, bootstrap = context.settings, context.bootstrap
    codes = {"both": code}
    what = f"probes of null codes ({name})"
    rest = (inputs, settings, bootstrap, context.progress)
    numbers = under("leakage", read_all(codes, *rest, what, controlled=False))
    numbers |= under("verification", verification(inputs, bootstrap, settings.seed, codes))
    if inputs.factors("action"):
        rows = context.some_test("retrieval", MOST)
        numbers |= under("retrieval", retrieval(inputs, codes, rows, bootstrap))
    return {
        key.replace(".both.", f".{side}."): number
        for side in "sd"
        for key, number in numbers.items()
    }


def _still(context: Context, pairs: Ints) -> Iterator[Video]:
    for cut in cuts(len(pairs), context.settings.batch):
        clips = read_any(context.inputs.real, pairs[cut, 0])
        yield clips[:, :1].expand_as(clips).contiguous()


def _swaps(context: Context) -> Numbers:
    """Of the pairs of `swap`."""
    inputs, bootstrap = context.inputs, context.bootstrap
    pairs = pairs_of(context)
    real = context.real().seen.verdicts
    place = np.searchsorted(inputs.test, pairs[:, 1])
    verdicts = {factor: p[place] for factor, p in real.items()}
    still = context.look(_still(context, pairs), "null swaps", len(pairs)).verdicts
    found = under("action_clip.swap", score(verdicts, inputs, pairs, bootstrap))
    return found | under("still.swap", score(still, inputs, pairs, bootstrap))


def mean_clip(inputs: Inputs, rows: Ints) -> Video:
    """[1, T, C, H, W] the average of training clips."""
    total = sum(clips.double().sum(0, keepdim=True) for clips in real_clips(inputs, rows, AT_ONCE))
    assert not isinstance(total, int)
    return (total / len(rows)).float()


def _reconstructions(context: Context, train: Ints) -> Numbers:
    inputs, test = context.inputs, context.inputs.test
    seen = {"still": Fidelity(inputs.real, test), "mean_clip": Fidelity(inputs.real, test)}
    average = mean_clip(inputs, train)
    for clips in real_clips(inputs, test, context.settings.batch):
        seen["still"].see(clips[:, :1].expand_as(clips).contiguous())
        seen["mean_clip"].see(average.expand_as(clips).contiguous())
    groups = inputs.groups[test]
    return {
        f"{name}.reconstruction.{key}": context.bootstrap.mean(values, groups)
        for name, fidelity in seen.items()
        for key, values in fidelity.values().items()
    }


def _all(context: Context) -> Numbers:
    rng = context.rng("nulls")
    train = some_training(context.inputs, rng)
    numbers = _reconstructions(context, train)
    if not context.inputs.labels:
        return numbers
    with suppress(NotMeasured):  # said of `swap`
        numbers |= _swaps(context)
    inputs = replace(context.inputs, train=train)
    random = rng.standard_normal((len(inputs.real), RANDOM))
    for name, code in (("whole_clip", whole_clips(inputs)), ("random", random)):
        numbers |= under(name, _of_codes(context, inputs, code, name))
    return numbers


def measure(context: Context) -> Numbers:
    """Kept figures, or new ones."""
    if not context.settings.nulls:
        raise NotMeasured("it was not asked for: --nulls true")
    return context.cached("nulls", lambda: _all(context))


METRIC = Metric("null", measure)
