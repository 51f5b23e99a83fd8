"""Probes and the scan on codes whose content is known."""

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from vdsm.evaluate.inputs import prepare
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.probes import Split, chance_of, leakage, nearest, probe, read_code
from vdsm.evaluate.scan import Reading, _permuted, scan
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import quiet

BOOTSTRAP = Bootstrap(300, 0)
VALUES = 5


def split(codes: np.ndarray, labels: np.ndarray, train: int, groups: Any = None) -> Split:
    test = len(labels) - train
    return Split(
        codes=codes[:train],
        labels=labels[:train],
        test_codes=codes[train:],
        test_labels=labels[train:],
        test_groups=np.arange(test) if groups is None else groups,
        classes=int(labels.max()) + 1,
    )


def measured(content: str, seed: int = 0) -> Any:
    """Figures of codes of 600 clips that hold a factor of 5 values in all, half or no clips."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(VALUES, size=1000)
    codes = 0.05 * rng.standard_normal((1000, 8))
    holds = {"all": np.ones(1000), "half": rng.random(1000) < 0.5, "none": np.zeros(1000)}[content]
    codes[:, :VALUES] += np.eye(VALUES)[labels] * holds[:, None]
    return probe(split(codes, labels, 600), seed, "s.factor", BOOTSTRAP, shuffles=4)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return {content: measured(content) for content in ("all", "half", "none")}


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_codes_that_hold_the_factor(found: Any, kind: str) -> None:
    assert found["all"][f"{kind}.accuracy"].value == 1.0
    assert found["all"][f"{kind}.excess"].value == 1.0
    assert found["all"][f"{kind}.excess"].interval[1] == 1.0


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_codes_that_hold_it_in_half_of_the_clips(found: Any, kind: str) -> None:
    """The best reading is right in half of the clips and guesses in the rest: excess 1/2."""
    excess = found["half"][f"{kind}.excess"]
    assert excess.value == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 400) / 0.8)
    assert excess.interval[0] < 0.5 < excess.interval[1]


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_codes_that_hold_nothing(found: Any, kind: str) -> None:
    low, high = found["none"][f"{kind}.excess"].interval
    assert low < 0 < high
    assert found["none"]["scan.p_value"].value > 0.01


@pytest.mark.parametrize("content", ["all", "none"])
def test_shuffled_labels_teach_nothing(found: Any, content: str) -> None:
    """Four shuffles; codes of 5 distinct values make each of them a guess of 5 values at once."""
    for kind in ("linear", "mlp"):
        spread = np.sqrt(0.2 * 0.8 / (5 if content == "all" else 400) / 4)
        assert found[content][f"{kind}.shuffled"].value == pytest.approx(0.2, abs=4 * spread)


def test_excess_is_what_it_says(found: Any) -> None:
    for numbers in found.values():
        accuracy, chance = numbers["mlp.accuracy"].value, numbers["mlp.chance"].value
        expected = (accuracy - chance) / (1 - chance)
        assert numbers["mlp.excess"].value == pytest.approx(expected)


def test_chance_is_the_better_of_guessing_evenly_and_naming_the_usual() -> None:
    skewed = np.array([0] * 8 + [1] * 2)
    assert chance_of(skewed, skewed, 2).mean() == pytest.approx(0.8)
    # Held out of a balanced set: what is usual in training is rare in the test set.
    assert chance_of(np.array([0, 0, 1]), np.array([1, 1, 1, 0]), 2).mean() == pytest.approx(0.5)


@pytest.mark.parametrize("leak", ["copies", "values"])
def test_a_leak_in_one_percent_of_the_clips_is_found(leak: str) -> None:
    """Codes of 40 training and 10 test clips give the factor away; all others are noise."""
    rng = np.random.default_rng(1)
    labels = rng.integers(9, size=5000)
    codes = rng.standard_normal((5000, 16))
    leaky = np.zeros(5000, np.bool_)
    leaky[[*rng.choice(4000, 40, replace=False), *rng.choice(range(4000, 5000), 10)]] = True
    prototypes = rng.standard_normal((9, 16)) if leak == "copies" else np.eye(16)[:9]
    _, clean = scanned(split(codes, labels, 4000))
    codes[leaky] = prototypes[labels[leaky]]
    right, planted = scanned(split(codes, labels, 4000))
    assert planted["p_value"].value == planted["least"].value == 0.0001
    assert planted["accuracy"].value > 0.7
    assert planted["share"].value <= 0.016
    assert clean["p_value"].value > 0.01
    for share in right:  # accuracy alone does not show it: its own standard deviation is 1 point
        assert share == pytest.approx(1 / 9, abs=0.03)


def scanned(one: Split) -> Any:
    """How often each probe is right, and what the scan finds in their readings."""
    readings = [nearest(one), *(read_code(kind, one, 0) for kind in ("linear", "mlp"))]
    found = scan(readings, one.test_labels, one.test_groups, np.random.default_rng(0))
    return [np.mean(r.predicted == one.test_labels) for r in readings], found


def test_of_one_value_among_the_training_codes_everything_is_that() -> None:
    """As where few codes are chosen, and a rare value is not among them."""
    rng = np.random.default_rng(0)
    labels = np.array([1] * 6 + [0, 1, 2])
    one = split(rng.standard_normal((9, 4)), labels, 6)
    for reading in (nearest(one), *(read_code(kind, one, 0) for kind in ("linear", "mlp"))):
        np.testing.assert_array_equal(reading.predicted, [1, 1, 1])
        np.testing.assert_array_equal(reading.confidence, [0, 0, 0])
    assert probe(one, 0, "s.factor", BOOTSTRAP, 2)["mlp.accuracy"].value == pytest.approx(1 / 3)


@pytest.mark.parametrize("values", ["one each", "mostly one", "all"])
def test_the_scan_raises_false_alarms_at_its_level(values: str) -> None:
    """100 experiments with clips in individuals, alike in labels and codes, that share nothing.

    P(more than 20 alarms at 10 %) < 1e-3; P(fewer than 2) < 1e-3.
    """
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(30), 8)

    def labels() -> np.ndarray:
        if values == "all":
            return rng.permuted(np.tile(np.repeat(np.arange(4), 2), (30, 1)), axis=1).ravel()
        usual = rng.integers(4, size=30)[groups]
        odd = rng.random(240) < (0 if values == "one each" else 0.1)
        return np.where(odd, rng.integers(4, size=240), usual)

    alarms = 0
    for _ in range(100):
        confidence = rng.random(30)[groups] if values == "one each" else rng.random(240)
        found = scan([Reading(labels(), confidence)], labels(), groups, rng, 99)
        alarms += found["p_value"].value <= 0.1
    assert 2 <= alarms <= 20


@pytest.mark.parametrize("single", [True, False])
def test_codes_that_are_all_the_same_give_nothing_away_in_sorted_labels(single: bool) -> None:
    """Ties are broken at random: in the order of the dataset the first would all be right."""
    truth = np.repeat(np.arange(9), 50)
    groups = np.arange(450) if single else np.repeat(np.arange(90), 5)
    nothing = Reading(np.zeros(450, np.int64), np.zeros(450))
    found = scan([nothing], truth, groups, np.random.default_rng(0))
    assert found["p_value"].value > 0.05


def test_of_few_individuals_the_least_p_value_is_said() -> None:
    """Of three, the true labelling is one of six."""
    truth = np.repeat(np.arange(3), 20)
    all_of_it = Reading(truth, np.ones(60))
    found = scan([all_of_it], truth, truth, np.random.default_rng(0))
    assert found["p_value"].value == found["least"].value == pytest.approx(1 / 6, abs=0.04)
    assert found["share"].value == found["accuracy"].value == 1.0


@pytest.mark.parametrize("sizes", [(1, 1, 2, 2, 3), (3, 3, 3)])
def test_every_permutation_that_keeps_individuals_together_is_as_likely(
    sizes: tuple[int, ...],
) -> None:
    """Against an enumeration, by the counts of 20,000; chi-square above 1 - 1e-4 is an alarm."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    truth = np.arange(len(groups)) % 3
    members = [np.flatnonzero(groups == g) for g in range(len(sizes))]
    within = [sorted(set(permutations(truth[rows].tolist()))) for rows in members]
    expected = set()
    for order in permutations(range(len(sizes))):
        if all(len(members[a]) == len(members[b]) for a, b in enumerate(order)):
            expected |= {sum(parts, ()) for parts in product(*(within[i] for i in order))}
    found = np.concatenate([*_permuted(truth, groups, np.random.default_rng(5), 20_000)])
    assert found.shape == (20_000, len(groups))
    rows, counts = np.unique(found, axis=0, return_counts=True)
    assert {tuple(row) for row in rows.tolist()} == expected
    if sizes == (3, 3, 3):  # each holds all three values, so all outcomes are as likely
        assert chisquare(counts).pvalue > 1e-4


