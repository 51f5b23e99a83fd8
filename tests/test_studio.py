"""The studio: what it draws, against the model itself; what it refuses, in one line."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA
from starlette.testclient import TestClient

from media import encode, waves
from movers import film, sway
from small import pendula
from studios import cell, enter, studio, tiles, vdsm_weights, weights_of
from vdsm import InputError
from vdsm.cli import run as command
from vdsm.data import open_clips
from vdsm.data.crop.remarks import Remark
from vdsm.figures import draw as figures
from vdsm.figures import pixels
from vdsm.studio.api import Place
from vdsm.studio.decoder import Decoder
from vdsm.studio.guard import Rules
from vdsm.studio.limits import Limits
from vdsm.studio.plane import plane
from vdsm.studio.reading import DOUBTS, Job, read
from vdsm.studio.serve import listen
from vdsm.studio.sessions import Gone, Sessions
from vdsm.studio.uploads import Uploads
from vdsm.studio.usual import Usual, crops, usual
from vdsm.studio.worker import Busy, Worker
from vdsm.video import read_video, write_picture

Open = tuple[Place, TestClient]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, data, and files that people drop."""
    world = tmp_path_factory.mktemp("studio")
    vdsm_weights(world / "model")
    pendula(world / "data")
    encode(world / "dance.mp4", waves(40))
    (world / "text.mp4").write_text("no video at all")
    (world / "bomb.gif").write_bytes(bomb())
    write_picture(world / "photo.png", waves(1)[0])
    return world


def bomb() -> bytes:
    """A GIF of few bytes that asks for 4 GB of pixels."""
    size = (65000).to_bytes(2, "little") * 2
    head = b"GIF89a" + size + b"\x80\x00\x00" + bytes(6)
    return head + b"\x2c" + bytes(4) + size + b"\x00\x02\x01\x44\x00\x3b"


@pytest.fixture(scope="module")
def opened(world: Path) -> Iterator[Open]:
    """One studio for all tests that leave it as it was."""
    (world / "temporary").mkdir()
    with studio(world / "model", world / "temporary", world / "data") as found:
        yield found


@pytest.fixture
def client(opened: Open) -> Iterator[TestClient]:
    """A browser's session."""
    client = TestClient(opened[1].app, base_url="http://localhost")
    client.about = enter(client)  # type: ignore[attr-defined]
    yield client
    client.delete("/api/session")


def shelf(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.about["clips"]  # type: ignore[attr-defined]
    return found


def send(client: TestClient, file: Path, name: str = "", **how: Any) -> Any:
    """Upload a file."""
    query = {"name": name or file.name, **how}
    return client.post("/api/clips", params=query, content=file.read_bytes())


def refusal(answer: Any, status: int) -> str:
    """The one line of a refusal."""
    assert answer.status_code == status, answer.text
    line: str = answer.json()["error"]
    assert line
    assert "\n" not in line
    return line


# -- what it draws ---------------------------------------------------------------------------------


def given(place: Place, world: Path, name: str) -> torch.Tensor:
    """The clip of the dataset that a name of the shelf means, as the model takes it."""
    frames = open_clips(world / "data").whole(int(name[1:]))[: place.studio.window]
    return torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2)[None] / 255


def test_swaps_are_the_models(opened: Open, client: TestClient, world: Path) -> None:
    """Several at once, shorter and longer than the clips, pixel for pixel."""
    place, model = opened[0], opened[0].studio.model
    a, b, c = (clip["id"] for clip in shelf(client)[:3])
    for frames in (3, 40):
        asked = {"cells": [cell(a, b), cell(b, c)], "frames": frames}
        drawn = tiles(client.post("/api/draw", json=asked))
        for found, (who, what) in zip(drawn, [(a, b), (b, c)], strict=True):
            swap = model.swap(given(place, world, who), given(place, world, what), frames)
            assert np.abs(found.astype(int) - pixels(swap)[0]).max() <= 1


