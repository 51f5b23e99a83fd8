"""Studios of tiny models, which are not trained: what they draw is noise, but it moves."""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from starlette.testclient import TestClient

from media import Frames
from small import SMALL
from vdsm import VDSM
from vdsm.methods.table import method_of
from vdsm.studio.api import Place, app
from vdsm.studio.decoder import Decoder
from vdsm.studio.guard import Rules
from vdsm.studio.limits import Limits
from vdsm.studio.serve import opened
from vdsm.studio.sessions import Sessions
from vdsm.studio.uploads import Uploads


def vdsm_weights(folder: Path) -> Path:
    """A VDSM of 32 pixels in colour."""
    VDSM(SMALL.model).eval().save_pretrained(folder)
    return folder


def weights_of(method: str, folder: Path) -> Path:
    """Any other method's, of its debug preset."""
    record = method_of(method)
    config = record.preset("debug", "compact").model
    model = record.build(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights *= 3  # untrained, some draw one grey
    model.save_pretrained(folder)
    return folder


@contextmanager
def studio(
    model: Path,
    temporary: Path,
    data: Path | None = None,
    limits: Limits | None = None,
    rules: Rules | None = None,
    evaluation: Path | None = None,
) -> Iterator[tuple[Place, TestClient]]:
    """What answers requests, and who asks: a client that has no session yet."""
    limits = limits or Limits()
    with ExitStack() as after:
        console = Console(quiet=True)
        found = after.enter_context(opened(str(model), data, evaluation, "cpu", limits, console))
        decoder = Decoder(limits)
        after.callback(decoder.close)
        place = Place(found, Uploads(temporary, decoder, limits), Sessions(limits))
        client = TestClient(app(place, rules or Rules()), base_url="http://localhost")
        yield place, client


def enter(client: TestClient, **headers: str) -> dict[str, Any]:
    """A new session, whose header the client sends from then on; what the page is told."""
    answer = client.post("/api/session", headers={"x-studio-session": "new", **headers})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    client.headers.update({"x-studio-session": found["session"], **headers})
    return found


def cell(who: str, what: str) -> dict[str, Any]:
    """One clip to draw."""
    return {"who": {"a": who}, "what": {"a": what}}


def tiles(answer: Any) -> Frames:
    """uint8 [N, T, H, W, 3] of an answer with a sheet, cut by a plain loop."""
    assert answer.status_code == 200, answer.text
    layout = json.loads(answer.headers["x-sheet"])
    picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
    size, found = layout["size"], []
    for tile in range(layout["clips"] * layout["frames"]):
        y, x = divmod(tile, layout["columns"])
        found.append(picture[y * size : (y + 1) * size, x * size : (x + 1) * size])
    return np.stack(found).reshape(layout["clips"], layout["frames"], size, size, 3)