def test_of_equally_striking_sets_the_largest_is_told() -> None:
    truth = np.arange(5000) % 9
    found = scan([Reading(truth, np.ones(5000))], truth, np.arange(5000), np.random.default_rng(0))
    assert found["share"].value == 1.0


def test_every_code_and_factor_is_measured_on_every_known_label() -> None:
    rng = np.random.default_rng(3)
    n = 120
    labels = {"hair": rng.integers(3, size=n), "action": rng.integers(2, size=n)}
    labels["hair"][:10] = -1
    inputs = prepare(
        real=np.zeros((n, 2, 4, 4, 1), np.uint8),
        labels=labels,
        roles={"hair": "identity", "action": "action"},
        split=(np.arange(n) % 3 == 0).astype(np.int64),
        codes={"s": rng.standard_normal((n, 4)), "z": rng.standard_normal((n, 5, 3))},
        probed={"s_sample": rng.standard_normal((n, 4))},
    )
    numbers = leakage(inputs, Settings(resamples=20, shuffles=2), Bootstrap(20, 0), quiet)
    codes = {tuple(key.split(".")[:2]) for key in numbers}
    assert codes == {(c, f) for c in ("s", "z", "s_sample") for f in labels}
    known = sum(labels["hair"][0::3] >= 0)
    assert {v.n for k, v in numbers.items() if k.endswith("hair.mlp.accuracy")} == {known}
    again = leakage(inputs, Settings(resamples=20, shuffles=2), Bootstrap(20, 0), quiet)
    assert {k: v.value for k, v in numbers.items()} == {k: v.value for k, v in again.items()}
