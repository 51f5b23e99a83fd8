"""The model card of exported weights: what they are, from what, how good, on which terms.

Markdown with the front matter that Hugging Face reads, generated from a run and its evaluation.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

from vdsm.card.about import about, citation, opened, sizes
from vdsm.card.commands import data_command
from vdsm.card.numbers import numbers, table
from vdsm.card.sources import source_of
from vdsm.data.clips import Clips
from vdsm.evaluate.shortcomings import shortcomings
from vdsm.files import read_json
from vdsm.report.settings import command, facts
from vdsm.store.run import Run

TAGS = ("video", "disentanglement", "representation-learning")
KINDS = {"vdsm": ("state-space-model", "vdsm")}  # of methods; the others by their names
MEASURED = {
    "stored": "Measured on these weights as they are stored here.",
    "trained": "Measured on the same weights before they were rounded to bfloat16 for storage.",
}


@dataclass(frozen=True)
class Export:
    """What is exported."""

    name: str  # of its folder, by which it may be loaded
    run: Run
    clips: Clips  # the run's dataset
    parameters: int
    evaluation: Mapping[str, Any] | None  # what `vdsm evaluate` wrote
    measured: str  # a key of MEASURED
    examples: Sequence[int]  # clips that are written beside the weights
    licence: str | None = None  # of the weights, in place of the dataset's own


def card(export: Export) -> str:
    """README.md of an export."""
    run, c, info = export.run, export.run.config, export.clips.info
    record = read_json(run.path / "run.json")
    source = source_of(info)
    known = facts(run, export.clips, record, export.parameters)
    about_data = {"dataset", "clips", "individuals", "data fingerprint"}
    of_data = [(k, v) for k, v in known if k in about_data or k.endswith(" factor")]
    of_training = [(k, v) for k, v in known if (k, v) not in of_data and k != "parameters"]
    evaluation = export.evaluation
    template = files("vdsm.card").joinpath("card.md").read_text(encoding="utf-8")
    return Template(template).substitute(
        front="\n".join(front_matter(export)),
        dataset=info.name,
        version=record.get("version", "unknown"),
        size=info.size,
        colours="colour" if info.channels == 3 else "grey",
        channels=info.channels,
        frames=run.frames,
        title=run.recipe.title,
        about=about(run),
        sizes=sizes(run),
        opened=opened(run, json.dumps(export.name, ensure_ascii=False)),
        citation=citation(run),
        parameters=f"{export.parameters:,}",
        **{"try": first_command(export)},
        examples=examples(export),
        data=source.data,
        facts=table(("", ""), of_data),
        commands="\n".join([*data_command(info), command(run, record)]),
        training=table(("", ""), [*of_training, ("seed", str(c.seed))]),
        numbers=_numbers(evaluation, export.measured),
        limits="\n".join(f"- {said}" for said in limits(export)),
        licence=_licence(export),
    )


def front_matter(export: Export) -> Iterator[str]:
    """Lines of YAML between the rules at the top."""
    source = source_of(export.clips.info)
    yield f"license: {export.licence or source.licence}"
    if export.licence is None and source.licence_name:
        yield f"license_name: {source.licence_name}"
    yield "library_name: vdsm"
    yield "tags:"
    method = export.run.method
    yield from (f"- {tag}" for tag in (*TAGS, *KINDS.get(method, (method,))))


def first_command(export: Export) -> str:
    """The one line to try first."""
    if export.run.recipe.read_out is None:  # it encodes nothing
        return f"vdsm generate {shlex.quote(export.name)} --num 4 --frames 16 --out new"
    who, what = ("example:0", "example:1") if len(export.examples) > 1 else ("A.mp4", "B.mp4")
    name = shlex.quote(export.name)
    return f"vdsm swap {name} --identity {who} --action {what} --out swap.gif"


def examples(export: Export) -> str:
    """The example clips with what they show; empty where there are none."""
    if not export.examples:
        return ""
    t, factors = export.clips.table, export.clips.info.factors
    rows = [
        (
            f"`example:{i}`",
            *(f.values[t.labels[f.name][clip]] for f in factors),
            f"![example {i}](examples/{i}.gif)",
        )
        for i, clip in enumerate(export.examples)
    ]
    shown = table(("clip", *(f.name for f in factors), ""), rows)
    return f"\nExample clips, which training has not seen:\n\n{shown}\n"


def limits(export: Export) -> Iterator[str]:
    """Sentences: what the evaluation found short of its targets, and what holds for any model."""
    evaluation = export.evaluation
    if evaluation is None:
        yield "How well it does has not been measured."
    else:
        yield from map(sentence, shortcomings(evaluation, evaluation["roles"]))
    info, frames = export.clips.info, export.run.frames
    if not finished(export.run):
        yield "Its training was not finished."
    yield (
        f"It knows {info.name} alone, frames of {info.size} x {info.size} pixels and clips like "
        f"those it saw, {frames} frames long. Longer ones are continued by unrolling d; errors add "
        "up."
    )
    yield "An individual unlike any of the training data is drawn as a blend of those it knows."


def finished(run: Run) -> bool:
    """Whether the last step of the last stage that has any was done."""
    final = [stage.name for stage in run.recipe.stages(run.config) if stage.settings.steps][-1:]
    return any([m["name"]] == final and m["step"] == m["steps"] for m in run.metrics()[-1:])


def sentence(shortcoming: str) -> str:
    """One of `shortcomings` as a sentence of its own, codes by their names."""
    said = re.sub(r"\b([sd])_sample\b", r"samples of \1", shortcoming)
    return f"{said[0].upper()}{said[1:]}."


def _numbers(evaluation: Mapping[str, Any] | None, measured: str) -> str:
    if evaluation is None:
        return "Not evaluated. To measure it: `vdsm evaluate`."
    runs = evaluation.get("runs", 1)
    said = f"Means over {runs} runs, of which this is one." if runs > 1 else ""
    return f"{numbers(evaluation)}\n\n{said or MEASURED[measured]}"


def _licence(export: Export) -> str:
    if export.licence is not None:
        return f"Weights: {export.licence}, as chosen by whoever exported them."
    return f"Weights: {source_of(export.clips.info).weights}"
