"""How good the model is, in plain words: from what `vdsm evaluate` wrote about it."""

import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vdsm.errors import InputError
from vdsm.evaluate.readings import Readings
from vdsm.evaluate.result import FILE
from vdsm.evaluate.shortcomings import percent, shortcomings, verdict
from vdsm.files import read_json
from vdsm.store.run import is_run
from vdsm.store.weights import digest, stored
from vdsm.words import counted

Evaluation = Mapping[str, Any]


def read(folder: Path, asked: Path | None) -> Evaluation | None:
    """The evaluation that is named, or lies in the run; None where there is none."""
    if asked is None and not (folder / FILE).exists():
        return None
    path = asked or folder / FILE
    found = read_json(path)
    if missing := [name for name in ("roles", "counts", "dataset") if name not in found]:
        raise InputError(f"{path} has no entry '{missing[0]}': name a file of 'vdsm evaluate'")
    return found


def said(
    found: Evaluation | None, model: Any, folder: Path, name: str, data: str | None
) -> dict[str, Any]:
    """A sentence as a title, further ones, and the command that measures (again), if one should."""
    command = how(folder, name, data)
    if found is None:
        title = "Nobody has measured this model yet."
        return {"title": title, "sentences": [], "poor": [], "command": command}
    poor = shortcomings(found, found["roles"])
    sentences = list(headlines(found))
    weights = [one.get("weights") for one in (found, *found.get("each", ()))]
    stale = any(weights) and digest(stored(model).tensors) not in weights
    if stale:
        sentences.insert(0, "This was measured of other weights than are shown here: do so again.")
    title = verdict(found, found["roles"])
    return {
        "title": "Not yet good." if poor else title,
        "sentences": sentences,
        "poor": [f"{line[0].upper()}{line[1:]}." for line in poor],
        "command": command if stale else "",
    }


def how(folder: Path, name: str, data: str | None) -> str:
    """The commands that measure a model and show it so."""
    run, where = shlex.quote(name), shlex.quote(data or "DATA")
    if is_run(folder):
        again = f"vdsm studio {run}" + (f" {where}" if data else "")
        return f"vdsm evaluate {run}" + (f" {where}" if data else "") + f"\n{again}"
    return (
        f"vdsm evaluate {run} {where} --out evaluation.json\n"
        f"vdsm studio {run} {where} --evaluation evaluation.json"
    )


def headlines(found: Evaluation) -> Iterator[str]:
    """What was measured, for people who do not know the names of measures."""
    figures, counts = Readings(found), found["counts"]
    joint = figures.value("swap.joint")
    if joint is not None:
        factors = [f["chance"] for f in found["swap"]["factors"].values()]
        luck = math.prod(f for f in factors if f is not None)
        yield (
            f"Of {counted(counts['swap.joint'], 'swap')}, {percent(joint)} show the right "
            f"individual doing the right thing, by the judgement of networks that learned from "
            f"real clips; by luck it would be {percent(luck)}."
        )
    joint = figures.value("recombination.joint")
    if joint is not None and "swap" not in found:
        yield (
            f"Of {counted(counts['recombination.joint'], 'draw')} whose parts were exchanged, "
            f"{percent(joint)} are judged to show both parts."
        )
    psnr = figures.value("reconstruction.psnr")
    if psnr is not None:
        n = counts["reconstruction.psnr"]
        yield (
            f"Clips drawn again differ from the true ones by {psnr:.1f} dB PSNR (more is better; "
            f"{counted(n, 'clip')})."
        )
    where = f"the {found['split']} split of " if "split" in found else ""
    yield f"Measured on {where}{found['dataset']}."