def test_ways_from_one_clip_to_another_are_those_of_the_figures(
    opened: Open, client: TestClient, world: Path
) -> None:
    place, model = opened[0], opened[0].studio.model
    a, b = (clip["id"] for clip in shelf(client)[:2])
    clips = [given(place, world, name) for name in (a, b)]
    way = {"a": a, "b": b, "share": 0.25}
    for asked, path in (
        ({"who": way, "what": {"a": a}}, figures.interpolate_identity(model, *clips, steps=5)),
        ({"who": {"a": a}, "what": way}, figures.interpolate_dynamics(model, *clips, steps=5)),
    ):
        found = tiles(
            client.post("/api/draw", json={"cells": [asked], "frames": clips[0].shape[1]})
        )[0]
        assert np.abs(found.astype(int) - pixels(path)[1]).max() <= 1


def test_an_upload_is_read_as_the_command_reads_it(
    opened: Open, client: TestClient, world: Path
) -> None:
    """And its file is gone at once."""
    clip = send(client, world / "dance.mp4").json()
    assert (clip["name"], clip["note"]) == ("dance.mp4", "the first 16 frames")
    found = tiles(client.get(f"/api/clips/{clip['id']}/sheet"))[0]
    np.testing.assert_array_equal(found, read_video(world / "dance.mp4", size=32)[:16])
    assert not list((world / "temporary").iterdir())

    slow = send(client, world / "dance.mp4", fps=2.5, start=1).json()  # of 10 frames a second
    found = tiles(client.get(f"/api/clips/{slow['id']}/sheet"))[0]
    np.testing.assert_array_equal(found, read_video(world / "dance.mp4", size=32)[10::4])
    photo = send(client, world / "photo.png").json()
    assert photo["frames"] == 1
    asked = {"cells": [cell(photo["id"], clip["id"])], "frames": 5}
    assert tiles(client.post("/api/draw", json=asked)).shape[1] == 5


def test_files_to_keep(client: TestClient, tmp_path: Path) -> None:
    """Both kinds have the frames that are drawn, as light as a GIF and H.264 keep them."""
    a, b = (clip["id"] for clip in shelf(client)[:2])
    asked: dict[str, Any] = {"cells": [cell(a, b), cell(b, a)], "frames": 9}
    light = np.array([0.299, 0.587, 0.114])
    drawn = (tiles(client.post("/api/draw", json=asked)) @ light).repeat(3, 2).repeat(3, 3)
    for kind, most in (("gif", 6), ("mp4", 6)):
        more = {"kind": kind, "columns": 2, "scale": 3, "fps": 12}
        answer = client.post("/api/download", json=asked | more)
        file = tmp_path / f"swap.{kind}"
        file.write_bytes(answer.content)
        found = read_video(file)[:, :96]
        assert len(found) == 9
        for clip, left in zip(drawn, (0, 98), strict=True):
            part = found[:, :, left : left + 96] @ light
            assert np.abs(part - clip).mean() < most


def test_new_clips_are_each_other_than_the_last(client: TestClient) -> None:
    found = [client.post("/api/samples", json={"count": 1}).json()[0] for _ in range(2)]
    assert [clip["name"] for clip in found] == ["new 1", "new 2"]
    one, other = (tiles(client.get(f"/api/clips/{clip['id']}/sheet")) for clip in found)
    assert (one != other).any()


def test_the_map_has_principal_components() -> None:
    """As scikit-learn finds them, up to sign and scale."""
    points = np.random.default_rng(0).normal(size=(30, 5)) * [5, 3, 1, 1, 1] + 7
    found, more = plane(points[:20], points[20:])
    true = PCA(2).fit(points[:20])
    for axis in range(2):
        expected = true.transform(points)[:, axis]
        reach = np.abs(expected[:20]).max() * np.sign(expected[0] * found[0, axis])
        np.testing.assert_allclose(found[:, axis], expected[:20] / reach, atol=1e-9)
        inside = np.clip(expected[20:] / reach, -1, 1)
        np.testing.assert_allclose(more[:, axis], inside, atol=1e-9)
    assert not plane(np.ones((3, 4)), np.ones((0, 4)))[0].any()


