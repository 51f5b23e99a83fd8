"""The report of a run: one self-contained HTML page, for a browser without a network.

page = report(run, clips, scene, evaluation)
"""

import shlex
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from vdsm.data.clips import Clips
from vdsm.evaluate import table as tables
from vdsm.evaluate.readings import Readings
from vdsm.evaluate.result import by_reason, flatten, not_measured
from vdsm.evaluate.shortcomings import shortcomings, verdict
from vdsm.figures import FIGURES, Figure, Scene, drawable
from vdsm.files import read_json
from vdsm.report import html
from vdsm.report.curves import schedule_curves, training_curves
from vdsm.report.settings import command, facts, settings
from vdsm.report.who import who_is_who
from vdsm.store.run import Run
from vdsm.store.weights import digest, stored
from vdsm.verdict import of_run

FPS = 8
SECTIONS = {
    "short": "In short",
    "who": "Who is who",
    "figures": "Figures",
    "tables": "Evaluation",
    "curves": "Training",
    "schedules": "Schedules",
    "settings": "Settings",
}
Evaluation = Mapping[str, Any]


def report(
    run: Run,
    clips: Clips,
    scene: Scene,
    evaluation: Evaluation | None,
    figures: Mapping[str, Figure] | None = None,
) -> str:
    """HTML of a run: what it is, figures, tables, curves, schedules and settings.

    clips: the dataset of the run. evaluation: what `vdsm evaluate` wrote, or None. figures: those
    of `vdsm.figures.FIGURES` by name; all of them, drawn now, by default.
    """
    figures = {n: FIGURES[n](scene) for n in drawable(scene)} if figures is None else figures
    record = read_json(run.path / "run.json")
    stages = run.recipe.stages(run.config)
    weights = digest(stored(scene.model).tensors)
    parameters = sum(p.numel() for p in scene.model.parameters())
    known = facts(run, clips, record, parameters)
    stale = evaluation is not None and not _measured(evaluation, weights)
    bodies = {
        "short": [
            html.table((), known, kind="facts"),
            *_verdict(run, clips),
            *_short(evaluation, stale),
        ],
        "who": list(who_is_who(run, clips)),
        "figures": [_figure(name, figure) for name, figure in figures.items()],
        "tables": list(_tables(run, evaluation)),
        "curves": list(_curves(run)),
        "schedules": [html.figure(svg, title) for title, svg in schedule_curves(stages)],
        "settings": list(_settings(run, record)),
    }
    shown = {a: t for a, t in SECTIONS.items() if bodies[a]}
    page = Template(resource("page.html"))
    return page.substitute(
        title=escape(f"{run.path.resolve().name}: {run.recipe.title} on {clips.info.name}"),
        style=resource("style.css"),
        lead=html.paragraph(
            f"{dict(known)['reached']}, trained for {dict(known)['trained for']}", "lead"
        ),
        links=" ".join(f'<a href="#{a}">{escape(t)}</a>' for a, t in shown.items()),
        body="\n".join(html.section(a, t, *bodies[a]) for a, t in shown.items()),
    )


def resource(name: str) -> str:
    return files("vdsm.report").joinpath(name).read_text(encoding="utf-8")


def _measured(evaluation: Evaluation, weights: str) -> bool:
    """Whether an evaluation is of these weights, as far as it says."""
    measured = [one.get("weights") for one in (evaluation, *evaluation.get("each", ()))]
    return weights in measured or not any(measured)


def _verdict(run: Run, clips: Clips) -> Iterable[str]:
    """What training ended with; of an older run it is found now."""
    found = of_run(run, clips)
    yield html.paragraph(
        f"Verdict, of {found.clips} clips held out for {found.split}, without labels:"
        if found.clips
        else "Verdict:"
    )
    yield "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in found.lines) + "</ul>"


def _short(evaluation: Evaluation | None, stale: bool) -> Iterable[str]:
    if evaluation is None:
        return
    if stale:
        yield html.paragraph(
            "The evaluation is of other weights than the run has now: evaluate it again.", "note"
        )
    figures = Readings(evaluation)
    yield html.paragraph(" ".join(_headline(figures)))
    poor = shortcomings(evaluation, evaluation["roles"])
    yield html.paragraph(verdict(evaluation, evaluation["roles"]), "said")
    if poor:
        yield "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in poor) + "</ul>"


def _headline(figures: Readings) -> Iterable[str]:
    """Sentences on what was measured."""
    for key, said in (
        ("swap.joint", "Swaps right in every factor: {} %."),
        ("recombination.joint", "Draws recombined and judged alike in every factor: {} %."),
    ):
        if figures.value(key) is not None:
            yield said.format(figures.percent(key))
    if figures.value("reconstruction.psnr") is not None:
        yield f"Reconstruction: {figures.number('reconstruction.psnr', 1)} dB PSNR."


def _figure(name: str, figure: Figure) -> str:
    parts = [html.scroll(html.picture(figure.still, figure.title))]
    if figure.moving is not None:
        moving = html.moving_picture(figure.moving, f"{figure.title}, moving", FPS, figure.scale)
        parts.insert(0, moving)
    return html.figure("".join(parts), figure.caption, figure.title)


def _tables(run: Run, evaluation: Evaluation | None) -> Iterable[str]:
    if evaluation is None:
        yield html.paragraph(
            "This run has not been evaluated. To measure it, and write this again:"
        )
        name = shlex.quote(str(run.path))
        yield f"<pre>{escape(f'vdsm evaluate {name}')}\n{escape(f'vdsm report {name}')}</pre>"
        return
    printed = tables.report(evaluation, evaluation["roles"], evaluation.get("dataset"))
    yield from html.of_rich(printed)
    for part, note in evaluation.get("notes", {}).items():
        yield html.paragraph(f"Note on {part}: {note}.", "lead")
    for reason, parts in by_reason(not_measured(evaluation)).items():
        yield html.paragraph(f"Not measured: {', '.join(parts)}: {reason}.", "lead")
    yield html.details(
        "Every figure, with interval and number of samples",
        html.table(("key", "value", "95 % interval", "sd", "n"), _every(evaluation)),
    )


def _every(evaluation: Evaluation) -> Iterable[tuple[str, ...]]:
    intervals, counts = evaluation.get("intervals", {}), evaluation.get("counts", {})
    spread = evaluation.get("sd", {})
    for key, value in flatten(evaluation).items():
        interval = ", ".join(_number(bound) for bound in intervals.get(key, ()))
        yield (key, _number(value), interval, _number(spread.get(key)), str(counts.get(key, "")))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"


def _curves(run: Run) -> Iterable[str]:
    metrics = run.metrics()
    if not metrics:
        yield html.paragraph("Nothing has been trained yet.")
        return
    for title, svg in training_curves(metrics):
        yield html.figure(svg, title)


def _settings(run: Run, record: Mapping[str, Any]) -> Iterable[str]:
    yield html.paragraph("To train it again:")
    yield f"<pre>{escape(command(run, record))}</pre>"
    yield html.details(
        "Every field", html.table(("field", "value", "meaning"), settings(run.config), kind="words")
    )
