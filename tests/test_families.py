"""Procedural families: what is drawn against areas by hand, the judge against known mistakes."""

import colorsys
from pathlib import Path

import numpy as np
import pytest

from vdsm.data import open_clips
from vdsm.data.families import CHOSEN_ON, FAMILIES
from vdsm.data.families.make import FamilyOptions, drawn_from, make, render, sample
from vdsm.data.families.paint import FORMS, cover, grid, hue, outside
from vdsm.data.families.truth import right, swapped
from vdsm.errors import InputError

NAMES = sorted(FAMILIES)


def some(name: str, count: int = 6, frames: int = 6) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What clips are drawn from, and the clips, [N, T, H, W, C] in [0, 1]."""
    options = FamilyOptions(family=name, clips=count, frames=frames, size=32)
    params = dict(sample(FAMILIES[name], options)[0])
    return params, render(FAMILIES[name], params, frames, 32) / 255


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_a_form_covers_its_area(form: int) -> None:
    radius, size = 0.3, 128
    areas = [np.pi, (2 * 0.87) ** 2, None, None]
    x, y = grid(size)
    which, wide = np.float32(form), np.float32(radius)
    share = cover(outside(which, x - 0.5, y - 0.5, wide), size).mean() / radius**2
    arm, long = 2 * 0.38, 2 * 1.15
    areas[3] = 2 * arm * long - arm**2
    side = 2 * (0.66 * radius * 1.5) / 0.87 / radius  # top at y = -2 · .66, base at y = .66
    areas[2] = 0.5 * (0.66 * 3) * side
    assert share == pytest.approx(areas[form], rel=0.03)


def test_hues_are_the_colour_wheels_from_cyan_on() -> None:
    turns = np.array([0.0, 0.2, 0.45, 0.9])
    expected = [colorsys.hsv_to_rgb((turn + 0.5) % 1, 1, 1) for turn in turns]
    np.testing.assert_allclose(hue(turns, 1.0, 0.0).reshape(-1, 3), expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_true_clip_is_right_in_all(name: str) -> None:
    params, clips = some(name)
    assert right(FAMILIES[name], clips, params)["all"].all()


@pytest.mark.parametrize("name", NAMES)
def test_a_still_clip_does_not_move(name: str) -> None:
    params, clips = some(name, frames=12)
    still = clips.mean(1, keepdims=True).repeat(12, 1)
    assert not right(FAMILIES[name], still, params)["moves"].any()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_mistaken_is_named_and_nothing_else(name: str) -> None:
    family = FAMILIES[name]
    params, _ = some(name)
    for factor in family.factors:
        wrong = [factor.mistaken(float(value)) for value in params[factor.name]]
        if not len(wrong[0]):
            continue
        changed = params | {factor.name: np.array([w[0] for w in wrong])}
        drawn = render(family, changed, 6, 32)
        found = right(family, drawn / 255, params)
        differs = (drawn != render(family, params, 6, 32)).any((1, 2, 3, 4))
        assert not found[factor.name][differs].any(), factor.name
        assert found[factor.name][~differs].all()


def test_a_swap_takes_who_from_one_and_what_from_the_other() -> None:
    params, _ = some("curves")
    other = {name: value[::-1] for name, value in params.items()}
    both = swapped(FAMILIES["curves"], params, other)
    np.testing.assert_array_equal(both["hue"], params["hue"])
    np.testing.assert_array_equal(both["curve"], other["curve"])


def test_clips_are_found_again_from_the_record(tmp_path: Path) -> None:
    make(tmp_path / "clips", FamilyOptions(family="grey", clips=70, frames=3, size=32, each=3))
    clips = open_clips(tmp_path / "clips")
    family, params = drawn_from(clips)
    again = render(family, params, 3, 32)
    np.testing.assert_array_equal(again, np.stack([clips.whole(i) for i in range(70)]))
    counts = np.bincount(clips.table.group)
    assert counts.max() == 3
    assert len(counts) == 24
    for group in range(24):  # individuals keep their looks, and are held out whole
        members = clips.table.group == group
        assert len(set(clips.table.split[members])) == 1
        assert len(set(params["shade"][members])) == 1


def test_nobody_appears_twice_in_a_flat_family(tmp_path: Path) -> None:
    make(tmp_path / "clips", FamilyOptions(family="curves", clips=40, frames=2, size=32))
    assert len(set(open_clips(tmp_path / "clips").table.group)) == 40


def test_settings_are_chosen_on_half_of_the_families() -> None:
    assert set(CHOSEN_ON) < set(FAMILIES)
    assert 2 * len(CHOSEN_ON) == len(FAMILIES)


def test_other_data_have_no_truth(tmp_path: Path) -> None:
    make(tmp_path / "clips", FamilyOptions(clips=4, frames=2, size=32))
    clips = open_clips(tmp_path / "clips")
    clips.info.made["maker"] = "folder"  # type: ignore[index]
    with pytest.raises(InputError, match="no family"):
        drawn_from(clips)


def test_the_phase_of_a_wheel_of_other_blades_is_its_own() -> None:
    """Of swaps alone, and nothing but the phase."""
    family = FAMILIES["wheels"]
    params, _ = some("wheels")
    acts = params | {"blades": (params["blades"] + 1) % 3}
    turned = params | {"phase": (params["phase"] + 5 / 24) % 1}
    drawn = render(family, turned, 6, 32) / 255
    assert not right(family, drawn, params)["all"].any()
    assert right(family, drawn, params, acts)["all"].all()
    back = render(family, turned | {"turns": 1 - params["turns"]}, 6, 32) / 255
    found = right(family, back, params, acts)
    assert not found["turns"].any()
    assert found["blades"].all()
    other = render(family, turned | {"speed": 1 - params["speed"]}, 6, 32) / 255
    assert not right(family, other, params, acts)["all"].any()
    assert not right(family, render(family, acts, 6, 32) / 255, params, acts)["blades"].any()