def test_the_map_has_every_clip_once_they_are_read(client: TestClient, world: Path) -> None:
    clip = send(client, world / "dance.mp4").json()
    client.post("/api/samples", json={"count": 1})  # behind all that is still to be read
    for other in shelf(client):
        asked = {"cells": [cell(other["id"], clip["id"])], "frames": 1}
        client.post("/api/draw", json=asked)
    found = client.get("/api/map").json()
    assert found["waiting"] == 0
    assert {c["id"] for c in shelf(client)} | {clip["id"]} < set(found["points"])
    flat = np.array([list(point.values()) for point in found["points"].values()])
    assert np.abs(flat).max() == 1


# -- other methods ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dsvae", "skd", "mocogan", "g3an", "vgan"])
def test_any_method_is_served_by_what_it_can(method: str, tmp_path: Path) -> None:
    """One that encodes, with poses alone; Koopman; generators with and without parts."""
    folder = weights_of(method, tmp_path / method)
    (tmp_path / "temporary").mkdir()
    with studio(folder, tmp_path / "temporary") as (place, client):
        about = enter(client)
        model, ids = about["model"], [clip["id"] for clip in about["clips"]]
        assert len(ids) == 12
        assert model["takes"] == (method in ("dsvae", "skd"))
        assert model["swaps"] == (method != "vgan")
        assert bool(model["cannot"]) == (method in ("mocogan", "g3an", "vgan"))
        window = place.studio.window
        asked = {"cells": [cell(ids[0], ids[1])], "frames": window}
        drawn = tiles(client.post("/api/draw", json=asked))
        assert drawn.shape[:2] == (1, window)
        longer = client.post("/api/draw", json=asked | {"frames": window + 1})
        if model["longest"] > window:
            assert tiles(longer).shape[1] == window + 1
        elif model["swaps"]:
            refusal(longer, 422)
        if model["swaps"]:
            way = {"a": ids[0], "b": ids[1], "share": 0.5}
            both = {"cells": [{"who": way, "what": way}], "frames": window}
            assert tiles(client.post("/api/draw", json=both)).shape == drawn.shape
            assert np.abs(drawn.astype(int) - exchanged(place, *ids[:2])).max() <= 1
            place.studio.worker.ask("", lambda: place.studio.prepare()).result()
            assert client.get("/api/map").json()["points"]
        assert client.post("/api/samples", json={"count": 1}).status_code == 200
        if not model["takes"]:
            refusal(client.post("/api/clips?name=a.mp4", content=b"x"), 422)


def exchanged(place: Place, who: str, what: str) -> Any:
    """Of two clips of the shelf, by the model itself."""
    model, (a, b) = place.studio.model, (place.studio.shelf[name] for name in (who, what))
    with torch.no_grad():
        if place.studio.about()["takes"]:
            frames = [torch.from_numpy(c.frames).permute(0, 3, 1, 2)[None] / 255 for c in (a, b)]
            return pixels(model.swap(*frames))
        assert a.parts
        assert b.parts
        return pixels(model.render(a.parts.who, b.parts.what[0], place.studio.window))


# -- what it refuses -------------------------------------------------------------------------------


def test_what_is_no_video_is_one_line_that_names_it(
    opened: Open, client: TestClient, world: Path
) -> None:
    """No line says where the file lay, and nothing is left of it."""
    for name, words in (
        ("text.mp4", "no video that can be read"),
        ("bomb.gif", "over the limit of"),
    ):
        line = refusal(send(client, world / name), 422)
        assert line.startswith(f"{name} ")
        assert words in line
        assert str(world) not in line
    assert "empty" in refusal(client.post("/api/clips?name=a.mp4", content=b""), 422)
    assert not list((world / "temporary").iterdir())
    assert opened[0].uploads.under_way == 0


def test_a_name_is_no_path(client: TestClient, world: Path) -> None:
    """Whatever it looks like, it is shown, and nothing is opened by it."""
    (world / "temporary" / "x").mkdir()
    for name in ("../../dance.mp4", "/etc/passwd", "a\0b.mp4", "x/../y\\..\\z.mp4", "..", ""):
        answer = send(client, world / "dance.mp4", name=name or " ")
        assert answer.status_code == 200, answer.text
        assert not set("/\\\0") & set(answer.json()["name"])
    (world / "temporary" / "x").rmdir()
    assert not list((world / "temporary").iterdir())
    for path in ("/page/..%2fapi.py", "/page/../api.py", "/page/%2e%2e%2fapi.py", "/page/api.py"):
        refusal(client.get(path), 404)
    for clip in ("..%2f..%2fetc%2fpasswd", "c99999", "x" * 500):
        assert client.get(f"/api/clips/{clip}/sheet").status_code in (404, 422)


