"""A comparison as Markdown, HTML, JSON and a table for the terminal."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from string import Template
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from vdsm.compare.gather import Compared
from vdsm.compare.rows import Row
from vdsm.data.clips import Clips
from vdsm.evaluate.result import by_reason, not_measured
from vdsm.report import html, resource
from vdsm.version import __version__

PUBLISHED = ("method", "figure", "published", "protocol", "paper")


def published(systems: Sequence[Compared], dataset: str) -> list[tuple[str, ...]]:
    """What papers report of this dataset, with its protocol."""
    return [
        (s.method.title, figure, f"{100 * value:.2f} %", protocol, s.method.paper)
        for s in systems
        for name, figure, value, protocol in s.method.published
        if name == dataset
    ]


def remarks(systems: Sequence[Compared]) -> Iterator[str]:
    """What was not measured, and why, a sentence for each reason."""
    for s in systems:
        for reason, parts in by_reason(not_measured(s.result)).items():
            yield f"{s.title}: {', '.join(parts)} not measured: {reason}"


def title_of(clips: Clips, systems: Sequence[Compared]) -> str:
    """What is compared."""
    names = ", ".join(s.title for s in systems)
    return f"{names} on {clips.info.name}"


def about(systems: Sequence[Compared]) -> str:
    """Of how many clips, and what the brackets mean."""
    n = systems[0].result.get("n")
    split = systems[0].result.get("split", "test")
    return (
        f"Measured on {n} {split} clips. In brackets the 95 % interval over clips; ± is the "
        "standard deviation over runs."
    )


def markdown(
    clips: Clips, systems: Sequence[Compared], heads: Sequence[str], rows: Sequence[Row]
) -> str:
    """The page compare.md."""
    lines = [f"# {title_of(clips, systems)}", "", about(systems), ""]
    lines += piped(["", *heads], [cells(row) for row in rows])
    if theirs := published(systems, clips.info.name):
        lines += ["", "Published, each by the protocol that is named:", ""]
        lines += piped(PUBLISHED, theirs)
    lines += ["", *(f"- {said}" for said in remarks(systems))]
    lines += ["", "![same clips, same pairs](compare.png)", ""]
    return "\n".join(lines)


def piped(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (heads, *rows)]
    lines = ["| " + " | ".join(row) + " |" for row in escaped]
    return [lines[0], "|" + "---|" * len(heads), *lines[1:]]


def cells(row: Row) -> list[str]:
    """A row as words."""
    return [row.label, *row.cells, *row.nulls, row.chance]


def page(
    clips: Clips,
    systems: Sequence[Compared],
    heads: Sequence[str],
    rows: Sequence[Row],
    pictures: Sequence[str],
) -> str:
    """The page compare.html, whole in one file."""
    title = title_of(clips, systems)
    parts = [
        html.paragraph(about(systems), "lead"),
        html.table(["", *heads], [cells(row) for row in rows]),
        *pictures,
        *(html.paragraph(said) for said in remarks(systems)),
    ]
    if theirs := published(systems, clips.info.name):
        parts.insert(2, html.table(PUBLISHED, theirs, "Published, by the protocol that is named"))
    return Template(resource("page.html")).substitute(
        title=escape(title), style=resource("style.css"), lead="", links="", body="\n".join(parts)
    )


def as_json(
    clips: Clips, systems: Sequence[Compared], heads: Sequence[str], rows: Sequence[Row]
) -> bytes:
    """compare.json: figures, what each system is, and every result of the panel in full."""
    found: dict[str, Any] = {
        "dataset": clips.info.name,
        "fingerprint": clips.fingerprint,
        "undivided": clips.undivided,  # before clips for validation were taken from training
        "version": __version__,
        "systems": {
            s.title: {
                "method": s.method.name,
                "runs": [str(run.path) for run in s.runs],
                "seeds": [run.config.seed for run in s.runs],
                "costs": list(s.costs),
                "published": [list(p) for p in s.method.published if p[0] == clips.info.name],
                "result": s.result,
            }
            for s in systems
        },
        "rows": [
            {
                "label": row.label,
                "chance": float(row.chance) if row.chance else None,
                "values": {s.title: v for s, v in zip(systems, row.values, strict=True)},
            }
            for row in rows
        ],
    }
    return json.dumps(found, indent=2).encode()


def terminal(
    clips: Clips, systems: Sequence[Compared], heads: Sequence[str], rows: Sequence[Row]
) -> Table:
    """The table as printed; intervals and null systems are in the files."""
    shown = Table(title=title_of(clips, systems), title_justify="left", box=SIMPLE)
    shown.add_column("")
    for head in [*heads[: len(systems)], heads[-1]]:
        shown.add_column(head, justify="right")
    for row in rows:
        shown.add_row(row.label, *row.short, row.chance)
    return shown
