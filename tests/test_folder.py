"""A folder of videos becomes a dataset: which clips, how labelled and split, what is left out."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from folders import made, rows_of, tree
from media import encode, pattern, ramp, sound
from vdsm.cli import run
from vdsm.data import open_clips
from vdsm.data.clips import Factor
from vdsm.data.folder import FolderOptions, decode
from vdsm.data.folder.find import find_tree
from vdsm.errors import InputError
from vdsm.options import read
from vdsm.tasks import processes
from vdsm.video import read_video, write_clips, write_picture

# ---- which clips, and what they are called


def test_tree_of_identities_and_actions(tmp_path: Path) -> None:
    clips = made(tmp_path / "out", tree(tmp_path / "my videos"))
    assert clips.info.name == "my videos"
    assert clips.info.factors == (
        Factor("identity", "identity", ("Ann", "Bob 2", "Zoë")),
        Factor("action", "action", ("run", "wave hand")),
    )
    assert clips.table.length.tolist() == [7, 8, 9, 10] * 3
    assert clips.table.group.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert clips.table.labels["identity"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert clips.table.labels["action"].tolist() == [0, 0, 1, 1] * 3
    listed = rows_of(tmp_path / "out" / "files.csv")
    assert [row["file"] for row in listed][:2] == ["Ann/run/take 2.gif", "Ann/run/take 10.mp4"]
    for i, row in enumerate(listed):
        wanted = read_video(tmp_path / "my videos" / row["file"], size=32)
        assert np.array_equal(clips.whole(i), wanted)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "clips.npz", "dataset.json", "files.csv", "frames.u8"
    ]  # fmt: skip


def test_flat_folder_has_neither_groups_nor_factors(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in (1, 2, 10):
        write_clips(tmp_path / "in" / f"v{i}.gif", ramp(i + 2))
    clips = made(tmp_path / "out", tmp_path / "in")
    assert clips.info.factors == ()
    assert clips.table.length.tolist() == [3, 4, 12]
    assert clips.table.group.tolist() == [0, 1, 2]


def test_every_kind_of_clip_is_found_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name in ("a.mp4", "b.MOV", "deep/er/than/needed/c.webm", "d.avi", "e.mkv"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(path.with_suffix(path.suffix.lower()), ramp(3)).rename(path)
    for i in (1, 2, 10):
        folder = root / "ann" / "frames"
        folder.mkdir(parents=True, exist_ok=True)
        write_picture(folder / f"{i}.png", ramp(10)[i - 1])
    write_picture(root / "ann" / "poster.png", ramp(1)[0])  # beside clips: no clip
    (root / "notes.txt").write_text("x")
    (root / ".hidden").mkdir()
    encode(root / ".hidden" / "h.mp4", ramp(3))
    encode(root / "._a.mp4", ramp(3))
    names = [item.name for item in find_tree(root)]
    assert names == [
        "a.mp4", "ann/frames", "b.MOV", "d.avi", "deep/er/than/needed/c.webm", "e.mkv"
    ]  # fmt: skip
    assert [item.labels for item in find_tree(root)][4] == {"identity": "deep", "action": "er"}


def test_links_are_followed_once_and_circles_end(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", ("Ann",))
    elsewhere = tree(tmp_path / "elsewhere", ("x",)) / "x"
    (root / "Bob").symlink_to(elsewhere)
    (root / "Again").symlink_to(root / "Ann")
    (root / "Ann" / "up").symlink_to(root)
    (root / "Ann" / "above").symlink_to(tmp_path)
    (root / "Ann" / "self").symlink_to(root / "Ann" / "self")
    (root / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    names = [item.name for item in find_tree(root)]
    assert len(names) == len(set(names)) == 4 + 4 + 1
    assert sum(name.startswith("Bob/") for name in names) == 4
    assert "gone.mp4" in names  # to be reported


def test_folder_without_videos(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="in holds no video: expected mp4,"):
        made(tmp_path / "out", tmp_path / "in")
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        made(tmp_path / "out", tmp_path / "nowhere")
    (tmp_path / "file.mp4").write_text("")
    with pytest.raises(InputError, match=r"no folder .*file\.mp4"):
        made(tmp_path / "out", tmp_path / "file.mp4")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_unreadable_folder_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    (root / "Ann").chmod(0)
    try:
        with pytest.raises(InputError, match=r"cannot read folder .*Ann: Permission denied"):
            find_tree(root)
    finally:
        (root / "Ann").chmod(0o700)


# ---- how frames are made


def test_rate_crop_and_grey(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    clip = pattern(12, 48)
    encode(tmp_path / "in" / "a.mkv", clip, pix_fmt="bgr0", rate=10)
    clips = made(tmp_path / "out", tmp_path / "in", fps=5, crop="8,4,32,32", grey=True)
    assert clips.info.channels == 1
    assert clips.table.length.tolist() == [6]
    wanted = clip[::2, 4:36, 8:40] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(clips.whole(0)[..., 0] - wanted).max() <= 1


def test_segments_share_frames_and_leave_no_rest(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    videos = [ramp(n) for n in (11, 4, 5, 23)]
    for i, video in enumerate(videos):
        write_clips(tmp_path / "in" / f"{i}.gif", video)
    clips = made(tmp_path / "out", tmp_path / "in", segment=5, stride=3)
    wanted = [(i, s) for i, v in enumerate(videos) for s in range(0, len(v) - 4, 3)]
    listed = rows_of(tmp_path / "out" / "files.csv")
    assert [(int(row["file"][0]), int(row["first_frame"])) for row in listed] == wanted
    for row, (i, start) in enumerate(wanted):
        level = videos[i][start : start + 5, 0, 0, 0]
        assert np.array_equal(clips.whole(row)[:, 16, 16, 0], level)
    assert rows_of(tmp_path / "out" / "broken.csv")[0]["path"] == "1.gif"
    stored = (tmp_path / "out" / "frames.u8").stat().st_size / (32 * 32 * 3)
    assert stored == 11 + 5 + 18 + 5  # the last video ends with its last segment


def test_memory_stays_flat(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    encode(tmp_path / "in" / "long.mp4", ramp(1200, 32))
    tracemalloc.start()
    made(tmp_path / "out", tmp_path / "in", size=128)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "out" / "frames.u8").stat().st_size == 1200 * 128 * 128 * 3  # 59 MB
    assert peak < 12e6


@pytest.mark.usefixtures("processes")
def test_processes_give_the_same_bytes(tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    (root / "Ann" / "run" / "text.mp4").write_text("hello")
    one = made(tmp_path / "one", root, workers=1)
    two = made(tmp_path / "two", root, workers=2)
    for name in ("frames.u8", "files.csv", "broken.csv", "dataset.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert one.fingerprint == two.fingerprint


def test_fingerprint_is_of_the_frames_and_their_cut(tmp_path: Path) -> None:
    """Not of the folder's name; two strides that give as many clips are told apart."""
    (tmp_path / "in").mkdir()
    for name in "ab":
        write_clips(tmp_path / "in" / f"{name}.gif", ramp(9))
    elsewhere = Path(shutil.copytree(tmp_path / "in", tmp_path / "elsewhere"))
    one = made(tmp_path / "one", tmp_path / "in", segment=5, stride=3)
    two = made(tmp_path / "two", elsewhere, segment=5, stride=3)
    assert two.info.name != one.info.name
    assert two.fingerprint == one.fingerprint
    other = made(tmp_path / "other", tmp_path / "in", segment=5, stride=4)
    assert other.table.length.tolist() == one.table.length.tolist() == [5] * 4
    assert not np.array_equal(other.whole(1), one.whole(1))
    assert other.fingerprint != one.fingerprint


