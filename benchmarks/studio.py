"""How soon a swap is seen after a file was dropped: python benchmarks/studio.py [MODEL [DATA]]

Starts `vdsm studio`, drops a video of 1280 x 720 pixels on Who in a headless Chromium, again and
again, and takes the time until the new swap is drawn. Needs `vdsm[test]` and a Chromium.
"""

import base64
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from vdsm.video import write_clips

TIMES, SECONDS, FPS = 12, 4, 30
DROP = """async (place, {content, name}) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer(), result = document.querySelector("#result figcaption");
  carried.items.add(new File([bytes], name));
  const seen = new Promise((done) => {
    const look = () => result.textContent.startsWith(name) && done(performance.now());
    new MutationObserver(look).observe(result, {childList: true, characterData: true});
  });
  const began = performance.now();
  place.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, cancelable: true}));
  return (await seen) - began;
}"""


def film(path: Path) -> None:
    """A bright square that goes across."""
    clip = np.full((SECONDS * FPS, 720, 1280, 3), 40, np.uint8)
    for t, frame in enumerate(clip):
        frame[260:460, 340 + 3 * t : 540 + 3 * t] = (230, 120, 60)
    write_clips(path, clip, FPS)


def measured(page: Any, file: Path) -> list[float]:
    """Milliseconds of each drop."""
    content = base64.b64encode(file.read_bytes()).decode()
    who, found = page.locator("#who"), []
    for i in range(TIMES):
        found.append(who.evaluate(DROP, {"content": content, "name": f"{i}-{file.name}"}))
        page.wait_for_timeout(500)  # what else the page shows of it is not ours
    return found


def main(words: list[str]) -> None:
    """Print the first, the middle and the longest time."""
    command = [sys.executable, "-m", "vdsm", "studio", *(words or ["sprites"])]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*command, "--port", "0", "--no-open"], stdout=subprocess.PIPE, text=True
        ) as studio,
        sync_playwright() as driver,
    ):
        assert studio.stdout is not None
        film(Path(folder, "film.mp4"))
        lines = iter(studio.stdout.readline, "")
        address = next(found[1] for line in lines if (found := re.search(r"open (\S+)", line)))
        chromium = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.locator("#map-waits:empty").wait_for(state="attached", timeout=120_000)
        page.locator("#result .tile:not([aria-busy]) figcaption:not(:empty)").wait_for()
        found = measured(page, Path(folder, "film.mp4"))
        browser.close()
        studio.terminate()
    print(
        f"{' '.join(command[3:])}: first {found[0]:.0f} ms, median {statistics.median(found):.0f}, "
        f"longest {max(found):.0f}, of {TIMES} drops of {SECONDS} s at 1280 x 720"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
