"""Several runs as one result, what is not yet good, and the tables that people read."""

import io
import re
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import binom

from vdsm.card.numbers import numbers
from vdsm.errors import InputError
from vdsm.evaluate import aggregate, print_report, progress_bar, shortcomings
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.readings import Readings
from vdsm.evaluate.result import Number, flatten, to_tree, under
from vdsm.evaluate.scan import Reading, scan

ROLES = {"hair": "identity", "action": "action"}
PROBE = {"accuracy": 0.9, "chance": 0.125, "excess": 0.886, "shuffled": 0.12}
RAW = {"accuracy": 0.4, "chance": 0.125, "excess": 0.31}
SCAN = {"p_value": 0.5, "share": 0.1, "accuracy": 0.2, "expected": 0.15}


def probe(accuracy: float, chance: float = 0.125, p_value: float = 0.5) -> dict[str, float]:
    numbers: dict[str, float] = {f"scan.{k}": v for k, v in SCAN.items()}
    numbers["scan.p_value"] = p_value
    for kind in ("linear", "mlp"):
        numbers |= {f"{kind}.{k}": v for k, v in PROBE.items()}
        numbers |= {f"{kind}.accuracy": accuracy, f"{kind}.chance": chance}
    return numbers


def result(**changes: float) -> dict[str, Any]:
    """A result that meets every target, but for the changes, whose keys have __ for a dot."""
    values: dict[str, float] = {f"judge.{f}.accuracy": 1.0 for f in ROLES}
    values |= {f"reconstruction.accuracy.{f}": 1.0 for f in ROLES}
    values |= {"reconstruction.psnr": 31.25, "reconstruction.ssim": 0.95}
    values |= {f"consistency.{f}": 1.0 for f in ROLES} | {"paper.accuracy_consistency": 1.0}
    values |= {"swap.joint": 0.995, "swap.identity": 1.0, "swap.action": 1.0}
    for factor in ROLES:
        kinds = {"on_target": 1.0, "off_target": 0.0, "chance": 0.1}
        values |= {f"swap.factors.{factor}.{k}": v for k, v in kinds.items()}
    values |= {"prior.accuracy": 1.0, "prior.h_y": 2.1, "prior.h_y_given_x": 0.01}
    values |= {"prior.inception_score": 8.5, "frechet.judge": 1.5, "frechet.judge_real": 0.5}
    for code in "sd":
        for factor, role in ROLES.items():
            own = (code == "s") == (role == "identity")
            chosen = probe(1.0 if own else 0.125)
            values |= {f"leakage.{code}.{factor}.{k}": v for k, v in chosen.items()}
    values |= {"verification.s.eer": 0.02, "verification.d.eer": 0.49}
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    numbers = {k: Number(v, 500, (v - 0.01, v + 0.01)) for k, v in values.items()}
    return to_tree(numbers) | {"n": 500, "seed": 0, "left_out": {"unseen": "none was left out"}}


