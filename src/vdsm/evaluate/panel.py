"""The panel: every measurement of one model on one dataset, from arrays, in a fixed order.

    result = panel(real=clips, labels=labels, roles=roles, split=split, codes=codes, decode=decode)
    result["swap"]["joint"], result["intervals"]["swap.joint"], result["counts"]["swap.joint"]

The judges come first, and nothing else is reported unless they pass their floor on real test
clips. docs/evaluation.md says what each number means.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vdsm.errors import InputError
from vdsm.evaluate import measure
from vdsm.evaluate.cache import judges_for
from vdsm.evaluate.frechet import Features, require_frames, require_free
from vdsm.evaluate.inputs import ClipArray, prepare
from vdsm.evaluate.intervals import Bootstrap, individuals
from vdsm.evaluate.measure import Context, Generate
from vdsm.evaluate.result import to_tree
from vdsm.evaluate.seeds import integer
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Decode, Progress, quiet


def panel(
    *,
    real: ClipArray,
    labels: Mapping[str, Any],
    roles: Mapping[str, str],
    split: Any,
    codes: Mapping[str, Any],
    decode: Decode,
    groups: Any = None,
    recordings: Any = None,
    probed: Mapping[str, Any] | None = None,
    sample_identity: Generate | None = None,
    generate: Generate | None = None,
    fitted_identity: Generate | None = None,
    fitted: Generate | None = None,
    unseen: Any = None,
    features: Mapping[str, Features] | None = None,
    settings: Settings | None = None,
    cache: str | Path | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Measure a model on N clips. Rows with `split` 1 are measured, every one of them.

    real: uint8 [N, T, H, W, C]; any array, or an object with `shape` that reads rows on demand.
    labels: factor -> [N] integers, -1 where unknown.
    roles: factor -> "identity" (s should hold it) or "action" (the other codes should).
    split: [N] 0 for training clips, 1 for test clips; 2 for clips that judges alone learn from,
        beside the training clips.
    codes: "s" [N, k], and "d" [N, k] or "z" [N, T, k] or both: posterior means of every clip.
    decode: codes of B clips, a dict of arrays -> floats [B, T, C, H, W] in [0, 1], or uint8
        [B, T, H, W, C]; arrays or tensors.
    groups: [N] clips of one individual share a number; each clip is its own by default.
    recordings: [N] rows that are parts of one recording share a number, so that judges are not
        chosen by what they learned from; each row is its own by default.
    probed: further codes that are only probed, as posterior samples: name -> [N, k] or [N, T, k].
    sample_identity: (n, generator) -> s [n, k] from the prior, for the row `prior`.
    generate: (n, generator) -> n clips from the priors alone, as `decode` returns them.
    fitted_identity, fitted: the same of a density fitted to training codes, where a model samples
        from one (Ghosh et al. 2020), for the row `fitted` and `frechet.<name>_fitted`.
    unseen: [P, 2] rows; the swaps of the first's identity with the second's motion are cells
        that training left out (`unseen_pairs` finds them).
    features: name -> feature function for `frechet.<name>`; those of the judges, `frechet.judge`,
        are always there.
    cache: a folder that keeps judges, by the content of what they learned from.
    progress: called with what is being done, how much is done, and the total.

    Returns nested JSON: figures as plain numbers, `intervals` and `counts` by dotted key, `n` test
    clips, of so many `individuals`, `seed`, `settings`, and `left_out` with the reason for each
    part that is missing.
    InputError where arrays do not fit together, or a judge is below its floor.
    """
    settings = settings or Settings()
    if not isinstance(settings, Settings):
        raise InputError(f"settings are a {type(settings).__name__}: give vdsm.evaluate.Settings")
    inputs = prepare(
        real=real,
        labels=labels,
        roles=roles,
        split=split,
        codes=codes,
        probed=probed,
        groups=groups,
        recordings=recordings,
        unseen=unseen,
    )
    for name, function in (features or {}).items():
        require_free(name)
        require_frames(name, function, inputs.real.shape[1])
    measure.try_out(inputs, decode, (sample_identity, fitted_identity), (generate, fitted))
    bootstrap = Bootstrap(settings.resamples, integer(settings.seed, "bootstrap"))
    judges = judges_for(inputs, settings, None if cache is None else Path(cache), progress)
    context = Context(inputs, decode, judges, settings, features or {}, progress, bootstrap)
    real_clips = measure.judge_real(context)
    measure.reconstruction(context, real_clips)
    measure.swaps(context)
    measure.unseen_swaps(context)
    measure.identities(context, sample_identity, "prior")
    measure.generation(context, real_clips, generate, "generated")
    if fitted_identity is not None:
        measure.identities(context, fitted_identity, "fitted")
    if fitted is not None:
        measure.generation(context, real_clips, fitted, "fitted")
    measure.codes(context)
    return to_tree(context.numbers) | {
        "n": len(inputs.test),
        "individuals": individuals(inputs.groups[inputs.test]),
        "seed": settings.seed,
        "settings": asdict(settings),
        "left_out": context.left_out,
    }
