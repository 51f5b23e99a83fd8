"""`leakage.*`: what can be read from a code. A linear probe and another, chance, and a control.

A probe learns from codes of training clips and is scored on codes of every test clip. Chance is
what can be had without the code, the better of two strategies: to guess evenly (1 / number of
values), or always to name the value most frequent among the training clips, scored on the same
test clips. (The second alone would be too low where individuals are held out of a balanced set:
what is frequent among those that remain is rare among those held out.) Excess is (accuracy -
chance) / (1 - chance): 0 where the code holds nothing that the probe can use, 1 where it holds
it all. The control is the mean of several such probes taught with shuffled labels, and its interval
is over the shuffles; were it far above chance, the measurement itself would be broken.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

from vdsm.data.clips import Floats, Ints
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Array, Inputs, standardised
from vdsm.evaluate.intervals import Bootstrap, students
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Number, Numbers, under
from vdsm.evaluate.scan import Reading, scan
from vdsm.evaluate.seeds import generator, integer
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Progress

KINDS = ("linear", "mlp")
CONTROL_CODES = 2000
LINEAR_STEPS = 2000  # of L-BFGS; a well-conditioned fit needs some tens
MLP_WIDTH = 256
MLP_BATCH = 512
MLP_RATE = 2e-3
MLP_EPOCHS = 200
MLP_PATIENCE = 15  # epochs without a better held-back score


@dataclass(frozen=True)
class Split:
    """One code and one factor: what a probe learns from, and what it is scored on."""

    codes: Floats  # [m, k] training codes, standardised
    labels: Ints  # [m]
    test_codes: Floats  # [n, k] on the training codes' scale
    test_labels: Ints  # [n]
    test_groups: Ints  # [n]
    classes: int


def leakage(
    inputs: Inputs, settings: Settings, bootstrap: Bootstrap, progress: Progress
) -> Numbers:
    """`<code>.<factor>.{linear,mlp}.{accuracy,chance,excess,shuffled}` and `.scan.*`."""
    codes = {**inputs.codes, **inputs.probed}
    return read_all(codes, inputs, settings, bootstrap, progress, "probes")


def read_all(
    codes: Mapping[str, Array],
    inputs: Inputs,
    settings: Settings,
    bootstrap: Bootstrap,
    progress: Progress,
    what: str,
    controlled: bool = True,
) -> Numbers:
    """Every factor from every code; uncontrolled without shuffled labels and without the scan."""
    jobs = [(code, factor) for code in codes for factor in inputs.labels]
    numbers: Numbers = {}
    for done, (code, factor) in enumerate(jobs):
        progress(what, done, len(jobs))
        name = f"{code}.{factor}"
        split = split_of(inputs, codes[code], factor, settings)
        if controlled:
            found = probe(split, settings.seed, name, bootstrap, settings.shuffles)
        else:
            found = plain_probe(split, settings.seed, name, bootstrap)
        numbers |= under(name, found)
    progress(what, len(jobs), len(jobs))
    return numbers


def split_of(inputs: Inputs, code: Array, factor: str, settings: Settings) -> Split:
    """Standardised codes and known labels."""
    labels = inputs.labels[factor]
    known = inputs.train[labels[inputs.train] >= 0]
    chosen = generator(settings.seed, f"probes.{factor}").permutation(known)
    train = np.sort(chosen[: settings.probe_clips])
    test = inputs.test[labels[inputs.test] >= 0]
    codes = standardised(code, train)
    return Split(
        codes=codes[train],
        labels=labels[train],
        test_codes=codes[test],
        test_labels=labels[test],
        test_groups=inputs.groups[test],
        classes=inputs.classes[factor],
    )


def probe(split: Split, seed: int, name: str, bootstrap: Bootstrap, shuffles: int) -> Numbers:
    """Every figure of one code and one factor."""
    numbers: Numbers = {}
    readings = [nearest(split)]
    for kind in KINDS:
        reading = read_code(kind, split, integer(seed, f"{name}.{kind}"))
        readings.append(reading)
        scores = _scores(split, reading, bootstrap)
        scores["shuffled"] = _control(kind, split, seed, name, shuffles)
        numbers |= under(kind, scores)
    found = scan(readings, split.test_labels, split.test_groups, generator(seed, f"{name}.scan"))
    return numbers | under("scan", found)


def plain_probe(split: Split, seed: int, name: str, bootstrap: Bootstrap) -> Numbers:
    """`{linear,mlp}.{accuracy,chance,excess}`, as `probe` has them."""
    numbers: Numbers = {}
    for kind in KINDS:
        reading = read_code(kind, split, integer(seed, f"{name}.{kind}"))
        numbers |= under(kind, _scores(split, reading, bootstrap))
    return numbers


def chance_of(train_labels: Ints, test_labels: Ints, classes: int) -> Floats:
    """[n] what is right on each test clip without any code; its mean is chance."""
    usual = (test_labels == np.bincount(train_labels).argmax()).astype(np.float64)
    better = len(usual) > 0 and usual.mean() > 1 / classes
    return usual if better else np.full(len(test_labels), 1 / classes)


def _scores(split: Split, reading: Reading, bootstrap: Bootstrap) -> Numbers:
    units = split.test_groups
    right = reading.predicted == split.test_labels
    baseline = chance_of(split.labels, split.test_labels, split.classes)
    accuracy, chance = bootstrap.share(right, units), bootstrap.mean(baseline, units)
    excess = bootstrap.ratio(right - baseline, 1 - baseline, units)
    if accuracy.value in (0.0, 1.0) and accuracy.interval:  # a bootstrap of these has no width
        bounds = [(bound - chance.value) / (1 - chance.value) for bound in accuracy.interval]
        excess = Number(excess.value, excess.n, (bounds[0], bounds[1]))
    return {"accuracy": accuracy, "chance": chance, "excess": excess}


def _control(kind: str, split: Split, seed: int, name: str, shuffles: int) -> Number:
    """Mean accuracy of probes taught with shuffled labels, on fewer codes: nothing is to learn."""
    found = []
    for i in range(shuffles):
        stream = f"{name}.{kind}.control.{i}"
        rng = generator(seed, stream)
        some = rng.permutation(len(split.labels))[:CONTROL_CODES]
        fewer = replace(split, codes=split.codes[some], labels=rng.permutation(split.labels[some]))
        reading = read_code(kind, fewer, integer(seed, stream))
        found.append(float(np.mean(reading.predicted == split.test_labels)))
    mean, error = float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(shuffles))
    reach = students(shuffles) * error
    return Number(mean, len(split.test_labels), (mean - reach, mean + reach))


def read_code(kind: str, split: Split, seed: int) -> Reading:
    """Teach a probe; what it says of the test codes, and how sure it is."""
    if len(np.unique(split.labels)) == 1:  # a shuffle of few codes that missed a rare value
        return always(split)
    model = _linear() if kind == "linear" else _mlp(split.labels, seed)
    with warnings.catch_warnings():
        # Both stop at a budget of steps by design; the budget is far beyond what fits need.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(split.codes, split.labels)
    probabilities = model.predict_proba(split.test_codes)
    best = probabilities.argmax(-1)
    return Reading(
        predicted=np.asarray(model.classes_, np.int64)[best],
        confidence=np.take_along_axis(probabilities, best[:, None], 1)[:, 0].astype(np.float64),
    )


def nearest(split: Split) -> Reading:
    """The value of the nearest training code, surer the farther the next value's nearest code is.

    Finds codes that are copies, or that lie apart, in too few clips for the other probes to learn.
    """
    values = np.unique(split.labels)
    if len(values) == 1:
        return always(split)
    distance = np.full((len(split.test_codes), len(values)), np.inf)
    for i, value in enumerate(values):
        search = NearestNeighbors(n_neighbors=1).fit(split.codes[split.labels == value])
        distance[:, i] = search.kneighbors(split.test_codes)[0][:, 0]
    two = np.sort(distance, axis=1)[:, :2]
    return Reading(predicted=values[distance.argmin(axis=1)], confidence=two[:, 1] - two[:, 0])


def always(split: Split) -> Reading:
    """The one value that the training codes have, of which nothing says how sure it is."""
    n = len(split.test_labels)
    return Reading(np.full(n, split.labels[0]), np.zeros(n))


def _linear() -> Any:
    return LogisticRegression(max_iter=LINEAR_STEPS)


def _mlp(labels: Ints, seed: int) -> Any:
    """Stops early by a tenth of the codes, where that tenth can hold every class."""
    counts = np.bincount(labels)
    present = counts[counts > 0]
    early = present.min() >= 2 and 0.1 * len(labels) >= len(present)
    return MLPClassifier(
        (MLP_WIDTH,),
        batch_size=min(MLP_BATCH, (len(labels) + 1) // 2),
        learning_rate_init=MLP_RATE,
        early_stopping=bool(early),
        max_iter=MLP_EPOCHS,
        n_iter_no_change=MLP_PATIENCE,
        random_state=seed,
    )


def measure(context: Context) -> Numbers:
    """Of every code, and of samples where these are given."""
    return leakage(context.inputs, context.settings, context.bootstrap, context.progress)


METRIC = Metric("leakage", measure, ("labels", "codes"))
