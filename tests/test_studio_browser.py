"""The studio in a real Chromium: what people do with a mouse, a keyboard and a camera."""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from media import encode, waves
from small import pendula
from studios import vdsm_weights
from vdsm.video import read_video

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install it")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)
CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
ADDRESS = re.compile(r"open (http://\S+)")
DROP = """(place, {name, content}) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name));
  for (const kind of ["dragenter", "dragover", "drop"])
    place.dispatchEvent(
      new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


class Running:
    """`vdsm studio` in a process of its own, with a folder for all that is temporary."""

    def __init__(self, world: Path) -> None:
        self.temporary = world / "temporary"
        self.temporary.mkdir()
        words = ["studio", str(world / "model"), str(world / "data"), "--port", "0", "--no-open"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vdsm", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        self.output, read = self.process.stdout, ""
        while not (found := ADDRESS.search(read)):
            line = self.output.readline()
            assert line, read
            read += line
        self.address = found[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = tmp_path_factory.mktemp("browser")
    vdsm_weights(world / "model")
    pendula(world / "data")
    encode(world / "dance.mp4", waves(20))
    (world / "text.mp4").write_text("no video at all")
    size = (65000).to_bytes(2, "little") * 2
    head = b"GIF89a" + size + b"\x80\x00\x00" + bytes(6)
    (world / "bomb.gif").write_bytes(head + b"\x2c" + bytes(4) + size + b"\x00\x02\x01\x44\x00\x3b")
    return world


@pytest.fixture(scope="module")
def running(world: Path) -> Iterator[Running]:
    running = Running(world)
    yield running
    running.process.kill()
    running.process.wait()
    running.output.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        flags = [*CAMERA, "--no-sandbox", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, running: Running) -> Iterator[Any]:
    """A user whose page is open; whatever it complains of in the console is a fault."""
    with_page = user(chromium, running.address)
    yield with_page
    assert not with_page.faults, with_page.faults
    with_page.context.close()


def user(chromium: Any, address: str, **more: Any) -> Any:
    """A browser of somebody else's, with the page and a first swap."""
    context = chromium.new_context(accept_downloads=True, **more)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.faults, page.asked = [], []
    refused = re.compile("status of 4")  # what a test asks for
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on(
        "console",
        lambda said: (
            page.faults.append(said.text)
            if said.type == "error" and not refused.search(said.text)
            else None
        ),
    )
    page.on("request", lambda request: page.asked.append(request))
    page.goto(address)
    drawn(page)
    return page


def test_a_dropped_file_is_cropped_as_chosen(page: Any, world: Path) -> None:
    """What is asked for goes with the file, and the page says what is seen."""
    page.locator("#reading summary").click()
    choice = page.locator("#crop")
    assert choice.input_value() == "centre"
    assert "middle square" in page.locator("#reads").inner_text()
    choice.select_option("subject")
    assert "what moves" in page.locator("#reads").inner_text()
    with page.expect_response(re.compile("/api/clips")) as answer:
        page.locator("#who input[type=file]").set_input_files(world / "dance.mp4")
    assert "crop=subject" in answer.value.url
    assert answer.value.ok
    drawn(page, "dance.mp4")


def drawn(page: Any, words: str = "") -> str:
    """Wait for a swap whose description has these words; the description."""
    tile = page.locator("#result figcaption", has_text=re.compile(words or "doing what"))
    tile.wait_for()
    page.locator("#result .tile:not([aria-busy])").wait_for()
    return str(tile.text_content())


def drop(page: Any, file: Path, side: str) -> None:
    content = base64.b64encode(file.read_bytes()).decode()
    page.locator(f"#{side}").evaluate(DROP, {"name": file.name, "content": content})


def alert(page: Any) -> str:
    """The one line of what went wrong."""
    place = page.locator("#alert:not([hidden]) span")
    place.wait_for()
    return str(place.text_content())


def moves(page: Any, selector: str = "#result canvas") -> bool:
    """Whether what a canvas shows changes in time."""
    canvas, look = page.locator(selector).first, "(canvas) => canvas.toDataURL()"
    first = canvas.evaluate(look)
    for _ in range(40):
        page.wait_for_timeout(50)
        if canvas.evaluate(look) != first:
            return True
    return False


def test_a_swap_moves_at_once_and_nothing_comes_from_elsewhere(page: Any, running: Running) -> None:
    """Before anybody has done anything; two clips are chosen, and the model draws."""
    assert moves(page)
    assert page.locator("#cells .cell").count() >= 9
    page.locator("#map .point").first.wait_for()
    place = running.address
    asked = [request.url for request in page.asked]
    assert all(url.startswith((place, "blob:" + place)) for url in asked), asked


def test_dropped_files_are_who_and_what(page: Any, world: Path) -> None:
    drop(page, world / "dance.mp4", "who")
    drawn(page, r"^dance\.mp4 doing")
    drop(page, world / "dance.mp4", "what")
    drawn(page, r"^dance\.mp4 doing what dance\.mp4 does")
    assert page.locator("#who figcaption").text_content() == "dance.mp4the first 16 frames Remove"
    page.get_by_role("button", name="Remove").first.click()
    drawn(page, r"^clip \d+ doing what dance\.mp4")


def test_what_is_no_video_is_one_clear_line(page: Any, world: Path) -> None:
    before = drawn(page)
    for name, words in (("text.mp4", "no video that can be read"), ("bomb.gif", "over the limit")):
        drop(page, world / name, "what")
        page.locator("#alert", has_text=words).wait_for()
        line = alert(page)
        assert line.lower().startswith(name)
        assert str(world) not in line
        page.get_by_role("button", name="Close").first.click()
    assert drawn(page) == before


