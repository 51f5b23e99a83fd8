"""The figures of an evaluation as Markdown: the headline, and a row for each factor."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vdsm.evaluate.table import NONE, Readings

HEADLINE = (  # key of the result, what it says, percent or the number of digits
    ("swap.joint", "swaps right in every factor, percent", None),
    ("unseen.joint", "swaps into combinations that training left out, percent", None),
    ("prior.accuracy", "identity from the prior: action right, percent", None),
    ("fitted.accuracy", "identity from the fitted density: action right, percent", None),
    ("paper.accuracy_consistency", "clip and its reconstruction judged the same, percent", None),
    ("reconstruction.psnr", "reconstruction, PSNR in dB", 1),
    ("reconstruction.ssim", "reconstruction, SSIM", 3),
)
CODES = ("s", "s_sample", "d", "d_sample")
COLUMNS = ("s (mean)", "s (sample)", "d (mean)", "d (sample)")


def numbers(result: Mapping[str, Any]) -> str:
    """Two tables, and how to read them."""
    figures = Readings(result)
    over = "mean ± sd over runs" if result.get("runs", 1) > 1 else "95 % intervals in brackets"
    headline = table((f"{result.get('n')} test clips; {over}", ""), _headline(figures))
    head = ("factor", "belongs to", "swapped right", *COLUMNS, "chance")
    factors = table(head, _factors(figures, result["roles"]))
    early = result.get("settings", {}).get("judge_early", False)
    more = ", and from the beginning of test clips, the rest of which is measured" if early else ""
    return (
        f"{headline}\n\nPercent. Judges learned from real training clips{more}. The columns s and "
        "d say how often the better of a linear and an MLP probe reads the factor from the code, "
        "from its posterior mean and from a sample: high where it belongs, near chance elsewhere."
        f"\n\n{factors}"
    )


def _headline(figures: Readings) -> Iterator[tuple[str, str]]:
    for key, said, digits in HEADLINE:
        shown = figures.percent(key) if digits is None else figures.number(key, digits)
        if shown != NONE:
            yield said, shown


def _factors(figures: Readings, roles: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for factor in roles:
        chance = figures.value(f"leakage.s.{factor}.mlp.chance")
        yield (
            factor,
            f"{'s' if roles.get(factor) == 'identity' else 'd'} ({roles.get(factor, NONE)})",
            figures.percent(f"swap.factors.{factor}.on_target"),
            *(figures.percent(figures.better(code, factor)) for code in CODES),
            NONE if chance is None else f"{100 * chance:.1f}",
        )


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', '&#124;') for c in line)} |" for line in lines)
