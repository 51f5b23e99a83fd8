"""The figures of an evaluation as Markdown: the headline, and a row for each factor."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vdsm.evaluate.readings import NONE, Readings

HEADLINE = (  # key of the result, what it says, percent or the number of digits
    ("swap.joint", "swaps right in every factor, percent", None),
    ("unseen.joint", "swaps into combinations that training left out, percent", None),
    ("prior.accuracy", "identity from the prior: action right, percent", None),
    ("fitted.accuracy", "identity from the fitted density: action right, percent", None),
    ("paper.accuracy_consistency", "clip and its reconstruction judged the same, percent", None),
    ("recombination.joint", "draws recombined and judged alike in every factor, percent", None),
    ("recombination.h_y", "entropy H(y) of these draws, nats", 2),
    ("reconstruction.psnr", "reconstruction, PSNR in dB", 1),
    ("reconstruction.ssim", "reconstruction, SSIM", 3),
)
COLUMNS = {"": "mean", "_raw": "raw", "_sample": "sample"}  # of s, and of d or z


def numbers(result: Mapping[str, Any]) -> str:
    """Two tables, and how to read them."""
    figures = Readings(result)
    over = "mean ± sd over runs" if result.get("runs", 1) > 1 else "95 % intervals in brackets"
    headline = table((f"{result.get('n')} test clips; {over}", ""), _headline(figures))
    columns = [f"{code} ({kind})" for code in _codes(figures) for kind in COLUMNS.values()]
    head = ("factor", "belongs to", "swapped right", *columns, "chance")
    factors = table(head, _factors(figures, result["roles"]))
    early = result.get("settings", {}).get("judge_early", False)
    more = ", and from the beginning of test clips, the rest of which is measured" if early else ""
    return (
        f"{headline}\n\nPercent. Judges learned from real training clips{more}. The columns s and "
        f"{_codes(figures)[1]} say how often the better of a linear and an MLP probe reads the "
        "factor from the code, from its posterior mean as it is read out, from the raw mean and "
        "from a sample: high where it belongs, near chance elsewhere."
        f"\n\n{factors}"
    )


def _headline(figures: Readings) -> Iterator[tuple[str, str]]:
    for key, said, digits in HEADLINE:
        shown = figures.percent(key) if digits is None else figures.number(key, digits)
        if shown != NONE:
            yield said, shown


def _factors(figures: Readings, roles: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    codes = _codes(figures)
    for factor in roles:
        chance = figures.value(f"leakage.s.{factor}.mlp.chance")
        yield (
            factor,
            f"{codes[roles.get(factor) != 'identity']} ({roles.get(factor, NONE)})",
            figures.percent(f"swap.factors.{factor}.on_target"),
            *(figures.percent(_read(figures, c, kind, factor)) for c in codes for kind in COLUMNS),
            NONE if chance is None else f"{100 * chance:.1f}",
        )


def _codes(figures: Readings) -> tuple[str, str]:
    return "s", figures.motion()


def _read(figures: Readings, code: str, kind: str, factor: str) -> str:
    """The key of what the better probe reads."""
    if kind == "_raw":
        return figures.better(code, factor, "leakage_raw")
    return figures.better(f"{code}{kind}", factor)


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', '&#124;') for c in line)} |" for line in lines)