# ---- splits


def test_whole_groups_are_held_out(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", tuple("abcde"))
    splits = []
    for seed in (0, 1, 2):
        clips = made(tmp_path / f"{seed}", root, segment=3, test_share=0.4, seed=seed)
        held = set(clips.table.group[clips.table.split == 1].tolist())
        assert len(held) == 2
        assert held.isdisjoint(clips.table.group[clips.table.split == 0].tolist())
        splits.append(held)
    assert len(set(map(frozenset, splits))) > 1


def test_single_videos_are_held_out_with_all_their_segments(tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    clips = made(tmp_path / "out", root, segment=3, holdout="clip", test_share=0.25)
    listed = rows_of(tmp_path / "out" / "files.csv")
    held = {row["file"] for row in listed if row["split"] == "test"}
    assert len(held) == 3
    assert held.isdisjoint(row["file"] for row in listed if row["split"] == "train")
    assert (clips.table.split == 1).sum() == sum(row["file"] in held for row in listed)


def test_one_group_cannot_be_held_out(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", ("Ann",))
    with pytest.raises(InputError, match=r"all videos belong to 'Ann'.*--holdout clip"):
        made(tmp_path / "out", root)
    assert not (tmp_path / "out").exists()
    made(tmp_path / "out", root, holdout="clip")


# ---- what is broken


def test_broken_files_are_reported_and_left_out(tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    whole = (root / "Ann" / "run" / "take 10.mp4").read_bytes()
    broken = {
        "text.mp4": b"hello",
        "empty.mp4": b"",
        "cut.mp4": whole[: len(whole) // 2],
        "cut.gif": (root / "Ann" / "run" / "take 2.gif").read_bytes()[:-20],
    }
    for name, content in broken.items():
        (root / "Zoë" / name).write_bytes(content)
    encode(root / "Zoë" / "one.mp4", ramp(1))
    with pytest.raises(InputError, match=r"4 of 17 files are broken, more than the share 0\.1"):
        made(tmp_path / "out", root)
    report = rows_of(tmp_path / "out" / "broken.csv")
    assert {row["path"] for row in report} == {f"Zoë/{name}" for name in (*broken, "one.mp4")}
    kinds = {row["path"]: (row["kind"], row["reason"]) for row in report}
    assert kinds["Zoë/one.mp4"][0] == "short"
    assert "1 frame, fewer than 2" in kinds["Zoë/one.mp4"][1]
    assert "truncated" in kinds["Zoë/cut.gif"][1]
    assert "0 bytes" in kinds["Zoë/empty.mp4"][1]
    # One is mended, and the share raised: the same folder goes on.
    (root / "Zoë" / "text.mp4").write_bytes(whole)
    clips = made(tmp_path / "out", root, max_broken=0.2)
    assert len(clips) == 13
    assert clips.info.made["broken"] == 3
    assert clips.info.made["short"] == 1
    assert len(rows_of(tmp_path / "out" / "broken.csv")) == 4


def test_nothing_usable(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_text("x")
    with pytest.raises(InputError, match=r"no clip .* can be used"):
        made(tmp_path / "out", tmp_path / "in", max_broken=1.0)


def test_a_wrong_crop_is_mended_by_the_right_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing was decoded, so the folder takes other options. Once something is, it does not."""
    root = tree(tmp_path / "in")
    command = ["data", "folder", "--source", str(root), "--size", "32", "--workers", "1"]
    command += ["--out", str(tmp_path / "out"), "--crop"]
    assert run([*command, "0,0,99,99"]) == 2
    said = capsys.readouterr().err
    assert "take 2.gif: crop box 0,0,99,99 reaches beyond a picture of 24 x 24 pixels" in said
    assert "12 of 12 files cannot be used" in said
    assert "; choose another --crop, or raise --max-broken" in said
    assert {row["kind"] for row in rows_of(tmp_path / "out" / "broken.csv")} == {"crop"}
    assert run([*command, "0,0,20,20"]) == 0
    assert not (tmp_path / "out" / "broken.csv").exists()
    wanted = read_video(root / "Ann/run/take 2.gif", size=32, crop="0,0,20,20")
    assert np.array_equal(open_clips(tmp_path / "out").whole(0), wanted)

    wide = encode(root / "Bob 2" / "wide.mp4", ramp(5, 64))
    half = [*command[:-2], str(tmp_path / "half"), "--crop"]
    assert run([*half, "0,0,60,60"]) == 2
    assert "; choose another --crop and another --out, or" in capsys.readouterr().err
    assert run([*half, "0,0,20,20"]) == 2
    assert "was begun with crop 0,0,60,60, not 0,0,20,20" in capsys.readouterr().err
    assert wide.exists()


def test_sound_alone_is_not_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path / "in")
    for name in ("a.mp4", "b.mkv", "c.mov"):
        sound(root / "Ann" / name)
    clips = made(tmp_path / "out", root, max_broken=0)
    assert len(clips) == 12
    assert clips.info.made["broken"] == clips.info.made["short"] == 0
    assert "0 broken, 0 too short, 3 without video, of 15" in capsys.readouterr().err
    for row in rows_of(tmp_path / "out" / "broken.csv"):
        assert row["kind"] == "no video"
        assert row["reason"] == f"{root / row['path']} has no video in it"


def crash_on_three(job: int) -> int:
    if job == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return job * job


def test_a_job_that_kills_its_process_is_found() -> None:
    results = list(processes.in_processes(crash_on_three, range(8), 2, lambda job: -job))
    assert sorted(results) == sorted([0, 1, 4, -3, 16, 25, 36, 49])


extract = decode.extract


def crash_on_b(job: decode.Job) -> decode.Decoded:
    if job.item.name == "b.gif":
        assert parent_process() is not None, "the decoder's crash would end the command"
        os.kill(os.getpid(), signal.SIGKILL)
    return extract(job)


@pytest.mark.usefixtures("processes")
def test_a_lone_clip_that_crashes_the_decoder_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than end the command; with one worker too."""
    (tmp_path / "in").mkdir()
    for name in "ab":
        write_clips(tmp_path / "in" / f"{name}.gif", ramp(3))
    monkeypatch.setattr(decode, "extract", crash_on_b)
    clips = made(tmp_path / "out", tmp_path / "in", max_broken=0.5, holdout="clip", test_share=0)
    assert len(clips) == 1
    (listed,) = rows_of(tmp_path / "out" / "broken.csv")
    assert listed["path"] == "b.gif"
    assert "makes the decoder crash" in listed["reason"]


# ---- going on after an interruption


def test_interrupted_and_run_again_is_as_if_unbroken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "in")
    made(tmp_path / "unbroken", root)
    calls: list[str] = []

    def interrupted(job: decode.Job) -> decode.Decoded:
        calls.append(job.item.name)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(job)

    real = decode.extract
    monkeypatch.setattr(decode, "extract", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "out", root)
    with pytest.raises(InputError, match="out is half made: run the 'vdsm data' command"):
        open_clips(tmp_path / "out")
    # As after a loss of power: a torn line, and frames that no line speaks of.
    with (tmp_path / "out" / "journal.jsonl").open("a") as journal:
        journal.write('{"name": "Bob')
    with (tmp_path / "out" / "frames.u8").open("ab") as stored:
        stored.write(b"rest")
    calls.clear()
    calls += [""] * 6
    made(tmp_path / "out", root)
    assert len(calls) - 6 == 12 - 5
    for name in ("frames.u8", "files.csv", "dataset.json"):
        whole = (tmp_path / "unbroken" / name).read_bytes()
        assert (tmp_path / "out" / name).read_bytes() == whole
    with pytest.raises(InputError, match="in use"):
        made(tmp_path / "out", root)


def test_killed_with_all_its_processes_and_run_again(tmp_path: Path) -> None:
    root = tree(tmp_path / "in", tuple("abcdefgh"))
    script = (
        "import sys; from pathlib import Path\n"
        "from vdsm.data.folder import FolderOptions, make\n"
        "if __name__ == '__main__':\n"
        "    source, out = map(Path, sys.argv[1:])\n"
        "    make(out, FolderOptions(source=source, size=32, workers=2))\n"
    )
    (tmp_path / "run.py").write_text(script)
    command = [sys.executable, str(tmp_path / "run.py"), str(root), str(tmp_path / "out")]
    journal = tmp_path / "out" / "journal.jsonl"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (journal.exists() and journal.stat().st_size):
            time.sleep(0.01)
        process.kill()
    if not (tmp_path / "out" / "dataset.json").exists():
        made(tmp_path / "out", root)
    made(tmp_path / "unbroken", root)
    for name in ("frames.u8", "files.csv", "dataset.json"):
        whole = (tmp_path / "unbroken" / name).read_bytes()
        assert (tmp_path / "out" / name).read_bytes() == whole


def half_made(out: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: Path, store: Any) -> None:
        if store.tell() > 40_000:  # bytes
            raise OSError(errno.ENOSPC, "No space left on device")
        real(part, store)

    with monkeypatch.context() as patch:
        real = decode._append
        patch.setattr(decode, "_append", full)
        with pytest.raises(InputError, match=r"no space left to write .*run the same command"):
            made(out, root)


def test_full_disk_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "in")
    half_made(tmp_path / "out", root, monkeypatch)
    lines = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    assert 1 <= len(lines) < 12
    assert len(made(tmp_path / "out", root)) == 12


def test_going_on_with_other_options_or_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "in")
    half_made(tmp_path / "out", root, monkeypatch)
    with pytest.raises(InputError, match="begun with crop centre, not square"):
        made(tmp_path / "out", root, crop="square")
    with pytest.raises(InputError, match="begun with size 32, not 64"):
        made(tmp_path / "out", root, size=64)
    (root / "new.gif").write_bytes((root / "Ann" / "run" / "take 2.gif").read_bytes())
    write_clips(root / "Ann" / "run" / "take 2.gif", ramp(3))
    with pytest.raises(InputError, match=r"Ann/run/take 2\.gif was changed or removed"):
        made(tmp_path / "out", root)


def test_a_picture_edited_in_its_folder_is_a_change(tmp_path: Path) -> None:
    """Though the folder itself has the size and time that it had."""
    root = tmp_path / "in"
    for name in "ab":
        (root / name).mkdir(parents=True)
        for i, image in enumerate(ramp(3)):
            Image.fromarray(image).save(root / name / f"{i}.bmp")
    (root / "c.mp4").write_text("x")
    with pytest.raises(InputError, match="1 of 3 files is broken"):
        made(tmp_path / "out", root)
    before = (root / "a").stat()
    with (root / "a" / "1.bmp").open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"abc")
    assert (root / "a").stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(InputError, match="a was changed or removed"):
        made(tmp_path / "out", root)


def test_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="in use"):
        made(tmp_path / "out", root)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


# ---- options


def test_flags_and_senseless_options(tmp_path: Path) -> None:
    words = "--source x --size 32 --segment 16 --stride 8 --holdout clip --crop 0,0,9,9 --grey"
    options = read(FolderOptions, words.split(), "vdsm data folder")
    assert (options.size, options.segment, options.stride) == (32, 16, 8)
    assert options.grey
    for given in ({"stride": 4}, {"crop": "middle"}):
        with pytest.raises(InputError):
            made(tmp_path / "out", tmp_path, **given)
    for words in ("--fps 0", "--test-share 1", "--size 50", "--holdout frame"):
        with pytest.raises(InputError):
            read(FolderOptions, ["--source", "x", *words.split()], "vdsm data folder")


def test_command_makes_folders_and_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(tmp_path / "in")
    (root / "text.mp4").write_text("x")
    command = ["data", "folder", "--source", str(root), "--size", "32", "--workers", "1"]
    plain, shards = tmp_path / "plain", tmp_path / "shards"
    assert run([*command, "--out", str(plain)]) == 0
    # More broken than allowed: the shards can still be had without decoding again.
    assert run([*command, "--out", str(shards), "--shards", "3", "--max-broken", "0"]) == 2
    assert "1 of 13 files is broken" in capsys.readouterr().err
    assert run([*command, "--out", str(shards), "--shards", "3"]) == 0
    assert (shards / "broken.csv").read_bytes() == (plain / "broken.csv").read_bytes()
    a, b = open_clips(plain), open_clips(shards)
    assert all(np.array_equal(a.whole(i), b.whole(i)) for i in range(12))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "plain", "shards"]
    assert run(["info", str(shards), "--out", str(tmp_path / "p.png")]) == 0
    assert read_video(tmp_path / "p.png").shape[0] == 1


