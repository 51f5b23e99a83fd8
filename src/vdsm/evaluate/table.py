"""Tables for people: figures with intervals, beside chance, the paper and the literature."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from vdsm.evaluate import literature
from vdsm.evaluate.result import flatten
from vdsm.evaluate.shortcomings import shortcomings
from vdsm.screen import screen

NONE = "–"


class Readings:
    """Looks up the figures of a result, printed with what is known of their spread."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.values = flatten(result)
        self.intervals = result.get("intervals", {})
        self.counts = result.get("counts", {})
        self.sd = result.get("sd", {})

    def value(self, key: str) -> float | None:
        """The bare figure."""
        return self.values.get(key)

    def percent(self, key: str) -> str:
        """98.7 [97.9, 99.3], or 98.7 ± 0.4 over runs."""
        return self._print(key, 100, 1)

    def number(self, key: str, digits: int = 3) -> str:
        """The same without the factor of 100."""
        return self._print(key, 1, digits)

    def _print(self, key: str, factor: float, digits: int) -> str:
        value = self.values.get(key)
        if value is None:
            return NONE
        shown = f"{factor * value:.{digits}f}"
        interval = self.intervals.get(key)
        if key in self.sd:
            shown += f" ± {factor * self.sd[key]:.{digits}f}"
        elif interval and None not in interval:
            low, high = (f"{factor * bound:.{digits}f}" for bound in interval)
            shown += f" [{low}, {high}]"
        return shown

    def better(self, code: str, factor: str) -> str:
        """The key of the accuracy of the probe that reads more of a factor from a code."""
        keys = [f"leakage.{code}.{factor}.{probe}.accuracy" for probe in ("mlp", "linear")]
        return max(keys, key=lambda key: self.value(key) or 0)

    def children(self, prefix: str) -> list[str]:
        """Names that follow a prefix, in order."""
        start = prefix + "."
        names = (key[len(start) :].split(".")[0] for key in self.values if key.startswith(start))
        return list(dict.fromkeys(names))


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
        _leakage(figures),
        _swaps(figures, "swap", "Swaps: identity of one clip, motion of another"),
    ]
    if figures.children("unseen"):
        parts.append(_swaps(figures, "unseen", "Swaps into combinations that training left out"))
    parts += [_prior(figures, dataset), _fidelity(figures, dataset), _verification(figures)]
    parts += list(_remarks(result, roles))
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


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _judges(figures: Readings, result: Mapping[str, Any]) -> Table:
    n, runs = result.get("n"), result.get("runs", 1)
    over = f", mean ± sd of {runs} runs" if runs > 1 else " [95 % interval]"
    table = _table(
        f"Judges on {n} real test clips; percent{over}",
        "factor",
        "accuracy",
        "n",
        "reconstructions",
    )
    for factor in figures.children("judge"):
        key = f"judge.{factor}.accuracy"
        again = figures.percent(f"reconstruction.accuracy.{factor}")
        table.add_row(factor, figures.percent(key), str(figures.counts.get(key, NONE)), again)
    return table