def test_the_camera_records(page: Any) -> None:
    """By a fake device; what it shows is read as a clip of as many frames as are seen."""
    page.locator("#who .camera").click()
    page.locator("#recorder .start").click()
    drawn(page, r"^recording\.(webm|mp4) doing")
    seen = page.locator("#who canvas").first
    assert int(seen.evaluate("(canvas) => canvas.width")) == 32
    assert moves(page, "#who .tile canvas")
    page.locator("#recorder").wait_for(state="hidden")


def test_keyboard_alone(page: Any) -> None:
    """One tab stop for a shelf, arrows go through it; sliders; every control has a name."""
    first = drawn(page)
    page.locator("#what .shelf input:checked").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#result figcaption", has_not_text=re.compile(f"^{re.escape(first)}$")).wait_for()
    page.get_by_role("slider", name=re.compile("^Who: from")).focus()
    page.keyboard.press("End")
    drawn(page, "^100 % of the way from clip")
    page.locator("#length").focus()
    page.keyboard.press("End")
    page.locator("#length-said", has_text="more than it saw").wait_for()
    page.locator("#status", has_text=re.compile(r"128 frames")).wait_for(state="attached")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select")]
          .filter((one) => !one.ariaLabel && !one.textContent.trim() && !one.labels?.length)
          .map((one) => one.outerHTML)"""
    )
    assert not unnamed


def test_who_is_dragged_onto_what(page: Any) -> None:
    """A card onto a card of the other shelf; a card onto the edge of the grid."""
    page.set_viewport_size({"width": 1200, "height": 1500})  # shelf and grid in view together
    who, what = page.locator("#who .card"), page.locator("#what .card")
    names = [who.nth(2).locator("input").get_attribute("aria-label").split(" (")[0]]
    names.append(what.nth(4).locator("input").get_attribute("aria-label").split(" (")[0])
    who.nth(2).drag_to(what.nth(4))
    drawn(page, f"^{names[0]} doing what {names[1]} does")
    head = page.locator("#cells [data-head=who1] .head")
    who.nth(5).drag_to(head)
    name = who.nth(5).locator("input").get_attribute("aria-label").split(" (")[0]
    page.locator(f"#cells [data-head=who1] .head[aria-label^='Row 2: {name}']").wait_for()
    page.locator("#cells .cell").last.click()
    assert drawn(page) != f"{names[0]} doing what {names[1]} does"


def test_files_are_saved(page: Any, tmp_path: Path) -> None:
    for place, kind, size in (
        ("#result", "gif", 256),
        ("#result", "mp4", 256),
        ("#grid", "gif", 0),
    ):
        with page.expect_download() as saved:
            page.locator(f"{place} [data-kind={kind}]").click()
        file = tmp_path / f"saved.{kind}"
        saved.value.save_as(file)
        frames = read_video(file)
        assert len(frames) == 16
        assert frames.shape[2] == size or size == 0


def test_a_new_one_and_the_map(page: Any) -> None:
    page.locator("#who .new").click()
    drawn(page, "^new 1 doing")
    page.locator(".plane[data-side=who] .point input[aria-label='new 1']").wait_for()
    point = page.locator(".plane[data-side=what] .point:not(:has(:checked)) input").first
    name = point.get_attribute("aria-label").split(" (")[0]
    point.focus()
    page.keyboard.press("Space")
    drawn(page, f"^new 1 doing what {name} does")


def test_two_users_at_once(chromium: Any, page: Any, running: Running, world: Path) -> None:
    """Each sees its own clip, and not the other's."""
    other = user(chromium, running.address)
    drop(page, world / "dance.mp4", "who")
    other.locator("#who .new").click()
    drawn(page, "^dance")
    drawn(other, "^new 1")
    for one, theirs in ((page, "new 1"), (other, "dance.mp4")):
        assert not one.locator(f".shelf input[aria-label='{theirs}']").count()
    other.context.close()


def test_who_leaves_is_forgotten(chromium: Any, running: Running) -> None:
    """The session of a page that was closed is over."""
    page = user(chromium, running.address)
    *_, session = filter(None, (r.headers.get("x-studio-session") for r in page.asked))
    asked = Request(f"{running.address}api/map", headers={"X-Studio-Session": session})
    assert urlopen(asked).status == 200
    page.goto("about:blank")
    for _ in range(100):
        page.wait_for_timeout(50)
        with suppress(HTTPError), urlopen(asked):
            continue
        break
    with pytest.raises(HTTPError, match="410"):
        urlopen(asked)
    page.context.close()


def test_who_wants_calm_has_it_on_a_phone_in_the_dark(chromium: Any, running: Running) -> None:
    """Nothing moves before it is asked to; nothing is wider than the screen."""
    screen = {"width": 360, "height": 740}
    page = user(
        chromium, running.address, reduced_motion="reduce", color_scheme="dark", viewport=screen
    )
    assert not moves(page)
    page.get_by_role("button", name="Play").click()
    assert moves(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 150
    page.context.close()


def test_sigterm_leaves_nothing_behind(world: Path, running: Running, page: Any) -> None:
    """The last test of this studio: the page says that it is gone."""
    drop(page, world / "dance.mp4", "who")
    drawn(page, "^dance")
    assert list(running.temporary.iterdir())
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) in (-signal.SIGTERM, 128 + signal.SIGTERM)
    assert not list(running.temporary.iterdir())
    page.locator("#who .new").click()
    assert "does not answer" in alert(page)
    page.faults.clear()