def test_what_was_decoded_stays_for_another_number_of_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number too large is refused before the work where it can be, else after it, once."""
    root = tree(tmp_path / "in")
    out, hidden = tmp_path / "out", tmp_path / ".out.clips"
    command = ["data", "folder", "--source", str(root), "--size", "32", "--out", str(out)]
    assert run([*command, "--shards", "13"]) == 2
    assert "13 shards for 12 clips: choose 1 to 12" in capsys.readouterr().err
    assert not hidden.exists()
    assert run([*command, "--segment", "7", "--shards", "13"]) == 2
    said = capsys.readouterr().err
    assert f"choose 1 to 12; {hidden} keeps what is made" in said
    decoded: list[str] = []

    def counting(job: decode.Job) -> decode.Decoded:
        decoded.append(job.item.name)
        return extract(job)

    monkeypatch.setattr(decode, "extract", counting)
    assert run([*command, "--segment", "7", "--shards", "5", "--workers", "1"]) == 0
    assert decoded == []
    assert len(open_clips(out)) == 12
    assert not hidden.exists()


def test_what_other_options_decoded_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor another folder of the same name."""
    root = tree(tmp_path / "in")
    other = Path(shutil.copytree(root, tmp_path / "there" / "in"))
    write_clips(other / "Ann" / "run" / "take 2.gif", ramp(20))
    command = ["data", "folder", "--size", "32", "--out", str(tmp_path / "out"), "--source"]
    assert run([*command, str(root), "--segment", "7", "--shards", "13"]) == 2
    assert run([*command, str(root), "--segment", "6", "--shards", "99"]) == 2
    assert open_clips(tmp_path / ".out.clips").table.length.tolist() == [6] * 12
    assert run([*command, str(other), "--segment", "6", "--shards", "2"]) == 0
    assert len(open_clips(tmp_path / "out")) == 14


def test_what_was_made_of_files_that_changed_since_is_not_taken(tmp_path: Path) -> None:
    """Nor is a folder of the hidden one's name that holds something else deleted."""
    root = tree(tmp_path / "in")
    command = ["data", "folder", "--size", "32", "--out", str(tmp_path / "out"), "--source"]
    assert run([*command, str(root), "--segment", "6", "--shards", "99"]) == 2
    write_clips(root / "Ann" / "run" / "take 2.gif", ramp(20))
    assert run([*command, str(root), "--segment", "6", "--shards", "2"]) == 0
    assert len(open_clips(tmp_path / "out")) == 14
    shutil.rmtree(tmp_path / "out")
    (tmp_path / ".out.clips").mkdir()
    (tmp_path / ".out.clips" / "mine.txt").write_text("mine")
    assert run([*command, str(root), "--shards", "2"]) == 2
    assert (tmp_path / ".out.clips" / "mine.txt").read_text() == "mine"
