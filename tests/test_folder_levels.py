"""What the folders above a clip mean: splits in any usual spelling, levels that the user names."""

from itertools import product
from pathlib import Path

import pytest

from folders import empty, made, rows_of, tree
from media import ramp
from vdsm.cli import run
from vdsm.data.clips import Factor
from vdsm.data.folder.find import find
from vdsm.data.folder.levels import split_of
from vdsm.errors import InputError
from vdsm.video import write_clips

SPELLED = {
    "train": "train Train TRAINING training tr trn train_set trainset 01_train train2017 "
    "train-videos Train_Data training.set",
    "validation": "val Val valid VALIDATION validation dev devel val2017 validation_set 2-dev",
    "test": "test Testing TEST te tst eval evaluation test_clips test-set 3_test",
}
NO_SPLIT = "Ann trainer testy contest test_subject_1 valentin evaluator trial teddy t v restest"


@pytest.mark.parametrize(
    ("word", "split"),
    [(word, split) for split, words in SPELLED.items() for word in words.split()],
)
def test_usual_spellings(word: str, split: str) -> None:
    assert split_of(word) == split


@pytest.mark.parametrize("word", NO_SPLIT.split())
def test_other_words_name_no_split(word: str) -> None:
    assert split_of(word) is None


def meanings(root: Path, **told: str) -> dict[str, tuple[str | None, str | None, dict[str, str]]]:
    found = find(root, **told)  # type: ignore[arg-type]
    return {item.name: (item.split, item.group, dict(item.labels)) for item in found.items}


@pytest.mark.parametrize("words", [("train", "val", "test"), ("TRAINING", "dev", "Eval")])
@pytest.mark.parametrize("above", ["", "data/", "data/set 1/"])
def test_split_at_any_depth_is_no_person(tmp_path: Path, words: list[str], above: str) -> None:
    names = [f"{above}{split}/{who}/run/1.mp4" for split, who in product(words, ("ann", "bob"))]
    found = meanings(empty(tmp_path, names))
    for word, split in zip(words, ("train", "validation", "test"), strict=True):
        for who in ("ann", "bob"):
            folders = [*above.split("/")[:-1], who, "run"]
            labels = dict(zip(("identity", "action"), folders, strict=False))
            wanted = (split, folders[0], labels)
            assert found[f"{above}{word}/{who}/run/1.mp4"] == wanted


def test_split_below_the_person(tmp_path: Path) -> None:
    """Though one person has clips of one split alone."""
    names = ["ann/train/1.mp4", "ann/test/2.mp4", "bob/train/3.mp4", "cyd/run/4.mp4"]
    found = meanings(empty(tmp_path, names))
    assert [split for split, _, _ in found.values()] == ["test", "train", "train", None]
    assert found["bob/train/3.mp4"][1:] == ("bob", {"identity": "bob"})
    assert found["cyd/run/4.mp4"][2] == {"identity": "cyd", "action": "run"}


@pytest.mark.parametrize(
    "names",
    [
        ("ann/1.mp4", "Val/1.mp4"),  # one beside another
        ("ann/1.mp4", "Val/1.mp4", "Dev/1.mp4"),  # two of one split
        ("TE/1.mp4", "TR/1.mp4", "AB/1.mp4"),  # initials
        ("ann/test/1.mp4", "bob/run/1.mp4"),  # an action
        ("test subject/1.mp4", "training partner/1.mp4"),
    ],
)
def test_people_who_are_called_so(names: tuple[str, ...], tmp_path: Path) -> None:
    found = meanings(empty(tmp_path, names))
    assert all(split is None for split, _, _ in found.values())
    assert {group for _, group, _ in found.values()} == {name.split("/")[0] for name in names}


def test_one_split_beside_nothing_else(tmp_path: Path) -> None:
    root = empty(tmp_path, ["train/ann/1.mp4", "train/bob/2.mp4"])
    found = find(root)
    assert [(item.split, item.group) for item in found.items] == [
        ("train", "ann"), ("train", "bob")
    ]  # fmt: skip
    assert found.said[0].startswith("the folders train: train, 2 clips are read as the split")
    assert found.said[1] == "no clip is for testing: --levels with - for that level makes the" \
        " split anew"  # fmt: skip
    anew = find(root, levels="-,identity")
    assert [(item.split, item.group) for item in anew.items] == [(None, "ann"), (None, "bob")]


