"""Judges: they learn the toy world from its training clips alone, and are kept by content."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evaluate_toy import world
from vdsm.errors import InputError
from vdsm.evaluate.cache import digest, judges_for
from vdsm.evaluate.inputs import Inputs, prepare
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import (
    Judge,
    Judges,
    empty_judges,
    hold_back,
    look,
    rising,
    train,
)
from vdsm.evaluate.judge_floor import accuracies, require_floor
from vdsm.evaluate.result import Number
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import quiet, read, real_clips

SETTINGS = Settings(judges=2, judge_width=8, judge_hidden=16, judge_steps=200, judge_batch=32)
SHORT = replace(SETTINGS, judge_steps=3)


class Recorder:
    """Clips that remember which rows were asked for."""

    def __init__(self, clips: np.ndarray) -> None:
        self.clips = clips
        self.shape = clips.shape
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, rows: Any) -> Any:
        assert (np.diff(rows) > 0).all(), "rows are asked for in ascending order"
        self.asked += rows.tolist()
        return self.clips[rows]


def checked(**changes: Any) -> Inputs:
    arguments = world() | changes
    arguments.pop("decode")
    return prepare(**arguments)


@pytest.fixture(scope="module")
def learned() -> tuple[Inputs, Judges]:
    recorder = Recorder(world()["real"])
    inputs = checked(real=recorder)
    judge = train(inputs, SETTINGS, quiet)
    assert set(recorder.asked) <= set(inputs.train.tolist()), "a test clip was trained on"
    return inputs, judge


def test_the_toy_world_is_learned(learned: tuple[Inputs, Judges]) -> None:
    inputs, judge = learned
    seen = look(judge, real_clips(inputs, inputs.test, 32))
    numbers = accuracies(seen.verdicts, inputs, inputs.test, Bootstrap(20, 0))
    assert {name: number.value for name, number in numbers.items()} == dict.fromkeys(
        inputs.labels, 1.0
    )
    require_floor(numbers, 0.98)
    for probabilities in seen.verdicts.values():
        np.testing.assert_allclose(probabilities.sum(-1), 1)


@pytest.mark.parametrize("batch", [1, 5, 54])
def test_verdicts_do_not_depend_on_how_batches_are_cut(
    learned: tuple[Inputs, Judges], batch: int
) -> None:
    inputs, judge = learned
    whole = look(judge, [read(inputs.real, inputs.test)])
    parts = look(judge, real_clips(inputs, inputs.test, batch))
    np.testing.assert_allclose(parts.features, whole.features, rtol=1e-4, atol=1e-5)
    for name, probabilities in parts.verdicts.items():
        np.testing.assert_allclose(probabilities, whole.verdicts[name], rtol=1e-4, atol=1e-6)


def test_training_is_a_function_of_the_seed() -> None:
    inputs = checked()
    torch.manual_seed(1)
    one = train(inputs, SHORT, quiet).state_dict()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    two = train(inputs, SHORT, quiet).state_dict()
    assert torch.equal(state, torch.get_rng_state()), "the global generator was touched"
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = train(inputs, replace(SHORT, seed=1), quiet).state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("steps", [1, 2, 8, 9, 10, 19])
def test_few_steps_will_do(steps: int) -> None:
    """The learning rate rises in the first of them; of nine a tenth would be none."""
    judge = train(checked(), replace(SHORT, judges=1, judge_steps=steps), quiet)
    assert all(value.isfinite().all() for value in judge.state_dict().values())


def test_learning_rates_rise_in_a_tenth_of_the_steps() -> None:
    for steps in (19, 100, Settings().judge_steps):
        assert rising(replace(SETTINGS, judge_steps=steps)) == 0.1


def test_clips_of_unknown_label_teach_nothing_and_are_not_counted() -> None:
    labels = world()["labels"]
    labels["side"][1::2] = -1
    inputs = checked(labels=labels)
    judge = train(inputs, SHORT, quiet)
    seen = look(judge, real_clips(inputs, inputs.test, 64))
    numbers = accuracies(seen.verdicts, inputs, inputs.test, Bootstrap(20, 0))
    assert numbers["side"].n == sum(labels["side"][inputs.test] >= 0) < len(inputs.test)
    assert numbers["colour"].n == len(inputs.test)


def test_whole_individuals_are_held_back() -> None:
    inputs = checked()
    rows, held = hold_back(inputs, inputs.train, 0)
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, held])), inputs.train)
    assert not set(inputs.groups[rows]) & set(inputs.groups[held])
    assert len(held) >= 0.1 * len(inputs.train)


def test_where_an_individual_is_a_value_single_clips_are_held_back() -> None:
    """Six persons, each a value of a factor: none may be missing from what is learned."""
    plain = world()
    person = plain["labels"]["colour"] * 2 + plain["labels"]["side"]
    inputs = checked(labels={"person": person}, roles={"person": "identity"}, groups=person)
    rows, held = hold_back(inputs, inputs.train, 0)
    assert set(person[rows]) == set(person)
    assert 0 < len(held) < len(rows)


def test_parts_of_a_recording_are_held_back_together() -> None:
    """Persons are a factor's values, so that no person can be held back, but recordings can.

    Not those of which the rest is measured: that is what judges are shown them for.
    """
    plain = world()
    person = plain["labels"]["colour"] * 2 + plain["labels"]["side"]
    recording = np.arange(216) // 4 + 100 * (plain["split"] == 1)
    changes = {"labels": {"person": person}, "roles": {"person": "identity"}, "groups": person}
    inputs = checked(**changes, recordings=recording)
    rows, held = hold_back(inputs, inputs.train, 0)
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, held])), inputs.train)
    assert not set(recording[rows]) & set(recording[held])
    assert len(held) >= 0.1 * len(inputs.train)
    assert set(person[rows]) == set(person)
    shown = np.flatnonzero(plain["split"] == 0)[::2]  # the beginnings of what is measured
    recording[shown] = recording[plain["split"] == 1][np.arange(len(shown)) % 50]
    early = checked(**changes, recordings=recording)
    rows, held = hold_back(early, early.train, 0)
    assert len(held) > 0
    assert not set(held) & set(shown)
    one_each = checked(**changes, recordings=person)  # then parts of them must do
    rows, held = hold_back(one_each, one_each.train, 0)
    assert set(person[rows]) == set(person)
    assert len(held) == int(0.1 * len(inputs.train))


def test_judges_below_their_floor_are_refused() -> None:
    numbers = {"hair": Number(0.91, 500), "body": Number(0.99, 500)}
    with pytest.raises(InputError, match=r"floor of 98\.0 % on 500 real test clips: 'hair' 91\.0"):
        require_floor(numbers, 0.98)
    require_floor(numbers, 0.9)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (32, 20), (3, 5), (64, 64)])
def test_frames_of_any_size(height: int, width: int) -> None:
    judge = Judge((1, height, width), {"a": 3, "b": 2}, width=4, hidden=5)
    logits = judge.eval()(torch.rand(2, 3, 1, height, width))
    assert {name: values.shape for name, values in logits.items()} == {"a": (2, 3), "b": (2, 2)}


def test_factors_may_be_named_as_parts_of_a_module_are() -> None:
    classes = dict.fromkeys(("type", "values", "train", "half", "keys", "factor a", " "), 2)
    judge = Judge((1, 8, 8), classes, width=4, hidden=5)
    logits = judge.eval()(torch.rand(2, 3, 1, 8, 8))
    assert {name: values.shape for name, values in logits.items()} == dict.fromkeys(classes, (2, 2))


def test_judges_are_kept_by_the_content_they_learned_from(tmp_path: Path) -> None:
    inputs = checked()
    steps: list[int] = []

    def count(what: str, done: int, total: int) -> None:
        steps.append(done)

    first = judges_for(inputs, SHORT, tmp_path / "judges", count)
    trained = len(steps)
    again = judges_for(inputs, SHORT, tmp_path / "judges", count)
    assert len(steps) == trained, "a kept judge was trained again"
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])

    kept = next((tmp_path / "judges").glob("*.safetensors"))
    payload = bytearray(kept.read_bytes())
    payload[-1] ^= 1
    kept.write_bytes(bytes(payload))
    judges_for(inputs, SHORT, tmp_path / "judges", count)
    assert len(steps) == 2 * trained, "an altered file was trusted"
    assert kept.read_bytes() != bytes(payload)


def test_the_digest_sees_clips_labels_groups_and_settings() -> None:
    plain = world()
    base = digest(checked(), SETTINGS)
    assert digest(checked(), SETTINGS) == base
    pixel = plain["real"].copy()
    pixel[checked().train[5], 0, 0, 0, 0] ^= 1
    label = plain["labels"] | {"side": plain["labels"]["side"].copy()}
    label["side"][checked().train[5]] ^= 1
    test_pixel = plain["real"].copy()
    test_pixel[checked().test[5], 0, 0, 0, 0] ^= 1
    assert digest(checked(real=pixel), SETTINGS) != base
    assert digest(checked(labels=label), SETTINGS) != base
    assert digest(checked(groups=None), SETTINGS) != base
    assert digest(checked(recordings=np.arange(216) // 2), SETTINGS) != base
    whole = np.arange(216)
    shared = whole.copy()
    shared[checked().test[5]] = whole[checked().train[5]]  # part of it is measured now
    assert digest(checked(recordings=shared), SETTINGS) != digest(checked(), SETTINGS)
    assert digest(checked(), replace(SETTINGS, judge_steps=301)) != base
    assert digest(checked(), replace(SETTINGS, batch=7)) == base
    assert digest(checked(real=test_pixel), SETTINGS) == base


def test_verdicts_are_the_mean_of_judges_that_differ(learned: tuple[Inputs, Judges]) -> None:
    inputs, judges = learned
    clips = [read(inputs.real, inputs.test)]
    one, two = (look(Judges([judge]), clips) for judge in judges)
    both = look(judges, clips)
    for name, probabilities in both.verdicts.items():
        expected = (one.verdicts[name] + two.verdicts[name]) / 2
        np.testing.assert_allclose(probabilities, expected)
        assert not np.allclose(one.verdicts[name], two.verdicts[name])
    np.testing.assert_array_equal(both.features, one.features)


def test_what_changes_between_frames_is_seen() -> None:
    """A clip and the same frames in another order: same pictures, other changes."""
    torch.manual_seed(0)
    judge = Judge((1, 8, 8), {"a": 2}, width=4, hidden=5).eval()
    clip = torch.rand(1, 4, 1, 8, 8)
    width = judge.lstm.input_size // 2
    with torch.no_grad():
        judge.lstm.weight_ih_l0[:, :width] = 0
        judge.lstm.weight_ih_l0_reverse[:, :width] = 0
    still = clip[:, :1].expand_as(clip)
    assert not torch.allclose(judge.features(clip), judge.features(clip[:, [0, 2, 1, 3]]))
    brighter = (still + 0.3).clamp(0, 1)
    torch.testing.assert_close(judge.features(still), judge.features(brighter))


def test_weights_are_drawn_by_seed() -> None:
    one, two = (empty_judges(checked(), SETTINGS)[0].dense.weight for _ in range(2))
    assert torch.equal(one, two)
