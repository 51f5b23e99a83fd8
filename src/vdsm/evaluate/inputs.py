"""What the panel measures, as arrays of anyone's model, checked before any work is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from vdsm.data.clips import Floats, Ints, Role
from vdsm.errors import InputError
from vdsm.words import counted

Array = npt.NDArray[Any]
CodeArrays = Mapping[str, Array]  # "s" [n, k]; "d" [n, k] and "z" [n, T, k], or one of these two
ROLES = ("identity", "action")
JUDGES_ONLY = 2  # in `split`: real clips that judges learn from, beside those of training
MOTION = ("d", "z")  # the codes that go with the action when codes are swapped


@runtime_checkable
class ClipArray(Protocol):
    """N clips: a uint8 array [N, T, H, W, C], or an object that reads only what it is asked for.

    It is indexed by ascending int64 arrays [B] and then gives uint8 [B, T, H, W, C].
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> Any: ...


@dataclass(frozen=True)
class Truth:
    """How N drawn clips came to be."""

    names: tuple[str, ...]  # of what is known of a frame, such as pose.yaw
    poses: Array  # floats [N, T, K]
    people: int = 0  # who can be drawn, by number
    person: Ints | None = None  # [N] number of who is in a clip
    # a person in the take of a row, frames [n] of it -> uint8 [n, H, W, C]
    draw: Callable[[int, int, Ints], Array] | None = None


@dataclass(frozen=True)
class Inputs:
    """Checked arrays of N clips. Rows of `test` are measured, those of `train` teach probes."""

    real: ClipArray  # uint8 [N, T, H, W, C]
    train: Ints  # rows
    test: Ints  # rows
    judged: Ints  # rows that judges learn from: those of `train`, and such as are for them alone
    labels: Mapping[str, Ints]  # factor -> [N] class index from 0, -1 unknown
    classes: Mapping[str, int]  # factor -> number of classes
    roles: Mapping[str, Role]  # factor -> which code should hold it
    codes: CodeArrays  # what `decode` takes; none of a model without an encoder
    raw: CodeArrays  # the same before a readout, where there is one
    probed: CodeArrays  # codes that are only probed, as posterior samples
    groups: Ints  # [N] clips of one individual share a number
    recordings: Ints  # [N] rows that are parts of one recording share a number
    unseen: Ints | None  # [P, 2] rows: identity from the first, action from the second
    truth: Truth | None = None  # how the clips were drawn

    def factors(self, role: str) -> list[str]:
        """Names of the factors of a role."""
        return [name for name, of in self.roles.items() if of == role]

    def test_labels(self, factor: str) -> Ints:
        """[n] labels of the test clips."""
        return self.labels[factor][self.test]


def prepare(
    *,
    real: Any,
    labels: Mapping[str, Any],
    roles: Mapping[str, str],
    split: Any,
    codes: Mapping[str, Any] | None = None,
    raw: Mapping[str, Any] | None = None,
    probed: Mapping[str, Any] | None = None,
    groups: Any = None,
    recordings: Any = None,
    unseen: Any = None,
    truth: Truth | None = None,
) -> Inputs:
    """Check every array against the others; see `panel` for their meaning.

    InputError, one line, where lengths, roles, labels or codes cannot be measured.
    """
    if not isinstance(real, ClipArray) or len(real.shape) != 5:
        raise InputError(f"real must be clips [N, T, H, W, C], got {_shape_of(real)}")
    n = len(real)
    held = _column("split", split, n)
    if not set(np.unique(held).tolist()) <= {0, 1, JUDGES_ONLY}:
        raise InputError(
            f"split must hold 0 (training clip), 1 (test clip) or {JUDGES_ONLY} (for judges alone)"
        )
    train, test = np.flatnonzero(held == 0), np.flatnonzero(held == 1)
    for name, rows in (("training", train), ("test", test)):
        if len(rows) < 2:
            raise InputError(
                f"split leaves {counted(len(rows), f'{name} clip')}: the panel needs at least 2"
            )

    codes = codes or {}
    twice = sorted(set(probed or {}) & set(codes))
    if twice:
        raise InputError(f"code '{twice[0]}' is among both codes and probed: rename one of them")
    checked_roles = _roles(labels, roles)
    compact, classes = {}, {}
    for name, column in labels.items():
        values = _column(f"labels of '{name}'", column, n)
        compact[name], classes[name] = _compact(name, values, train, test)
    return Inputs(
        real=real,
        train=train,
        test=test,
        judged=np.flatnonzero(held != 1),
        labels=compact,
        classes=classes,
        roles=checked_roles,
        codes=_main_codes({name: _code(name, code, n) for name, code in codes.items()}),
        raw=_main_codes({name: _code(name, code, n) for name, code in (raw or {}).items()}),
        probed={name: _code(name, code, n) for name, code in (probed or {}).items()},
        groups=np.arange(n) if groups is None else _column("groups", groups, n),
        recordings=np.arange(n) if recordings is None else _column("recordings", recordings, n),
        unseen=None if unseen is None else _pairs(unseen, n),
        truth=None if truth is None else _truth(truth, real),
    )