def _paper(figures: Readings, dataset: str | None) -> Table:
    """Table 1 of the paper, and its mean. Of both probes the better, the harder reading."""
    printed = literature.TABLE_1.get(dataset or "", {})
    moves = "d" if "d" in figures.children("leakage") else "z"
    table = _table(
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
        cells = [c for o, t in zip(ours, theirs, strict=True) for c in (o, _plain(t))]
        table.add_row(factor, *cells, _bare(figures, f"leakage.s.{factor}.linear.chance"))
    mean = literature.TABLE_2.get(dataset or "", {}).get("VDSM")
    table.add_row("mean", figures.percent("paper.accuracy_consistency"), _plain(mean))
    return table


def _leakage(figures: Readings) -> Table:
    table = _table(
        "What can be read from each code: probes learn on training clips, percent",
        *("code", "factor", "linear", "MLP", "chance", "excess (MLP)", "shuffled", "rare leak, p"),
    )
    for code in figures.children("leakage"):
        for factor in figures.children(f"leakage.{code}"):
            key = f"leakage.{code}.{factor}"
            table.add_row(
                code,
                factor,
                figures.percent(f"{key}.linear.accuracy"),
                figures.percent(f"{key}.mlp.accuracy"),
                _bare(figures, f"{key}.mlp.chance"),
                figures.percent(f"{key}.mlp.excess"),
                _bare(figures, f"{key}.mlp.shuffled"),
                figures.number(f"{key}.scan.p_value", 4),
            )
        table.add_section()
    return table


def _swaps(figures: Readings, prefix: str, title: str) -> Table:
    table = _table(f"{title}, percent", "factor", "on target", "off target", "chance")
    for factor in figures.children(f"{prefix}.factors"):
        key = f"{prefix}.factors.{factor}"
        table.add_row(
            factor,
            figures.percent(f"{key}.on_target"),
            figures.percent(f"{key}.off_target"),
            _bare(figures, f"{key}.chance"),
        )
    table.add_section()
    for name, label in (
        ("identity", "every identity factor"),
        ("action", "every action factor"),
        ("joint", "all together"),
    ):
        table.add_row(label, figures.percent(f"{prefix}.{name}"))
    return table


def _prior(figures: Readings, dataset: str | None) -> Table | None:
    if not figures.children("prior"):
        return None
    table = _table(
        "An identity drawn anew, motion of a test clip: the judge's action",
        *("", "Acc, percent", "H(y|x), nats", "H(y), nats", "IS"),
    )
    for row, name in (("prior", "from the prior"), ("fitted", "from the fitted density")):
        if figures.children(row):
            table.add_row(
                name,
                figures.percent(f"{row}.accuracy"),
                figures.number(f"{row}.h_y_given_x"),
                figures.number(f"{row}.h_y"),
                figures.number(f"{row}.inception_score", 2),
            )
    for name, accuracy in literature.PRIOR_ACCURACY.get(dataset or "", {}).items():
        table.add_row(name, _plain(accuracy))
    return table


FRECHET = {  # the end of a key, and what clips it is of
    "_generated": "clips from the priors",
    "_fitted": "clips from the fitted densities",
    "_real": "real training clips",
}


def _fidelity(figures: Readings, dataset: str | None) -> Table:
    table = _table("Fidelity", "", "value")
    table.add_row("PSNR, dB", figures.number("reconstruction.psnr", 2))
    table.add_row("SSIM", figures.number("reconstruction.ssim"))
    for name in figures.children("frechet"):
        kind = next((kind for kind in FRECHET if name.endswith(kind)), "")
        space, clips = name.removesuffix(kind), FRECHET.get(kind, "reconstructions")
        table.add_row(f"Fréchet, {space}: {clips}", figures.number(f"frechet.{name}", 2))
    if dataset == "mug":
        for name, value in literature.TABLE_3.items():
            table.add_row(f"Table 3 of the paper, resnext101: {name}", f"{value:.2f}")
    return table


def _verification(figures: Readings) -> Table | None:
    if not figures.children("verification"):
        return None
    table = _table("Same individual? Equal error rate, percent (chance 50)", "code", "error")
    for code in figures.children("verification"):
        table.add_row(code, figures.percent(f"verification.{code}.eer"))
    return table


def _remarks(result: Mapping[str, Any], roles: Mapping[str, str]) -> Iterator[Text]:
    for part, reason in result.get("left_out", {}).items():
        yield Text(f"not measured: {part}: {reason}", style="dim")
    poor = shortcomings(result, roles)
    yield Text("Not yet good:" if poor else "Every target of the panel is met.", style="bold")
    for sentence in poor:
        yield Text(f"  {sentence}")


def _plain(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _bare(figures: Readings, key: str) -> str:
    value = figures.value(key)
    return NONE if value is None else f"{100 * value:.1f}"
