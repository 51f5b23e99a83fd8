"""Every array that does not fit is refused with one line that names it."""

import statistics
from typing import Any

import numpy as np
import pytest
import torch

from evaluate_toy import world
from vdsm.errors import InputError
from vdsm.evaluate.inputs import prepare, standardised
from vdsm.evaluate.stream import check_clips, read

SHAPE = (2, 4, 3, 16, 16)  # of decoded clips


def arguments(**changes: Any) -> dict[str, Any]:
    found = world() | changes
    found.pop("decode")
    return found


def test_the_toy_world_is_accepted_and_compacted() -> None:
    labels = {**world()["labels"], "colour": world()["labels"]["colour"] * 10 + 5}
    inputs = prepare(**arguments(labels=labels))
    assert inputs.classes == {"colour": 3, "side": 2, "direction": 3}
    np.testing.assert_array_equal(inputs.labels["colour"], world()["labels"]["colour"])
    assert len(inputs.train) + len(inputs.test) == 216


def test_tensors_and_lists_are_arrays_too() -> None:
    plain = arguments()
    codes = {k: torch.from_numpy(v).requires_grad_() for k, v in plain["codes"].items()}
    inputs = prepare(**arguments(codes=codes, split=plain["split"].tolist()))
    np.testing.assert_array_equal(inputs.codes["s"], plain["codes"]["s"])


def broken(kind: str) -> dict[str, Any]:
    good = arguments()
    labels, codes, n = good["labels"], good["codes"], 216
    nan = codes["s"].copy()
    nan[[7, 9], 2] = np.nan
    donor = labels["colour"].copy()
    donor[np.flatnonzero(good["split"] == 1)[::2]] = 9
    one_action = np.where(good["split"] == 1, 0, labels["direction"])
    return {
        "labels of another length": {"labels": labels | {"side": labels["side"][:-1]}},
        "labels that are floats": {"labels": labels | {"side": labels["side"] * 0.5}},
        "a factor with one value": {"labels": labels | {"side": np.zeros(n, np.int64)}},
        "one value in the test clips": {"labels": labels | {"direction": one_action}},
        "a value that training lacks": {"labels": labels | {"colour": donor}},
        "a role that is none": {"roles": good["roles"] | {"side": "size"}},
        "a dot": {"labels": {"a.b": labels["side"]}, "roles": {"a.b": "identity"}},
        "NaN codes": {"codes": codes | {"s": nan}},
        "codes of another length": {"codes": codes | {"d": codes["d"][:5]}},
        "codes of no dimension": {"codes": codes | {"d": labels["side"]}},
        "integer codes": {"codes": codes | {"d": codes["d"].astype(np.int64)}},
        "a strange code": {"codes": codes | {"q": codes["d"]}},
        "a code twice": {"probed": {"s": codes["s"]}},
        "a split of four": {"split": np.arange(n) % 4},
        "no test clips": {"split": np.zeros(n, np.int64)},
        "frames, not clips": {"real": good["real"][:, 0]},
        "a path": {"real": "clips.npy"},
        "unseen of one column": {"unseen": np.zeros(4, np.int64)},
        "unseen outside": {"unseen": np.array([[0, n]])},
        "groups of another length": {"groups": np.zeros(3, np.int64)},
    }[kind]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("labels of another length", r"labels of 'side': shape \(215,\), expected \(216,\)"),
        ("labels that are floats", "labels of 'side': float64 values, expected integers"),
        ("a factor with one value", "'side' cannot be measured: it has 1 known value"),
        ("one value in the test clips", r"'direction' .* 1 known value among the test"),
        ("a value that training lacks", r"'colour' .* no training clip has .* \[9\]"),
        ("a role that is none", "roles of 'side': 'size', expected 'identity' or 'action'"),
        ("a dot", "'a.b' has a dot"),
        ("NaN codes", "code s is not finite in 2 of 216 clips, the first is clip 7"),
        ("codes of another length", r"code d: shape \(5, 3\), expected \[216, k\]"),
        ("codes of no dimension", r"code d: shape \(216,\)"),
        ("integer codes", "code d: int64 values, expected floats"),
        ("a strange code", "unknown code 'q'"),
        ("a code twice", "'s' is among both codes and probed"),
        ("a split of four", "split must hold 0"),
        ("no test clips", "leaves 0 test clips"),
        ("frames, not clips", r"must be clips \[N, T, H, W, C\]"),
        ("a path", r"must be clips \[N, T, H, W, C\], got str"),
        ("unseen of one column", r"unseen: shape \(4,\)"),
        ("unseen outside", r"outside 0\.\.215"),
        ("groups of another length", r"groups: shape \(3,\)"),
    ],
)
def test_misfits_are_named(kind: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        prepare(**arguments(**broken(kind)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (np.zeros((2, 4, 16, 16, 3)), "expected floats"),
        (np.zeros((1, 4, 3, 16, 16)), "expected floats"),
        (np.zeros(SHAPE, np.int64), "int64"),
        (np.full(SHAPE, 255.0), "values from 255 to 255"),
        (np.full(SHAPE, np.nan), "values from nan"),
        (np.full(SHAPE, -0.5), "values from -0.5"),
    ],
)
def test_decoders_that_give_something_else(made: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_clips("decode", made, SHAPE)


def test_decoders_may_give_bytes_tensors_and_rounding_errors() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 16, 16, 3), np.uint8)
    floats = torch.from_numpy(pixels).permute(0, 1, 4, 2, 3) / 255
    torch.testing.assert_close(check_clips("decode", pixels, SHAPE), floats)
    torch.testing.assert_close(check_clips("decode", floats.requires_grad_(), SHAPE), floats)
    over = check_clips("decode", np.full(SHAPE, 1.0005), SHAPE)
    assert over.max() == 1.0


def test_clip_arrays_that_give_something_else() -> None:
    class Wrong:
        shape = (216, 4, 16, 16, 3)

        def __len__(self) -> int:
            return 216

        def __getitem__(self, rows: Any) -> Any:
            return np.zeros((len(rows), 4, 16, 16, 3), np.float32)

    with pytest.raises(InputError, match="real gave float32"):
        read(Wrong(), np.arange(3))


def test_codes_are_standardised_by_their_training_rows() -> None:
    """Against a slow loop: over time averaged first, and what does not vary is centred alone."""
    code = np.random.default_rng(0).standard_normal((9, 5, 3)) * [1.0, 20.0, 0.0] + 4
    train = np.array([0, 2, 3, 7])
    found = standardised(code.astype(np.float32), train)
    for k in range(3):
        values = [float(np.mean([frame[k] for frame in clip])) for clip in code]
        seen = [values[row] for row in train]
        spread = statistics.pstdev(seen) if k < 2 else 1.0
        expected = [(value - statistics.fmean(seen)) / spread for value in values]
        np.testing.assert_allclose(found[:, k], expected, atol=1e-5)
    np.testing.assert_array_equal(standardised(code.mean(axis=1), train)[:, 2], 0)
