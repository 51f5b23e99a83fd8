"""Whether a drawn clip shows who and what it should: the true rendering is nearest to it.

Nearest among renderings with one factor mistaken at a time, and the true one's mean over time,
which shows that nothing moves. No judge is trained, and nothing is told but pixels.
"""

from collections.abc import Mapping, Set
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from vdsm.data.clips import Frames
from vdsm.data.families import Family
from vdsm.data.families.factors import Params
from vdsm.data.families.make import render

ALIKE = 24  # values tried of what may be as it likes

Flags = npt.NDArray[np.bool_]


def swapped(family: Family, identity: Params, action: Params) -> Params:
    """What a clip of the one's individuals doing the other's actions is drawn from."""
    source = {"identity": identity, "action": action}
    return {f.name: source[f.role][f.name] for f in family.factors}


def right(
    family: Family, drawn: npt.NDArray[Any], params: Params, action: Params | None = None
) -> Mapping[str, Flags]:
    """By factor, and `all`: which clips, [N, T, H, W, C] in [0, 1], show what `params` say.

    action: of swaps, what the clips that act are drawn from. Where the individual is of another
    kind than there, what has no counterpart (`Family.unlike`) is not judged, and a choice among it
    by what fits best.
    """
    rows = []
    for i, clip in enumerate(drawn):
        p, acts = ({k: float(v[i]) for k, v in of.items()} for of in (params, action or params))
        free = {f for kind, fs in family.unlike.items() if p[kind] != acts[kind] for f in fs}
        rows.append(_right_one(family, clip, p, free))
    names = [name for name in ("moves", *params) if any(name in row for row in rows)]
    found = {name: np.array([row.get(name, True) for row in rows]) for name in names}
    return found | {"all": np.all(list(found.values()), axis=0)}


def _right_one(
    family: Family, clip: npt.NDArray[Any], p: Mapping[str, float], free: Set[str]
) -> dict[str, bool]:
    likes = alike(family, free)
    tried = [_errors(family, clip, {**p, **like}) for like in likes]
    best = min(range(len(tried)), key=lambda i: tried[i][1][0])
    least = np.min([errors for _, errors in tried], 0)
    chosen = {f.name for f in family.factors if f.values} & set(free)
    found = {"moves": True} | {name: likes[best][name] == p[name] for name in chosen}
    for place, ((name, _), shown) in enumerate(tried[best][0]):
        if name not in free and shown:  # else it makes no difference here
            found[name] = found.get(name, True) and bool(least[0] < least[1 + place])
    return found | {"moves": bool(least[0] < least[-1])}


def alike(family: Family, free: Set[str]) -> list[dict[str, float]]:
    """Values of what may be as it likes: a single choice of none where nothing may."""
    factors = [f for f in family.factors if f.name in free]
    grids = [
        range(len(f.values)) if f.values else np.linspace(f.low, f.high, ALIKE, endpoint=False)
        for f in factors
    ]
    names = [f.name for f in factors]
    return [dict(zip(names, map(float, values), strict=True)) for values in product(*grids)]


def _errors(
    family: Family, clip: npt.NDArray[Any], p: Mapping[str, float]
) -> tuple[list[tuple[tuple[str, float], bool]], npt.NDArray[np.float32]]:
    """What is changed and whether that shows; errors beside the truth, each change, no motion."""
    changes = mistakes(family, p)
    table = {k: np.array([v, *(c if n == k else v for n, c in changes)]) for k, v in p.items()}
    renderings = render(family, table, clip.shape[0], clip.shape[1])
    still = renderings[:1].mean(1, keepdims=True).repeat(clip.shape[0], 1)
    candidates = np.concatenate([renderings, still.astype(np.uint8)])
    errors = distance(clip, candidates, round(2 * family.shift * clip.shape[1]))
    differs = [not np.array_equal(shown, renderings[0]) for shown in renderings[1:]]
    return list(zip(changes, differs, strict=True)), errors


def mistakes(family: Family, p: Mapping[str, float]) -> list[tuple[str, float]]:
    """Every factor's other values."""
    changes = [(f.name, float(v)) for f in family.factors for v in f.mistaken(float(p[f.name]))]
    scenes = [f.name for f in family.factors if f.name == "scene"]
    return changes + [(name, (p[name] + share) % 1) for name in scenes for share in (0.3, 0.6)]


def distance(clip: npt.NDArray[Any], renderings: Frames, shift: int) -> npt.NDArray[np.float32]:
    """[M] squared errors; frame by frame at the best of shifts by up to so many pixels."""
    x, y = clip.astype(np.float32), renderings.astype(np.float32) / 255
    if not shift:
        return np.asarray(((x - y) ** 2).sum((1, 2, 3, 4)))
    inner = slice(shift, x.shape[1] - shift)
    offsets = range(-shift, shift + 1)
    best = np.full(y.shape[:2], np.inf, np.float32)
    for dy in offsets:
        for dx in offsets:
            moved = np.roll(x, (dy, dx), (1, 2))[:, inner, inner]
            best = np.minimum(best, ((moved - y[:, :, inner, inner]) ** 2).sum((2, 3, 4)))
    return np.asarray(best.sum(1))
