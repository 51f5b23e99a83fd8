"""A run's weights at half the size, with a model card and example clips, written to a folder."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vdsm.card import Export, card
from vdsm.card.sources import source_of
from vdsm.data.clips import Clips, Ints
from vdsm.errors import InputError
from vdsm.figures import diverse
from vdsm.files import atomic_write, claim_folder
from vdsm.report.evaluation import read_evaluation
from vdsm.store import weights
from vdsm.store.run import Run
from vdsm.store.shipped import CARD, EXAMPLES
from vdsm.store.trained import of_run
from vdsm.video import write_clips
from vdsm.words import counted

STORED = torch.bfloat16
FPS = 8


def export(
    path: Path,
    data: Path | None,
    out: Path,
    evaluation: Path | None,
    examples: int,
    licence: str | None,
) -> None:
    """Write config.json, model.safetensors (bfloat16), README.md and examples/ to a new folder.

    data: where the run's dataset now lies. evaluation: what `vdsm evaluate --out` wrote, by default
    the run's own if there is one. examples: number of test clips to put beside the weights, only
    of data that this package makes by itself. licence: of the weights, in place of the dataset's.
    """
    run = Run.open(path)
    clips = run.clips(data)
    model = weights.load(path)
    measured = read_evaluation(run, clips, evaluation)
    about = Export(
        name=out.resolve().name,
        run=run,
        clips=clips,
        parameters=model.parameters,
        evaluation=measured,
        measured="trained" if measured is None else measured_as(measured, model.tensors, run),
        examples=[int(i) for i in chosen(clips, examples, run.frames)],
        licence=checked(licence),
    )
    content = card(about)
    claim_folder(out)
    try:
        write_examples(clips, about.examples, out / EXAMPLES)
        atomic_write(out / CARD, content.encode())
        trained = asdict(of_run(run, clips.info.name)) | {"fingerprint": clips.fingerprint}
        weights.write(replace(model, trained=trained), out, STORED)
    except BaseException:
        shutil.rmtree(out)  # it was new or empty
        raise
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{out}: {size / 1e6:.1f} MB, {about.parameters:,} parameters{said(about)}")


def said(about: Export) -> str:
    """What else there is to know, for the command's last line."""
    count = f", {counted(len(about.examples), 'example clip')}" if about.examples else ""
    return count + ("" if about.evaluation else "; not evaluated yet, see 'vdsm evaluate'")


def measured_as(evaluation: Mapping[str, Any], tensors: Mapping[str, Tensor], run: Run) -> str:
    """Whether an evaluation is of the run's weights, "trained", or of what is "stored" of them."""
    stored = weights.widened(weights.stored_as(tensors, STORED))
    digests = {weights.digest(tensors): "trained", weights.digest(stored): "stored"}
    for one in (evaluation, *evaluation.get("each", ())):
        if one.get("weights") in digests:
            return digests[one["weights"]]
    raise InputError(
        f"the evaluation is of other weights than {run.path} has now: run "
        f"'vdsm evaluate {run.path}' again"
    )


def chosen(clips: Clips, count: int, frames: int) -> Ints:
    """Test clips that differ as much as can be, to be shown as examples."""
    if count < 0:
        raise InputError(f"--examples is {count}: give a number of clips, or 0 for none")
    if count and not source_of(clips.info).ours:
        raise InputError(
            f"--examples: clips of {clips.info.name} are not ours to pass on; leave it out"
        )
    held_out = len(clips.select("test", min_length=frames))
    if count > held_out:
        raise InputError(
            f"--examples is {count}, but {clips.path} has {counted(held_out, 'test clip')}"
        )
    return diverse(clips, count, frames) if count else clips.select("test")[:0]


def write_examples(clips: Clips, examples: Sequence[int], folder: Path) -> None:
    """Clips as 0.gif, 1.gif, ...; exact where a clip has no more than 256 colours."""
    if examples:
        folder.mkdir()
    for i, clip in enumerate(examples):
        write_clips(folder / f"{i}.gif", clips.whole(clip), FPS)


def checked(licence: str | None) -> str | None:
    """An identifier that may stand in the card's front matter."""
    if licence is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", licence):
        raise InputError(f"--licence is '{licence}': give one identifier, such as apache-2.0")
    return licence