def printed(found: dict[str, Any], dataset: str | None = None, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_report(found, ROLES, dataset, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_trees_and_flat_keys() -> None:
    numbers = under("swap", {"joint": Number(0.5, 10, (0.4, 0.6)), "action": Number(np.nan, 0)})
    tree = to_tree(numbers)
    assert tree["swap"] == {"joint": 0.5, "action": None}
    assert tree["intervals"] == {"swap.joint": [0.4, 0.6]}
    assert tree["counts"] == {"swap.joint": 10, "swap.action": 0}
    assert flatten(tree) == {"swap.joint": 0.5, "swap.action": None}


def test_several_runs_have_a_mean_and_a_standard_deviation() -> None:
    shares = [0.90, 0.94, 0.98]
    runs = [result(swap__joint=share) for share in shares]
    together = aggregate(runs)
    assert together["swap"]["joint"] == pytest.approx(0.94)
    assert together["sd"]["swap.joint"] == pytest.approx(np.std(shares, ddof=1))
    assert together["sd"]["swap.action"] == 0
    assert together["intervals"]["swap.joint"] == pytest.approx([0.93, 0.95])
    assert together["runs"] == 3
    assert together["n"] == 500
    assert together["missing"] == []
    assert "94.0 ± 4.0" in printed(together)
    assert "mean ± sd of 3 runs" in printed(together)


def test_one_run_has_no_standard_deviation() -> None:
    together = aggregate([result()])
    assert together["sd"] == {}
    assert together["swap"]["joint"] == pytest.approx(0.995)


def test_figures_that_a_run_lacks_are_named() -> None:
    lacking = result()
    del lacking["prior"]
    together = aggregate([result(), lacking])
    assert "prior" not in together
    assert set(together["missing"]) == {k for k in flatten(result()) if k.startswith("prior.")}


def test_runs_of_other_test_clips_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[400, 500\] test clips"):
        aggregate([result(), result() | {"n": 400}])
    with pytest.raises(InputError, match="no results"):
        aggregate([])


def test_luck_with_few_test_clips_is_no_leak() -> None:
    """Guesses of 18 clips at 1 in 8: four or more right are 5 points above chance and not rare.

    The tail of an interval is 2.5 % of 1,000 tries; five standard deviations of both counts.
    """
    rng, points, said = np.random.default_rng(0), 0, 0
    for i in range(1000):
        right = (rng.random(18) < 0.125).astype(np.float64)
        ratio = Bootstrap(100, i).ratio(right - 0.125, np.full(18, 0.875), np.arange(18))
        guessed = result(leakage__d__hair__mlp__accuracy=float(right.mean()))
        guessed["intervals"]["leakage.d.hair.mlp.excess"] = ratio.interval
        points += right.mean() > 0.125 + 0.05
        said += len(shortcomings(guessed, ROLES))
    expected = binom.sf(3, 18, 0.125)
    assert points == pytest.approx(1000 * expected, abs=5 * np.sqrt(1000 * expected))
    assert said < 25 + 5 * np.sqrt(25)


def test_a_leak_without_an_interval_is_said() -> None:
    leaky = result(leakage__d__hair__mlp__accuracy=0.85)
    del leaky["intervals"]["leakage.d.hair.mlp.excess"]
    assert len(shortcomings(leaky, ROLES)) == 1
    leaky["intervals"]["leakage.d.hair.mlp.excess"] = [-0.01, 0.9]
    assert shortcomings(leaky, ROLES) == []
    leaky["leakage"]["d"]["hair"]["linear"]["accuracy"] = 0.75  # the other probe is sure of less
    assert "(linear) reads it in 75.0 %" in shortcomings(leaky, ROLES)[0]


def test_a_rare_leak_of_every_run_is_said_of_all_together() -> None:
    """Five runs whose d holds the hair of eight clips in a hundred exactly.

    The eight surest are right by luck in 8^-8 of permutations: p is the least that it can be.
    """
    runs = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth, guess = rng.integers(8, size=(2, 100))
        sure = np.arange(100) < 8
        reading = Reading(np.where(sure, truth, guess), sure + rng.random(100))
        found = scan([reading], truth, np.arange(100), rng)
        runs.append(result(**{f"leakage__d__hair__scan__{k}": v.value for k, v in found.items()}))
    sentences = shortcomings(aggregate(runs), ROLES)
    assert len(sentences) == 1
    assert "hair leaks into d a little: of the surest 8.0 %" in sentences[0]


def test_nothing_is_wrong_where_every_target_is_met() -> None:
    assert shortcomings(result(), ROLES) == []
    assert "Every target of the panel is met." in printed(result())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"swap__joint": 0.25, "swap__factors__hair__on_target": 0.3}, "25.0 % of swaps .* hair"),
        ({"unseen__joint": 0.5, "unseen__factors__hair__on_target": 0.5}, "unseen combinations"),
        (
            {"leakage__s__hair__mlp__accuracy": 0.8, "leakage__s__hair__linear__accuracy": 0.7},
            "hair is read from s in 80.0 % only",
        ),
        ({"leakage__d__hair__mlp__accuracy": 0.85}, r"hair leaks into d: a probe \(mlp\) reads"),
        ({"leakage__s__action__linear__accuracy": 0.4}, r"action leaks into s: .* \(linear\)"),
        ({"leakage__s__action__scan__p_value": 0.001}, "action leaks into s a little"),
        (
            {
                f"leakage_raw__d__hair__{p}__{k}": v
                for p in ("linear", "mlp")
                for k, v in RAW.items()
            },
            "hair leaks into d, before it is read out: a probe .* 40.0 %, chance is 12.5 %",
        ),
        ({"prior__accuracy": 0.9}, "identity from the prior .* 90.0 %"),
        ({"paper__accuracy_consistency": 0.95}, "reconstruction in 95.0 %"),
    ],
)
def test_what_is_not_yet_good_is_said_plainly(changes: dict[str, float], says: str) -> None:
    poor = result(**changes)
    sentences = shortcomings(poor, ROLES)
    assert len(sentences) == 1
    assert re.search(says, sentences[0])
    assert "Not yet good:" in printed(poor)


