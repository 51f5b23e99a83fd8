"""Tables for people: figures with intervals, beside chance, the paper and the literature."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from vdsm.evaluate import literature
from vdsm.evaluate.further_tables import (
    alone,
    codes,
    nulls,
    recombination,
    true_poses,
    true_swaps,
    unlabelled,
)
from vdsm.evaluate.readings import NONE, Readings, bare, plain, table
from vdsm.evaluate.result import by_reason, not_measured
from vdsm.evaluate.shortcomings import shortcomings, verdict
from vdsm.screen import screen


def report(
    result: Mapping[str, Any], roles: Mapping[str, str], dataset: str | None = None
) -> Group:
    """All tables of a result of `panel` or `aggregate`, to print with rich.

    roles: factor -> "identity" or "action". dataset: "sprites" or "mug" brings the numbers that
    others report of it; another name brings none.
    """
    figures = Readings(result)
    parts: list[Any] = [
        _judges(figures, result),
        _paper(figures, dataset),
        _leakage(figures, result.get("notes", {})),
        _swaps(figures, "swap", "Swaps: identity of one clip, motion of another"),
        _swaps(figures, "unseen", "Swaps into combinations that training left out"),
        _prior(figures, dataset),
        recombination(figures),
        alone(figures),
        _fidelity(figures, dataset),
        codes(figures),
        unlabelled(figures),
        true_swaps(figures),
        true_poses(figures),
        *nulls(figures),
        *_remarks(result, roles),
    ]
    return Group(*[piece for part in parts if part is not None for piece in _headed(part)])


def print_report(
    result: Mapping[str, Any],
    roles: Mapping[str, str],
    dataset: str | None = None,
    console: Console | None = None,
) -> None:
    """Print all tables."""
    (console or screen()).print(report(result, roles, dataset))


def _headed(part: Table | Text) -> Iterator[Table | Text]:
    """A table's title as a line of its own, which is not wrapped to the table's width."""
    if isinstance(part, Table):
        yield Text(f"\n{part.title}", style="bold")
        part.title = None
    yield part


def _judges(figures: Readings, result: Mapping[str, Any]) -> Table | None:
    if not figures.children("judge"):
        return None
    n, runs = result.get("n"), result.get("runs", 1)
    over = f", mean ± sd of {runs} runs" if runs > 1 else " [95 % interval]"
    shown = table(
        f"Judges on {n} real {result.get('split', 'test')} clips; percent{over}",
        "factor",
        "accuracy",
        "n",
        "reconstructions",
    )
    for factor in figures.children("judge"):
        key = f"judge.{factor}.accuracy"
        again = figures.percent(f"reconstruction.accuracy.{factor}")
        shown.add_row(factor, figures.percent(key), str(figures.counts.get(key, NONE)), again)
    return shown


def _paper(figures: Readings, dataset: str | None) -> Table | None:
    """Table 1 of the paper, and its mean. Of both probes the better, the harder reading."""
    if not figures.children("consistency"):
        return None
    printed = literature.TABLE_1.get(dataset or "", {})
    moves = figures.motion()
    shown = table(
        "Table 1 of the paper: Acc. Cons., ID and Dyn. embeddings, percent",
        *("factor", "Acc. Cons.", "paper", "ID (s)", "paper", f"Dyn. ({moves})", "paper", "chance"),
    )
    for factor in figures.children("consistency"):
        row = printed.get(factor)
        theirs = (row.consistency, row.from_s, row.from_d) if row else (None, None, None)
        ours = (
            figures.percent(f"consistency.{factor}"),
            figures.percent(figures.better("s", factor)),
            figures.percent(figures.better(moves, factor)),
        )
        cells = [c for o, t in zip(ours, theirs, strict=True) for c in (o, plain(t))]
        shown.add_row(factor, *cells, bare(figures, f"leakage.s.{factor}.linear.chance"))
    mean = literature.TABLE_2.get(dataset or "", {}).get("VDSM")
    shown.add_row("mean", figures.percent("paper.accuracy_consistency"), plain(mean))
    return shown


def _leakage(figures: Readings, notes: Mapping[str, str]) -> Table | None:
    """Every code, and under it the same one before its readout."""
    if not figures.children("leakage"):
        return None
    shown = table(
        "What can be read from each code: probes learn on training clips, percent",
        *("code", "factor", "linear", "MLP", "chance", "excess (MLP)", "shuffled", "rare leak, p"),
    )
    raw = [] if "leakage_raw" in notes else figures.children("leakage_raw")
    for code in figures.children("leakage"):
        for factor in figures.children(f"leakage.{code}"):
            shown.add_row(code, factor, *_probed(figures, f"leakage.{code}.{factor}"))
            if code in raw:
                shown.add_row("raw", "", *_probed(figures, f"leakage_raw.{code}.{factor}"))
        shown.add_section()
    return shown


def _probed(figures: Readings, key: str) -> tuple[str, ...]:
    return (
        figures.percent(f"{key}.linear.accuracy"),
        figures.percent(f"{key}.mlp.accuracy"),
        bare(figures, f"{key}.mlp.chance"),
        figures.percent(f"{key}.mlp.excess"),
        bare(figures, f"{key}.mlp.shuffled"),
        figures.number(f"{key}.scan.p_value", 4),
    )


def _swaps(figures: Readings, prefix: str, title: str) -> Table | None:
    if not figures.children(prefix):
        return None
    shown = table(f"{title}, percent", "factor", "on target", "off target", "chance")
    for factor in figures.children(f"{prefix}.factors"):
        key = f"{prefix}.factors.{factor}"
        shown.add_row(
            factor,
            figures.percent(f"{key}.on_target"),
            figures.percent(f"{key}.off_target"),
            bare(figures, f"{key}.chance"),
        )
    shown.add_section()
    for name, label in (
        ("identity", "every identity factor"),
        ("action", "every action factor"),
        ("joint", "all together"),
    ):
        shown.add_row(label, figures.percent(f"{prefix}.{name}"))
    return shown


def _prior(figures: Readings, dataset: str | None) -> Table | None:
    if not figures.children("prior"):
        return None
    shown = table(
        "An identity drawn anew, motion of a test clip: the judge's action",
        *("", "Acc, percent", "H(y|x), nats", "H(y), nats", "IS"),
    )
    for row, name in (("prior", "from the prior"), ("fitted", "from the fitted density")):
        if figures.children(row):
            shown.add_row(
                name,
                figures.percent(f"{row}.accuracy"),
                figures.number(f"{row}.h_y_given_x"),
                figures.number(f"{row}.h_y"),
                figures.number(f"{row}.inception_score", 2),
            )
    for name, accuracy in literature.PRIOR_ACCURACY.get(dataset or "", {}).items():
        shown.add_row(name, plain(accuracy))
    return shown


FRECHET = {  # the end of a key, and what clips it is of
    "_generated": "clips from the priors",
    "_fitted": "clips from the fitted densities",
    "_real": "real training clips",
}


def _fidelity(figures: Readings, dataset: str | None) -> Table | None:
    if not (figures.children("reconstruction") or figures.children("frechet")):
        return None
    shown = table("Fidelity", "", "value")
    if figures.children("reconstruction"):
        shown.add_row("PSNR, dB", figures.number("reconstruction.psnr", 2))
        shown.add_row("SSIM", figures.number("reconstruction.ssim"))
    for name in figures.children("frechet"):
        kind = next((kind for kind in FRECHET if name.endswith(kind)), "")
        space, clips = name.removesuffix(kind), FRECHET.get(kind, "reconstructions")
        shown.add_row(f"Fréchet, {space}: {clips}", figures.number(f"frechet.{name}", 2))
    if dataset == "mug":
        for name, value in literature.TABLE_3.items():
            shown.add_row(f"Table 3 of the paper, resnext101: {name}", f"{value:.2f}")
    return shown


def _remarks(result: Mapping[str, Any], roles: Mapping[str, str]) -> Iterator[Text]:
    for part, note in result.get("notes", {}).items():
        yield Text(f"note: {part}: {note}", style="dim")
    for reason, parts in by_reason(not_measured(result)).items():
        yield Text(f"not measured: {', '.join(parts)}: {reason}", style="dim")
    yield Text(verdict(result, roles), style="bold")
    for sentence in shortcomings(result, roles):
        yield Text(f"  {sentence}")
