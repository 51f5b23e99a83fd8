"""Labels from file names: the corpora of this field as they are handed out."""

from pathlib import Path

import pytest

from folders import empty, made, rows_of
from media import ramp
from vdsm.data.clips import Factor
from vdsm.data.folder.find import find
from vdsm.errors import InputError
from vdsm.video import write_clips, write_picture

CORPORA = {
    "KTH": (
        "{person}_{action}_d*",
        {
            "boxing/person01_boxing_d1_uncomp.avi": ("person01", "boxing"),
            "walking/person25_walking_d4_uncomp.avi": ("person25", "walking"),
        },
    ),
    "NTU": (
        "S*C*P{person}R*A{action}_rgb",
        {
            "S001C002P003R002A013_rgb.avi": ("003", "013"),
            "nturgb/S017C001P020R001A060_rgb.avi": ("020", "060"),
        },
    ),
    "RAVDESS": (
        "*-*-{action}-*-*-*-{person}",
        {
            "Actor_12/03-01-06-01-02-01-12.mp4": ("12", "06"),
            "02-01-01-02-01-02-24.mp4": ("24", "01"),
        },
    ),
    "CREMA-D": (
        "{identity}_*_{action}_*",
        {"1001_DFA_ANG_XX.flv": ("1001", "ANG"), "1091_IEO_HAP_LO.flv": ("1091", "HAP")},
    ),
    "Weizmann": (
        "{person}_{action:letters}*",
        {
            "daria_walk.avi": ("daria", "walk"),
            "lena_run1.avi": ("lena", "run"),
            "lena_run2.avi": ("lena", "run"),
        },
    ),
    "UCF101": (
        "v_{action}_g{group}_*",
        {
            "Archery/v_Archery_g01_c02.avi": ("01", "Archery"),
            "v_Bowling_g25_c1.avi": ("25", "Bowling"),
        },
    ),
    "by folder and name": (
        "{action}/{group}-{-}",
        {"x/run/ann-1.mp4": ("ann", "run"), "x/walk/bob-22.mp4": ("bob", "walk")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("corpus", CORPORA)
def test_names_of_known_corpora(corpus: str, tmp_path: Path) -> None:
    pattern, wanted = CORPORA[corpus]
    found = find(empty(tmp_path, wanted), names=pattern)
    assert not found.passed
    assert {item.name: (item.group, item.labels["action"]) for item in found.items} == wanted
    assert all(len(item.labels) == 2 for item in found.items)  # folders name nothing


def test_names_become_factors(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for who in ("p1", "p2"):
        for what in ("run", "walk"):
            write_clips(tmp_path / "in" / f"{who}_{what}_d1.gif", ramp(3))
    (tmp_path / "in" / "readme.gif").touch()
    clips = made(tmp_path / "out", tmp_path / "in", names="{person}_{action}_d*")
    assert clips.info.factors == (
        Factor("person", "identity", ("p1", "p2")),
        Factor("action", "action", ("run", "walk")),
    )
    assert clips.table.group.tolist() == [0, 0, 1, 1]
    (passed,) = rows_of(tmp_path / "out" / "broken.csv")
    assert passed == {
        "path": "readme.gif",
        "kind": "passed over",
        "reason": "its name does not match --names {person}_{action}_d*",
    }


def test_no_name_matches(tmp_path: Path) -> None:
    root = empty(tmp_path, ["x/b.mp4", "x/a.mp4"])
    message = r"no name matches --names '\{person\}_\*': the first of 2 clips is 'x/a\.mp4'"
    with pytest.raises(InputError, match=message):
        find(root, names="{person}_*")


def test_split_in_names_and_folders(tmp_path: Path) -> None:
    """Folders of a split stay one. A name may say it too; a word that is none does not match."""
    root = empty(tmp_path / "a", ["train/ann_run.mp4", "test/bob_run.mp4"])
    found = find(root, names="{person}_{action}")
    assert [(item.split, item.group) for item in found.items] == [("test", "bob"), ("train", "ann")]
    root = empty(tmp_path / "b", ["Train_ann.mp4", "val_bob.mp4", "TEST_cyd.mp4", "other_dan.mp4"])
    found = find(root, names="{split}_{person}")
    assert {item.group: item.split for item in found.items} == {
        "ann": "train", "bob": "validation", "cyd": "test"
    }  # fmt: skip
    assert [file.path.name for file in found.passed] == ["other_dan.mp4"]


def test_names_beside_told_levels(tmp_path: Path) -> None:
    root = empty(tmp_path, ["ann/x_run.mp4", "bob/y_walk.mp4"])
    (item, _) = find(root, levels="identity", names="*_{action}").items
    assert item.group == "ann"
    assert item.labels == {"identity": "ann", "action": "run"}
    with pytest.raises(InputError, match="names action twice"):
        find(root, levels="action", names="*_{action}")


def test_a_folder_of_frames_goes_by_its_own_name(tmp_path: Path) -> None:
    for who in ("ann", "bob"):
        (tmp_path / "x" / f"{who}_run").mkdir(parents=True)
        for i in range(2):
            write_picture(tmp_path / "x" / f"{who}_run" / f"{i}.png", ramp(2)[i])
    found = find(tmp_path, names="{person}_{action}")
    assert [item.labels for item in found.items] == [
        {"person": "ann", "action": "run"}, {"person": "bob", "action": "run"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("*_d*", "names no field"),
        ("{person_*", r"has a \{ alone"),
        ("{person}_{person}", "names person twice"),
        ("{person}_{identity}", "both say whose clip it is"),
        ("{per son}", "'per son' is no name"),
        ("{action:word}", r"should be \{action\}, \{action:letters\} or \{action:digits\}"),
        ("{}", "'' is no name"),
    ],
)
def test_wrong_patterns(names: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        find(empty(tmp_path, ["a.mp4"]), names=names)


def test_long_names_take_no_time(tmp_path: Path) -> None:
    """A pattern of many wildcards beside a name of many of their signs."""
    names = ["-".join("ab" * 40) + ".mp4", "03-01-06-01-02-01-12.mp4"]
    root = empty(tmp_path, names)
    with pytest.raises(InputError, match="no name matches"):
        find(root, names="*-*-{action}-*-*-*-{person:digits}_x*_y*_z")
    (item,) = find(root, names="*-*-{action}-*-*-*-{person:digits}").items
    assert item.labels == {"action": "06", "person": "12"}


@pytest.mark.parametrize("name", ["a.b_(1)_d1.mp4", "a[b]_+_d$.mp4"])
def test_signs_of_expressions_are_plain(name: str, tmp_path: Path) -> None:
    stem = name.removesuffix(".mp4")
    who, what, _ = stem.split("_")
    (item,) = find(empty(tmp_path, [name]), names="{person}_{action}_d?").items
    assert (item.labels["person"], item.labels["action"]) == (who, what)
    (same,) = find(tmp_path, names=stem.replace(who, "{person}", 1)).items
    assert same.labels == {"person": who}
