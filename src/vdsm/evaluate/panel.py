"""The panel: every measurement of one model on one dataset, in a fixed order.

    result = panel(real=clips, labels=labels, roles=roles, split=split, codes=codes, decode=decode)
    result = panel(real=clips, labels=labels, roles=roles, split=split, model=model)
    result["swap"]["joint"], result["intervals"]["swap.joint"], result["counts"]["swap.joint"]

The judges come first, and nothing else is reported unless they pass their floor on real test
clips. A metric is one file, and `METRICS` lists them. docs/evaluation.md says what each means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vdsm.errors import InputError
from vdsm.evaluate import (
    alone,
    colours,
    consistency,
    cycle,
    diversity,
    frechet,
    generated,
    identities,
    judge_floor,
    motion,
    nulls,
    probes,
    raw_codes,
    recombination,
    reconstruction,
    retrieval,
    sizes,
    swap,
    true_poses,
    true_swaps,
    unseen,
    verification,
)
from vdsm.evaluate.asked import Asked, given_or_asked
from vdsm.evaluate.cache import figures_for, judges_for
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import ClipArray, Inputs, Truth, prepare
from vdsm.evaluate.intervals import Bootstrap, individuals
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.moments import Features, require_frames, require_free
from vdsm.evaluate.result import to_tree
from vdsm.evaluate.seeds import integer
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Decode, Progress, check_clips, decode_checked, quiet, read
from vdsm.evaluate.system import Draw, Encode, Generate, Render, Swap, System

METRICS: tuple[Metric, ...] = (
    judge_floor.METRIC,
    reconstruction.METRIC,
    consistency.METRIC,
    swap.METRIC,
    unseen.METRIC,
    *identities.METRICS,
    recombination.METRIC,
    *alone.METRICS,
    generated.METRIC,
    *frechet.METRICS,
    probes.METRIC,
    raw_codes.METRIC,
    verification.METRIC,
    retrieval.METRIC,
    sizes.METRIC,
    cycle.METRIC,
    motion.METRIC,
    colours.METRIC,
    diversity.METRIC,
    true_poses.METRIC,
    true_swaps.METRIC,
    nulls.METRIC,
)


def panel(
    *,
    real: ClipArray,
    labels: Mapping[str, Any],
    roles: Mapping[str, str],
    split: Any,
    model: Any = None,
    codes: Mapping[str, Any] | None = None,
    decode: Decode | None = None,
    groups: Any = None,
    recordings: Any = None,
    raw: Mapping[str, Any] | None = None,
    probed: Mapping[str, Any] | None = None,
    encode: Encode | None = None,
    swap: Swap | None = None,
    sample_identity: Generate | None = None,
    generate: Generate | None = None,
    fitted_identity: Generate | None = None,
    fitted: Generate | None = None,
    draw: Draw | None = None,
    render: Render | None = None,
    unseen: Any = None,
    truth: Truth | None = None,
    features: Mapping[str, Features] | None = None,
    settings: Settings | None = None,
    cache: str | Path | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Measure a model on N clips. Rows with `split` 1 are measured, every one of them.

    The model is given as arrays and functions, as many as there are, or as a `model` that has the
    protocols of `vdsm.protocol`, which is asked for all of them.

    real: uint8 [N, T, H, W, C]; any array, or an object with `shape` that reads rows on demand.
    labels: factor -> [N] integers, -1 where unknown; without any, what takes none is measured.
    roles: factor -> "identity" (s should hold it) or "action" (the other codes should).
    split: [N] 0 for training clips, 1 for test clips; 2 for clips that judges alone learn from,
        beside the training clips.
    codes: "s" [N, k], and "d" [N, k] or "z" [N, T, k] or both: posterior means of every clip.
    decode: codes of B clips, a dict of arrays -> floats [B, T, C, H, W] in [0, 1], or uint8
        [B, T, H, W, C]; arrays or tensors.
    groups: [N] clips of one individual share a number; each clip is its own by default.
    recordings: [N] rows that are parts of one recording share a number, so that judges are not
        chosen by what they learned from; each row is its own by default.
    raw: the codes before whatever reads them out, as `codes`, for `leakage_raw`.
    probed: further codes that are only probed, as posterior samples: name -> [N, k] or [N, T, k].
    encode: clips [B, T, C, H, W] in [0, 1], a tensor -> their codes, for `unlabelled.cycle`.
    swap: clips of identity and of action, as `encode` takes them -> clips, as `decode` gives them;
        of a model that swaps by other means than by codes.
    sample_identity: (n, generator) -> s [n, k] from the prior, for the row `prior`.
    generate: (n, generator) -> n clips from the priors alone, as `decode` returns them.
    fitted_identity, fitted: the same of a density fitted to training codes, where a model samples
        from one (Ghosh et al. 2020), for the row `fitted` and `frechet.<name>_fitted`.
    draw: (n, generator) -> contents [n, ...] and motions [n, ...] of new clips; render: contents
        and motions of B clips -> clips. For `recombination`.
    unseen: [P, 2] rows; the swaps of the first's identity with the second's motion are cells
        that training left out (`unseen_pairs` finds them).
    truth: how the clips were drawn, where that is known, for `truth.*`.
    features: name -> feature function for `frechet.<name>`; those of the judges, `frechet.judge`,
        are there wherever there are labels.
    cache: a folder that keeps judges, by the content of what they learned from.
    progress: called with what is being done, how much is done, and the total.

    Returns nested JSON: figures as plain numbers, `intervals` and `counts` by dotted key, `n` test
    clips, of so many `individuals`, `seed`, `settings`, `not_measured` with the reason for each
    part that is missing, and `notes` on how parts are to be read.
    InputError where arrays do not fit together, or a judge is below its floor.
    """
    settings = settings or Settings()
    if not isinstance(settings, Settings):
        raise InputError(f"settings are a {type(settings).__name__}: give vdsm.evaluate.Settings")
    system = System(
        decode=decode,
        encode=encode,
        swap=swap,
        sample_identity=sample_identity,
        generate=generate,
        fitted_identity=fitted_identity,
        fitted=fitted,
        draw=draw,
        render=render,
    )
    clips = {
        "real": real,
        "labels": labels,
        "roles": roles,
        "split": split,
        "groups": groups,
        "recordings": recordings,
        "unseen": unseen,
        "truth": truth,
    }
    given = Asked(system, codes or {}, raw or {}, probed or {})
    asked = given_or_asked(model, given, clips, settings.seed, progress)
    inputs = prepare(**clips, codes=asked.codes, raw=asked.raw, probed=asked.probed)
    for name, function in (features or {}).items():
        require_free(name)
        require_frames(name, function, inputs.real.shape[1])
    try_out(inputs, asked.system)
    folder = None if cache is None else Path(cache)
    context = Context(
        inputs=inputs,
        system=asked.system,
        judges=judges_for(inputs, settings, folder, progress) if inputs.labels else None,
        settings=settings,
        features=features or {},
        progress=progress,
        bootstrap=Bootstrap(settings.resamples, integer(settings.seed, "bootstrap")),
        cached=lambda name, make: figures_for(name, inputs, settings, folder, make),
    )
    return measured(context)


