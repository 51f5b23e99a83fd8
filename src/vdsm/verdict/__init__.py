"""The verdict on a run: what `vdsm train` ends with, in seconds and without any label.

    verdict = give(run, clips, model)    # written to RUN/verdict.json
    print("\\n".join(verdict.lines))

Clips for validation are looked at, or those for the test where no clip is for validation.
"""

import math
import time
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import nn

from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.store import verdict as stored_verdict
from vdsm.store import who as stored_who
from vdsm.store.open import open_model
from vdsm.store.run import Run
from vdsm.store.verdict import Verdict
from vdsm.store.weights import digest, stored
from vdsm.verdict import scales
from vdsm.verdict.advice import Circumstances, following, sampled
from vdsm.verdict.footage import footage
from vdsm.verdict.rising import can_tell, rises
from vdsm.verdict.seen import Chosen, Seen, choose, look, samples
from vdsm.verdict.words import UNDRAWN, Known, apart, drawn

NO_CODES = "it has no codes of who and what that could be exchanged"


def give(run: Run, clips: Clips, model: nn.Module) -> Verdict:
    """Look, say, and store it with the run."""
    started = time.perf_counter()
    weights = digest(stored(model).tensors)
    try:
        learned = run.fingerprint not in (clips.fingerprint, clips.former_fingerprint)
        chosen = choose(clips, run.frames, run.config.seed, learned)
        lines, figures = found_in(run, model, chosen)
        found = Verdict(lines, figures, chosen.split, len(chosen.held), weights)
    except InputError as error:
        found = Verdict([f"no verdict: {error}"], weights=weights)
    found = replace(found, seconds=time.perf_counter() - started)
    stored_verdict.write(found, run.path)
    return found


def of_run(run: Run, clips: Clips) -> Verdict:
    """What is stored with a run, if it is of its weights; else a new one."""
    known = stored_verdict.read(run.path)
    return known or give(run, clips, open_model(run.path))


def found_in(run: Run, model: nn.Module, chosen: Chosen) -> tuple[list[str], dict[str, Any]]:
    """Three lines, and the figures behind them."""
    seed = run.config.seed
    training = model.training
    model.eval()
    seen, made = look(model, chosen, seed), samples(model, chosen, seed)
    model.train(training)
    about = circumstances(run, chosen)
    if seen is not None and seen.taught is not None:
        return of_codes(seen, chosen, about)
    return of_samples(seen, made, chosen, about)


def circumstances(run: Run, chosen: Chosen) -> Circumstances:
    """What is known of a run beside what it draws."""
    metrics = run.metrics()
    planned = {stage.name: stage.settings.steps for stage in run.recipe.stages(run.config)}
    taken = {m["name"]: m["step"] for m in metrics}
    short = any(taken.get(name, 0) < steps for name, steps in planned.items())
    return Circumstances(
        footage=footage(chosen),
        rises=rises(metrics),
        grouping=stored_who.read(run.path),
        gave_up=any("gave_up" in m for m in metrics),
        ended_early=short and run.config.minutes > 0,
        short=not can_tell(metrics),
    )


def of_codes(seen: Seen, chosen: Chosen, about: Circumstances) -> tuple[list[str], dict[str, Any]]:
    """Of a model that draws clips again."""
    drawing = scales.drawing(seen, chosen)
    who, what = scales.who(seen, chosen.kinds), scales.what(seen)
    known = Known(drawing, who, what, len(seen.pairs), chosen.split, len(chosen.held))
    codes = apart(who, what, len(seen.pairs)) if known.draws else UNDRAWN
    lines = [f"drawing: {drawn(known)}", f"codes: {codes}"]
    lines.append(f"next: {following(known, about)}")
    ways = {side: {w.name: plain(w) for w in ways} for side, ways in (("who", who), ("what", what))}
    return lines, {"drawing": plain(drawing), **ways, "footage": plain(about.footage)}


def of_samples(
    seen: Seen | None, made: Any, chosen: Chosen, about: Circumstances
) -> tuple[list[str], dict[str, Any]]:
    """Of a model that draws new clips alone."""
    if made is None:
        return ["no verdict: the model neither draws clips again nor new ones"], {}
    ratio = scales.variety(made, chosen)
    own, held, noise = scales.likeness(made, chosen)
    # 0: as far from any training clip as noise; 1: as near as clips held out.
    near = (noise - own) / (noise - held) if noise > held else math.nan
    lines = [
        f"drawing: samples differ from one another {100 * ratio:.0f} % as much as clips do, and "
        f"come {100 * near:.0f} % of the way from noise to clips held out ({len(made)} samples)"
    ]
    figures: dict[str, Any] = {"variety": plain(ratio), "likeness": plain(near)}
    if seen is None:
        lines.append(f"codes: {NO_CODES}")
    else:
        who, what = scales.who(seen, chosen.kinds), scales.what(seen)
        lines.append(f"codes: of its own draws, {apart(who, what, len(seen.pairs))}")
        figures |= {
            "who": {w.name: plain(w) for w in who},
            "what": {w.name: plain(w) for w in what},
        }
    lines.append(f"next: {sampled(about)}")
    return lines, figures


def plain(found: Any) -> Any:
    """A record as JSON values; what is not finite is null."""
    if is_dataclass(found):
        return {f.name: plain(getattr(found, f.name)) for f in fields(found)}
    if isinstance(found, float):
        return found if math.isfinite(found) else None
    if isinstance(found, dict):
        return {str(name): plain(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [plain(value) for value in found]
    return found
