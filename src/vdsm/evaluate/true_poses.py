"""`truth.pose.*`: what each code says of the true pose, where the data were drawn and it is known.

A linear read-out (ridge regression of standardised codes) learns the truth of training clips and
is asked about test clips: of z frame by frame, of codes of a whole clip their mean over frames.

    R² = 1 - Σ (y - ŷ)² / Σ (y - mean y)²

of each column that varies, and their mean. z and d should hold the pose, s should not. Beside them
`individual`, what knowing who it is says (the mean of the individual's training clips: people
differ in how strongly they show a feeling), and `shuffled`, a read-out that was taught the truth
of other clips. No judge is needed.
"""

import numpy as np
from sklearn.linear_model import Ridge

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Array, CodeArrays, Inputs, Truth
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.metric import Metric, NotMeasured
from vdsm.evaluate.result import Number, Numbers, under

MOST_TRAIN = 2000  # clips
PENALTY = 1.0  # of the ridge, for codes of variance 1
STILL = 1e-3  # deviation of a column, of the largest one's, below which it does not vary


def measure(context: Context) -> Numbers:
    """`<code>.{mean,<column>}`, and of means over clips `individual.*` and `shuffled.*`."""
    inputs, rng = context.inputs, context.rng("truth.pose")
    assert inputs.truth is not None
    train = np.sort(rng.permutation(inputs.train)[:MOST_TRAIN])
    names, poses = varying(inputs.truth, train, inputs.test)
    codes: dict[str, Array] = dict(asked(inputs))
    numbers: Numbers = {}
    for name, code in codes.items():
        parts = over_time(code, poses)
        said = read_out(*parts, train, inputs.test)
        numbers |= under(name, scores(said, parts[1], inputs, names, context.bootstrap))
    first = next(iter(codes.values()))
    parts = over_time(first, poses)
    mixed = read_out(parts[0], parts[1], train, inputs.test, rng.permutation(train))
    averages = poses.mean(1, keepdims=True)
    alone = individuals_mean(averages, inputs.groups, train, inputs.test)
    numbers |= under("shuffled", scores(mixed, parts[1], inputs, names, context.bootstrap))
    return numbers | under("individual", scores(alone, averages, inputs, names, context.bootstrap))


def asked(inputs: Inputs) -> CodeArrays:
    """The codes as they read, and those before their readout."""
    raw = {f"{name}_raw": code for name, code in inputs.raw.items()}
    return {**inputs.codes, **raw}


def varying(truth: Truth, train: Ints, test: Ints) -> tuple[list[str], Floats]:
    """Names, without what they have in common before a dot, and [N, T, K] of what varies."""
    poses = np.asarray(truth.poses, np.float64)
    spread = np.minimum(*(poses[rows].std((0, 1)) for rows in (train, test)))
    kept = np.flatnonzero(spread > STILL * spread.max()) if spread.size else np.zeros(0, np.int64)
    if not len(kept):
        raise NotMeasured("nothing that is known of the frames varies")
    return [truth.names[k].rpartition(".")[2] for k in kept], poses[:, :, kept]


def over_time(code: Array, poses: Floats) -> tuple[Floats, Floats]:
    """Codes [N, t, k] and what they are asked for [N, t, K]: t is T, or 1 of a whole clip's."""
    if code.ndim == 3 and code.shape[1] == poses.shape[1]:
        return code.astype(np.float64), poses
    flat = code.reshape(len(code), -1)[:, None]
    return flat.astype(np.float64), poses.mean(1, keepdims=True)


def read_out(
    codes: Floats, poses: Floats, train: Ints, test: Ints, taught: Ints | None = None
) -> Floats:
    """[n, t, K] said of the test rows. taught: rows whose truth training codes go with."""
    x, y = (part.reshape(-1, part.shape[2]) for part in (codes[train], poses[train]))
    if taught is not None:
        y = poses[taught].reshape(y.shape)
    centre, scale = x.mean(0), x.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    model = Ridge(PENALTY).fit((x - centre) / scale, y)
    asked_of = (codes[test].reshape(-1, codes.shape[2]) - centre) / scale
    said: Floats = model.predict(asked_of).reshape(len(test), codes.shape[1], -1)
    return said


def individuals_mean(poses: Floats, groups: Ints, train: Ints, test: Ints) -> Floats:
    """[n, 1, K] the mean of the individual's training clips; of all, for an unknown one."""
    everybody = poses[train].mean(0)
    known = {g: poses[train[groups[train] == g]].mean(0) for g in np.unique(groups[train])}
    return np.stack([known.get(g, everybody) for g in groups[test]])


def scores(
    said: Floats, poses: Floats, inputs: Inputs, names: list[str], bootstrap: Bootstrap
) -> Numbers:
    """`mean`, in which every column counts alike, and R² of each column, with intervals."""
    true, units = poses[inputs.test], inputs.groups[inputs.test]
    missed = np.square(true - said).sum(1)
    spread = np.square(true - true.mean((0, 1))).sum(1)
    missed, spread = (part / spread.sum(0) for part in (missed, spread))
    columns = {"mean": (missed.sum(1), spread.sum(1))}
    columns |= {name: (missed[:, k], spread[:, k]) for k, name in enumerate(names)}
    return {name: explained(bootstrap.ratio(*parts, units)) for name, parts in columns.items()}


def explained(missed: Number) -> Number:
    """1 - the share that is missed."""
    low, high = missed.interval or (float("nan"), float("nan"))
    interval = None if missed.interval is None else (1 - high, 1 - low)
    return Number(1 - missed.value, missed.n, interval)


METRIC = Metric("truth.pose", measure, ("truth", "codes"))