def measured(context: Context, metrics: Sequence[Metric] = METRICS) -> dict[str, Any]:
    """Every metric in turn, as JSON."""
    inputs, settings = context.inputs, context.settings
    for metric in metrics:
        metric.run(context)
    return to_tree(context.numbers) | {
        "n": len(inputs.test),
        "individuals": individuals(inputs.groups[inputs.test]),
        "seed": settings.seed,
        "settings": asdict(settings),
        "not_measured": context.not_measured,
        "notes": context.notes,
    }


def try_out(inputs: Inputs, system: System) -> None:
    """Call what the user gave for two clips, before an hour of judges: InputError as later."""
    rng, test = np.random.default_rng(0), inputs.test[:2]
    _, frames, height, width, channels = inputs.real.shape
    shape = (2, frames, channels, height, width)
    if inputs.codes and system.decode is not None:
        decode_checked(system.decode, {k: code[test] for k, code in inputs.codes.items()}, inputs)
    if "s" in inputs.codes:
        for sample_identity in (system.sample_identity, system.fitted_identity):
            if sample_identity is not None:
                identities.drawn(inputs, sample_identity, 2, rng)
    if system.swap is not None and (system.decode is None or not inputs.codes):
        clips = read(inputs.real, test)
        check_clips("swap", system.swap(clips, clips), tuple(clips.shape))
    for generate in (system.generate, system.fitted):
        if generate is not None:
            check_clips("generate", generate(2, rng), shape)
    if system.draw is not None and system.render is not None:
        check_clips("render", system.render(*recombination.drawn(system.draw, 2, rng)), shape)
    if system.encode is not None:
        cycle.encoded(system.encode, read(inputs.real, test), inputs)