def test_what_stands_beside_a_split_is_passed_over(tmp_path: Path) -> None:
    names = ["train/ann/1.mp4", "test/bob/2.mp4", "extra/cyd/3.mp4", "intro.mp4"]
    found = find(empty(tmp_path, names))
    assert [item.name for item in found.items] == ["test/bob/2.mp4", "train/ann/1.mp4"]
    assert {file.path.name for file in found.passed} == {"3.mp4", "intro.mp4"}


def test_no_test_clip_is_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i, (split, who) in enumerate(product(("Train", "valid", "TEST"), "abc")):
        (tmp_path / "in" / split / who).mkdir(parents=True)
        write_clips(tmp_path / "in" / split / who / f"{i}.gif", ramp(3))
    clips = made(tmp_path / "out", tmp_path / "in")
    listed = rows_of(tmp_path / "out" / "files.csv")
    for index, (split, folder) in enumerate(
        [("train", "Train"), ("test", "TEST"), ("validation", "valid")]
    ):
        files = [listed[i]["file"] for i in clips.select(split)]
        assert [file.split("/")[0] for file in files] == [folder] * 3
        assert (clips.table.split == index).sum() == 3
    assert clips.info.factors == (Factor("identity", "identity", ("a", "b", "c")),)
    said = capsys.readouterr().err
    assert said.count("are read as the split") == 1
    for words in (
        "TEST: test, 3 clips;",
        "Train: train, 3 clips;",
        "valid: validation, 3 clips are",
    ):
        assert words in said


def test_told_levels(tmp_path: Path) -> None:
    names = ["tr/run/x/ann/1.mp4", "tr/walk/x/bob/2.mp4", "te/run/y/ann/deep/er/3.mp4", "te/4.mp4"]
    found = find(empty(tmp_path, names), levels="split,action,-,identity")
    labels = {item.name: (item.split, item.group, dict(item.labels)) for item in found.items}
    ann = {"action": "run", "identity": "ann"}
    assert labels["tr/run/x/ann/1.mp4"] == ("train", "ann", ann)
    assert labels["te/run/y/ann/deep/er/3.mp4"] == ("test", "ann", ann)
    assert labels["te/4.mp4"] == ("test", None, {})
    assert "1 of 4 clips lie deeper than --levels names" in found.said[0]
    assert "'deep/er' is ignored" in found.said[0]
    assert "1 of 4 clips lie in fewer folders" in found.said[1]


def test_told_levels_may_have_any_name(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", ("a", "b", "c"))
    clips = made(tmp_path / "out", root, levels="person,mood")
    assert clips.info.factors == (
        Factor("person", "identity", ("a", "b", "c")),
        Factor("mood", "action", ("run", "wave hand")),
    )
    assert clips.table.group.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    ignored = made(tmp_path / "ignored", root, levels="-,action")
    assert [factor.name for factor in ignored.info.factors] == ["action"]
    assert ignored.table.group.tolist() == list(range(12))


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ("identity,identity", "names identity twice"),
        ("identity,person", "identity and person both say whose clip it is"),
        ("identity,,action", "'' is no name"),
        ("identity,what ever", "'what ever' is no name"),
        ("split,identity", "ann/run/1.mp4: 'ann' stands where --levels has split, but is none"),
    ],
)
def test_wrong_levels(levels: str, message: str, tmp_path: Path) -> None:
    root = empty(tmp_path, ["ann/run/1.mp4", "bob/run/2.mp4"])
    with pytest.raises(InputError, match=message):
        find(root, levels=levels)


def test_levels_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = empty(tmp_path / "in", ["ann/1.mp4"])
    command = ["data", "folder", "--source", str(root), "--out", str(tmp_path / "out")]
    assert run([*command, "--levels", "identity", "--table", "t.csv"]) == 2
    assert "--levels and --table both say" in capsys.readouterr().err