def test_too_much_is_refused(world: Path, tmp_path: Path) -> None:
    """Of bytes, clips, sessions, cells, frames, and of what waits."""
    limits = Limits(upload_bytes=1000, clips=1, sessions=1, drawn_frames=20, body_bytes=600)
    with studio(world / "model", tmp_path, world / "data", limits) as (place, client):
        ids = [clip["id"] for clip in enter(client)["clips"]]
        assert "larger than" in refusal(send(client, world / "dance.mp4"), 413)
        again = client.post("/api/session", headers={"x-studio-session": "new"})
        assert "try again later" in refusal(again, 422)
        asked = {"cells": [cell(ids[0], ids[1])] * 2, "frames": 11}
        assert "20 in all" in refusal(client.post("/api/draw", json=asked), 422)
        refusal(client.post("/api/draw", json=asked | {"frames": 241}), 422)
        refusal(client.post("/api/draw", json=asked | {"cells": asked["cells"] * 20}), 413)
        refusal(client.post("/api/draw", content=iter([b"{}"])), 411)
        client.post("/api/samples", json={"count": 1})
        assert "1 clips are kept" in refusal(client.post("/api/samples", json={"count": 1}), 422)
        place.uploads.under_way = limits.uploads_at_once
        place.sessions.limits = replace(limits, clips=9)
        assert "try again" in refusal(send(client, world / "photo.png"), 503)


def test_odd_requests_are_one_line(client: TestClient) -> None:
    a = shelf(client)[0]["id"]
    good = {"cells": [cell(a, a)], "frames": 2}
    for wrong in (
        {},
        good | {"frames": 0},
        good | {"cells": []},
        good | {"more": 1},
        good | {"cells": [{"who": {"a": a, "b": a, "share": 2}, "what": {"a": a}}]},
        good | {"cells": [cell("nobody", a)]},
    ):
        refusal(client.post("/api/draw", json=wrong), 422)
    refusal(client.post("/api/draw", content=b"[1", headers={"content-type": "text/plain"}), 422)
    refusal(client.post("/api/download", json=good | {"kind": "exe"}), 422)
    refusal(client.get("/api/nothing"), 404)
    refusal(client.put("/api/draw"), 405)


# -- who may ask -----------------------------------------------------------------------------------


def test_other_names_and_other_sites_are_not_let_in(client: TestClient) -> None:
    """DNS rebinding, and requests that another site's page makes a browser send."""
    for host in ("evil.example", "localhost.evil.example", "192.0.2.1", "", "[::1].evil"):
        refusal(client.get("/", headers={"host": host}), 421)
    for host in ("localhost", "127.0.0.1:99", "[::1]:8777", "LOCALHOST:1"):
        assert client.get("/", headers={"host": host}).status_code == 200
    evil = {"origin": "http://evil.example"}
    refusal(client.post("/api/session", headers=evil), 403)
    refusal(client.get("/api/map", headers={"origin": "null"}), 403)
    refusal(client.get("/api/map", headers={"sec-fetch-site": "cross-site"}), 403)
    assert client.get("/api/map", headers={"origin": "http://localhost"}).status_code == 200
    del client.headers["x-studio-session"]
    refusal(client.get("/api/map"), 403)
    refusal(client.post("/api/session", json={}), 403)
    client.headers["x-studio-session"] = "guessed"
    refusal(client.get("/api/map"), 410)


