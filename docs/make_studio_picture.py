"""The picture of the studio, docs/pictures/studio.png: python docs/make_studio_picture.py [DATA]

DATA: sprites, made by `vdsm data sprites`; without it the model's own samples are shown. Needs
`vdsm[test]` and a Chromium.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

OUT = Path(__file__).parent / "pictures" / "studio.png"
WIDTH, HEIGHT = 1180, 825
COLOURS = 128  # of the saved picture


def main(data: list[str]) -> None:
    """Start a studio, look at it, save what is seen."""
    command = [sys.executable, "-m", "vdsm", "studio", "sprites", *data, "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as studio:
        assert studio.stdout is not None
        try:
            lines = iter(studio.stdout.readline, "")
            address = next(found[1] for line in lines if (found := re.search(r"open (\S+)", line)))
            photograph(address)
        finally:
            studio.terminate()
    Image.open(OUT).convert("RGB").quantize(COLOURS).save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size / 1e3:.0f} kB", file=sys.stderr)


def photograph(address: str) -> None:
    """The first screen, once the model has drawn and pictures are there."""
    with sync_playwright() as driver:
        chromium = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(120_000)
        page.goto(address)
        page.locator("#result .tile:not([aria-busy]) figcaption:not(:empty)").wait_for()
        page.locator("#status.old").wait_for(state="attached")  # it has had time to load the rest
        page.screenshot(path=OUT)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