def to_numpy(values: Any) -> Array:
    """An array of a tensor or of anything that numpy reads."""
    if isinstance(values, torch.Tensor):
        values = values.detach().float().cpu() if values.is_floating_point() else values.cpu()
    return np.asarray(values)


def standardised(code: Array, train: Ints) -> Floats:
    """[N, k] codes in units of the training rows' spread; those over time are averaged first."""
    flat = (code.mean(axis=1) if code.ndim == 3 else code).astype(np.float64)
    loc, scale = flat[train].mean(0), flat[train].std(0)
    return np.asarray((flat - loc) / np.where(scale > 0, scale, 1.0))


def _column(name: str, values: Any, n: int) -> Ints:
    column = to_numpy(values)
    if column.shape != (n,):
        raise InputError(f"{name}: shape {column.shape}, expected ({n},), one for each clip")
    if not np.issubdtype(column.dtype, np.integer) and column.dtype != np.bool_:
        raise InputError(f"{name}: {column.dtype} values, expected integers")
    return column.astype(np.int64)


def _roles(labels: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Role]:
    if not isinstance(labels, Mapping) or not isinstance(roles, Mapping):
        raise InputError("labels and roles must be dicts: factor -> [N] integers, factor -> role")
    checked: dict[str, Role] = {}
    for name in labels:
        if roles.get(name) not in ROLES:
            raise InputError(
                f"roles of '{name}': {roles.get(name)!r}, expected 'identity' or 'action'"
            )
        if "." in name:
            raise InputError(f"factor '{name}' has a dot in its name: rename it")
        checked[name] = "identity" if roles[name] == "identity" else "action"
    return checked


def factor_fault(train: Ints, test: Ints) -> str | None:
    """Why a factor with these labels cannot be judged, or None. -1 is unknown."""
    known, seen = np.unique(train[train >= 0]), np.unique(test[test >= 0])
    for where, found in (("training", known), ("test", seen)):
        if len(found) < 2:
            values = counted(len(found), "known value")
            return f"it has {values} among the {where} clips, so it cannot vary"
    foreign = np.setdiff1d(seen, known)
    if len(foreign):
        return (
            f"no training clip has its test values {foreign.tolist()[:5]}, so no judge knows them"
        )
    return None


def _compact(name: str, values: Ints, train: Ints, test: Ints) -> tuple[Ints, int]:
    """Labels as class indices from 0 among the values that training clips have."""
    fault = factor_fault(values[train], values[test])
    if fault:
        raise InputError(f"factor '{name}' cannot be measured: {fault}; leave it out")
    known = np.unique(values[train][values[train] >= 0])
    index = np.searchsorted(known, values)
    return np.where(np.isin(values, known), index, -1).astype(np.int64), len(known)


def _main_codes(codes: dict[str, Array]) -> CodeArrays:
    strange = [name for name in codes if name not in ("s", *MOTION)]
    if strange:
        raise InputError(f"unknown code '{strange[0]}': codes are s, d and z; see `probed`")
    return codes


def _code(name: str, values: Any, n: int) -> Array:
    if "." in name:
        raise InputError(f"code '{name}' has a dot in its name: rename it")
    code = to_numpy(values)
    if code.ndim not in (2, 3) or len(code) != n or 0 in code.shape:
        raise InputError(f"code {name}: shape {code.shape}, expected [{n}, k] or [{n}, T, k]")
    if not np.issubdtype(code.dtype, np.floating):
        raise InputError(f"code {name}: {code.dtype} values, expected floats")
    finite = np.isfinite(code.reshape(n, -1)).all(axis=1)
    if not finite.all():
        raise InputError(
            f"code {name} is not finite in {int((~finite).sum())} of {n} clips, "
            f"the first is clip {int(np.argmin(finite))}: the model diverged or was read wrongly"
        )
    return code


def _pairs(unseen: Any, n: int) -> Ints:
    pairs = to_numpy(unseen)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise InputError(f"unseen: shape {pairs.shape}, expected [P, 2] rows of clips")
    if len(pairs) and not (pairs.min() >= 0 and pairs.max() < n):
        raise InputError(f"unseen names clips outside 0..{n - 1}")
    return pairs.astype(np.int64)


def _truth(truth: Truth, real: ClipArray) -> Truth:
    poses, expected = to_numpy(truth.poses), (*real.shape[:2], len(truth.names))
    if poses.shape != expected or not np.isfinite(poses).all():
        raise InputError(f"truth: poses {poses.shape}, expected finite ones of {expected}")
    if truth.draw is not None and truth.person is None:
        raise InputError("truth draws people, and does not say who is in a clip: give `person`")
    if truth.person is None:
        return replace(truth, poses=poses)
    return replace(truth, poses=poses, person=_column("truth: person", truth.person, len(real)))


def _shape_of(value: Any) -> str:
    return (
        str(tuple(getattr(value, "shape", ()))) if hasattr(value, "shape") else type(value).__name__
    )