def test_what_every_answer_says(client: TestClient) -> None:
    for path in ("/", "/page/studio.js", "/nothing", "/api/map"):
        said = client.get(path).headers
        policy = said["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert said["x-content-type-options"] == "nosniff"
        assert said["cache-control"] == "no-store"
        assert "server" not in said


def test_the_page_asks_nobody_else(client: TestClient) -> None:
    """No address of another place in it, nor what the policy would stop."""
    page = client.get("/").text
    names = [part.split('"')[0] for part in page.split("/page/")[1:]]
    assert {"studio.js", "studio.css"} <= set(names)
    for name in ["", *(f"page/{name}" for name in names)]:
        text = client.get(f"/{name}").text.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", "") or "://" not in text
        assert "style=" not in text
        assert "onclick=" not in text


def test_elsewhere_a_token_is_needed(world: Path, tmp_path: Path) -> None:
    rules = Rules(frozenset({"box"}), addresses=True, token="secret")
    with studio(world / "model", tmp_path, world / "data", rules=rules) as (_, client):
        assert client.get("/", headers={"host": "192.0.2.1:80"}).status_code == 200
        refusal(client.get("/", headers={"host": "localhost"}), 421)
        client.headers["host"] = "box"
        new = {"x-studio-session": "new"}
        refusal(client.post("/api/session", headers=new), 401)
        refusal(client.post("/api/session", headers=new | {"x-studio-token": "Secret"}), 401)
        enter(client, **{"x-studio-token": "secret"})
        assert client.get("/api/map").status_code == 200
        del client.headers["x-studio-token"]
        refusal(client.get("/api/map"), 401)


def test_two_users_have_clips_of_their_own(opened: Open, client: TestClient, world: Path) -> None:
    other = TestClient(opened[1].app, base_url="http://localhost")
    enter(other)
    mine, theirs = send(client, world / "dance.mp4").json(), send(other, world / "photo.png").json()
    assert tiles(client.get(f"/api/clips/{mine['id']}/sheet")).shape[1] == 16
    refusal(other.get(f"/api/clips/{mine['id']}/sheet"), 422)
    asked = {"cells": [cell(mine["id"], theirs["id"])], "frames": 2}
    for who in (client, other):
        assert "not here any more" in refusal(who.post("/api/draw", json=asked), 422)
    other.delete(f"/api/clips/{mine['id']}")
    assert client.get(f"/api/clips/{mine['id']}/sheet").status_code == 200
    assert theirs["id"] not in client.get("/api/map").json()["points"]
    other.delete("/api/session")
    refusal(other.get(f"/api/clips/{theirs['id']}/sheet"), 410)


def test_sessions_are_forgotten() -> None:
    now = [0.0]
    sessions = Sessions(Limits(session_seconds=10), clock=lambda: now[0])
    first, second = sessions.begin(), sessions.begin()
    now[0] = 9
    sessions.find(first.id)
    now[0] = 11
    assert sessions.find(first.id) is first
    with pytest.raises(Gone):
        sessions.find(second.id)


# -- parts -----------------------------------------------------------------------------------------


def test_who_waits_comes_first_and_nobody_waits_for_ever() -> None:
    worker, order = Worker(Limits(waiting=3, waiting_each=2)), []
    hold = Event()
    first = worker.later(hold.wait)
    last = worker.later(lambda: order.append("later"))
    jobs = [worker.ask("a", lambda: order.append("a")) for _ in range(2)]
    with pytest.raises(Busy, match="wait for"):
        worker.ask("a", lambda: None)
    jobs.append(worker.ask("b", lambda: 1 / 0))
    with pytest.raises(Busy, match="many people"):
        worker.ask("c", lambda: None)
    hold.set()
    last.result()
    assert order == ["a", "a", "later"]
    assert first.done()
    with pytest.raises(ZeroDivisionError):
        jobs[2].result()
    assert worker.ask("a", lambda: 7).result() == 7
    worker.close()
    assert not worker.thread.is_alive()


# -- which part of a file is seen ------------------------------------------------------------------


def test_what_is_dropped_is_cropped_as_the_clips_of_the_dataset_were(
    world: Path, tmp_path: Path
) -> None:
    """Pixel for pixel, for a film that is dropped and made a dataset of; and otherwise if asked."""
    (tmp_path / "films").mkdir()
    square = sway(120, 60, 12, 40)
    encode(tmp_path / "films" / "right.mp4", film(square, frames=40))
    data = tmp_path / "data"
    words = ["--source", tmp_path / "films", "--size", 32, "--crop", "subject", "--margin", 0.2]
    words += ["--fps", 5, "--test-share", 0, "--validation-share", 0, "--out", data]
    assert command(["data", "folder", *map(str, words)]) == 0
    expected = open_clips(data).whole(0)
    (tmp_path / "temporary").mkdir()
    with studio(world / "model", tmp_path / "temporary", data) as (place, client):
        about = enter(client)["model"]
        assert (about["crop"], about["fps"]) == ("subject", 5)
        assert about["crops"] == crops()
        file = tmp_path / "films" / "right.mp4"
        window = place.studio.window
        clip = send(client, file, fps=5).json()
        seen = tiles(client.get(f"/api/clips/{clip['id']}/sheet"))[0]
        np.testing.assert_array_equal(seen, expected[: min(window, len(expected))])
        for crop in ("centre", "square"):
            clip = send(client, file, fps=5, crop=crop).json()
            seen = tiles(client.get(f"/api/clips/{clip['id']}/sheet"))[0]
            whole = read_video(file, size=32, crop=crop, fps=5)[:window]
            np.testing.assert_array_equal(seen, whole)
        assert refusal(send(client, file, crop="10,10,20,20"), 422)
        still = tmp_path / "still.mp4"
        encode(still, np.repeat(film(square, frames=1), 12, 0))
        assert "nothing moves: the middle" in send(client, still).json()["note"]


def test_damage_behind_what_is_seen_is_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film that breaks off is cropped by what is whole, if that is enough."""
    pictures = film(sway(60, 60, 12, 40), frames=40)

    def breaks_off(*_: Any, **__: Any) -> Iterator[tuple[int, Any]]:
        yield from enumerate(pictures[:20])
        raise InputError("broken off")

    monkeypatch.setattr("vdsm.studio.reading.numbered_frames", breaks_off)
    job = Job(32, False, 8, tmp_path / "x.mp4", crop="subject")
    found = read(job)
    assert (found.frames.shape, found.more) == ((8, 32, 32, 3), True)
    assert not found.doubt
    with pytest.raises(InputError, match="broken off"):
        read(replace(job, window=21))


@pytest.mark.parametrize(
    ("asked", "options", "crop", "note"),
    [
        (None, {}, "centre", ""),
        (None, {"crop": "square", "fps": 8}, "square", ""),
        (None, {"crop": "subject", "margin": 0.3}, "subject", ""),
        ("centre", {"crop": "subject", "margin": 0.3}, "centre", ""),
        (None, {"crop": "10,10,50,50"}, "subject", "--crop 10,10,50,50"),
        (None, {"crop": "person", "detector": "x.onnx"}, "subject", "--crop person"),
        (None, {"crop": "centre", "boxes": "b.csv"}, "subject", "boxes of their own"),
        (None, {"crop": 7, "margin": "wide", "fps": True}, "subject", "--crop 7"),
    ],
)
def test_how_files_are_read_follows_from_the_dataset(
    asked: Any, options: dict[str, Any], crop: str, note: str
) -> None:
    found = usual(asked, {"maker": "folder", "options": options})
    assert found.crop == crop
    assert note in found.note
    assert bool(note) == bool(found.note)
    given = options.get("margin") if crop == options.get("crop") else None
    assert found.margin == given
    assert usual(asked, {"maker": "pendulum", "options": options}) == Usual(asked or "centre")


def test_every_doubt_has_words_for_the_page() -> None:
    """And none that the command line alone has."""
    assert DOUBTS.keys() == {str(remark) for remark in Remark}
    assert not [words for words in DOUBTS.values() if "--" in words]


def test_faces_need_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name: one line; of a dataset of faces: what moves, and that is said."""
    monkeypatch.setattr("vdsm.studio.usual.find_spec", lambda name: None)
    assert "face" not in crops()
    with pytest.raises(InputError, match=r"vdsm\[face\]"):
        usual("face", {})
    found = usual(None, {"maker": "folder", "options": {"crop": "face"}})
    assert found.crop == "subject"
    assert "vdsm[face]" in found.note
    monkeypatch.setattr("vdsm.studio.usual.find_spec", lambda name: name)
    assert usual(None, {"maker": "folder", "options": {"crop": "face"}}).crop == "face"


def test_a_decoder_that_is_slow_or_greedy_is_ended(world: Path, tmp_path: Path) -> None:
    """And the next file is read."""
    job = Job(32, False, 4, world / "dance.mp4")
    decoder = Decoder(Limits(decode_seconds=0))
    with pytest.raises(InputError, match="takes longer than 0 seconds to decode"):
        decoder.read(job)
    decoder.limits = Limits()
    found = decoder.read(job)
    assert (len(found.frames), found.more) == (4, True)
    decoder.process.kill()
    decoder.process.join()
    assert len(decoder.read(job).frames) == 4
    decoder.close()

    Image.fromarray(np.zeros((8000, 8000), np.uint8)).save(tmp_path / "large.png")
    small = Decoder(Limits(decode_bytes=480 << 20))
    with pytest.raises(InputError, match=r"large\.png"):
        small.read(replace(job, path=tmp_path / "large.png"))
    assert len(small.read(job).frames) == 4
    small.close()


def test_a_file_that_does_not_arrive_is_given_up(opened: Open, world: Path) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"the first bytes"
        await asyncio.sleep(3600)

    found = opened[0].uploads
    impatient = Uploads(found.folder, found.decoder, Limits(upload_seconds=0.01))
    with pytest.raises(TimeoutError):
        asyncio.run(impatient.take(never(), "slow.mp4", Job(32, False, 4)))
    assert not list(found.folder.iterdir())
    assert impatient.under_way == 0


# -- the command -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{}/nothing"], "no"),
        (["nobody"], "no model of that name is shipped"),
        (["{}/model", "{}/data64"], "has frames of 64 pixels"),
        (["{}/model", "{}/nothing"], "make one with 'vdsm data"),
        (["{}/model", "{}/data", "--evaluation", "{}/text.mp4"], "not valid JSON"),
        (["{}/model", "--host", "no.such.host.invalid"], "no address of this machine"),
        (["{}/model", "--port", "99999"], "--port"),
        (["{}/model", "--port", "{port}"], "choose another --port"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], said: str, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (world / "data64").exists():
        pendula(world / "data64", size=64)
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        filled = [word.replace("{port}", str(port)).format(world) for word in words]
        assert command(["studio", *filled, "--no-open"]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1


def test_without_the_extra_the_line_says_what_to_install(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "vdsm.studio.serve")
    assert command(["studio", str(world / "model")]) == 2
    assert 'pip install "vdsm[studio]"' in capsys.readouterr().err


MEASURED = {
    "roles": {"colour": "identity", "speed": "action"},
    "dataset": "pendulum",
    "split": "test",
    "weights": "of others",
    "swap": {
        "joint": 0.75,
        "factors": {
            "colour": {"on_target": 0.8, "chance": 0.25},
            "speed": {"on_target": 1.0, "chance": 0.5},
        },
    },
    "counts": {"swap.joint": 160},
}


def test_what_was_measured_is_said(world: Path, tmp_path: Path) -> None:
    """In words, with chance and number, and what falls short; if not, how to measure."""
    with studio(world / "model", tmp_path, world / "data") as (_, client):
        verdict = enter(client)["verdict"]
        assert verdict["title"] == "Nobody has measured this model yet."
        first, second = verdict["command"].splitlines()
        assert first.startswith("vdsm evaluate")
        assert str(world / "data") in second
    file = tmp_path / "evaluation.json"
    file.write_text(json.dumps(MEASURED))
    with studio(world / "model", tmp_path, world / "data", evaluation=file) as (_, client):
        verdict = enter(client)["verdict"]
        assert verdict["title"] == "Not yet good."
        words = " ".join(verdict["sentences"])
        assert "other weights" in words
        assert "Of 160 swaps, 75.0 %" in words
        assert "by luck it would be 12.5 %" in words
        assert any("75.0 % of swaps" in line for line in verdict["poor"])