def test_a_generator_that_judges_cannot_read_is_not_yet_good() -> None:
    vague = {"recombination": {"joint": 0.6, "sure": 0.2, "h_y": 1.0}, "judge": {}, "n": 9}
    first, second = shortcomings(vague, ROLES)
    assert first == "the judges are sure of 20.0 % of its draws only; the target is 90.0 %"
    assert second.startswith("60.0 % of recombined draws are judged alike")
    assert "Not yet good:" in printed(vague)
    assert "No target of the panel could be measured." in printed({"judge": {}, "n": 9})


def test_the_tables_stand_beside_the_paper_chance_and_literature() -> None:
    text = printed(result(), "sprites")
    for expected in ("99.33", "45.00", "99.53", "S3VAE", "C-DSVAE", "99.99", "12.5", "500"):
        assert expected in text, expected
    for expected in ("31.25 [31.24, 31.26]", "not measured: unseen: none was left out"):
        assert expected in text, expected
    assert "S3VAE" not in printed(result())
    assert "G3AN" in printed(result(), "mug")


def test_the_least_p_value_is_not_printed_as_nought() -> None:
    assert "0.0001" in printed(result(leakage__s__action__scan__p_value=1e-4))


def test_of_two_probes_the_better_is_shown() -> None:
    linear = result(leakage__d__hair__linear__accuracy=0.7, leakage__d__hair__mlp__accuracy=0.3)
    mlp = result(leakage__d__hair__linear__accuracy=0.3, leakage__d__hair__mlp__accuracy=0.8)
    assert Readings(linear).better("d", "hair") == "leakage.d.hair.linear.accuracy"
    assert Readings(mlp).better("d", "hair") == "leakage.d.hair.mlp.accuracy"
    for found, best in ((linear, "70.0"), (mlp, "80.0")):
        row = next(line for line in printed(found, "sprites").splitlines() if "21.00" in line)
        assert best in row, "Table 1"
        assert best in numbers(found | {"roles": ROLES}).splitlines()[-2], "the card"


def test_tables_fit_a_narrow_terminal() -> None:
    assert max(len(line) for line in printed(result(), "sprites", 80).splitlines()) <= 80


def test_the_progress_bar_counts() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress_bar(console) as bar:
        bar("swaps", 0, 40)
        bar("swaps", 40, 40)
        bar("probes", 1, 3)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "40/40" in text
    assert "1/3" in text


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    """One as each step begins, whatever the width."""
    console = Console(file=io.StringIO(), width=10)
    assert isinstance(console.file, io.StringIO)
    with progress_bar(console) as bar:
        bar("swaps", 0, 40)
        assert console.file.getvalue() == "evaluate: swaps\n"
        bar("swaps", 40, 40)
        bar("real test clips", 0, 3)
    assert console.file.getvalue() == "evaluate: swaps\nevaluate: real test clips\n"
