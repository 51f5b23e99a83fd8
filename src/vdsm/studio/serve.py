"""`vdsm studio`: opens a model and its clips, listens, and leaves nothing behind."""

import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import torch
import uvicorn
from rich.console import Console

from vdsm.data import open_clips
from vdsm.data.clips import Clips
from vdsm.errors import InputError
from vdsm.protocol import Decodes, Encodes
from vdsm.store.named import load_model, trained_window
from vdsm.store.run import Run, is_run
from vdsm.store.shipped import examples
from vdsm.store.trained import require_fit
from vdsm.studio import verdict
from vdsm.studio.api import Place, app
from vdsm.studio.clips import shared
from vdsm.studio.decoder import Decoder
from vdsm.studio.guard import LOOPBACK, Rules, is_address
from vdsm.studio.limits import Limits
from vdsm.studio.parts import actor_of
from vdsm.studio.reading import Crop
from vdsm.studio.sessions import Sessions
from vdsm.studio.uploads import Uploads
from vdsm.studio.usual import require, usual
from vdsm.studio.work import Studio
from vdsm.studio.worker import Worker
from vdsm.words import counted

EVERYWHERE = ("0.0.0.0", "::", "")


def serve(
    name: str,
    data: Path | None,
    evaluation: Path | None,
    host: str,
    port: int,
    show: bool,
    device: str,
    console: Console,
    crop: Crop | None = None,
) -> None:
    """Show a model until Ctrl-C or SIGTERM. InputError for what cannot be opened, before that."""
    limits = Limits()
    listening = listen(host, port)
    with ExitStack() as after, listening:
        after.enter_context(ended_by_sigterm())
        folder = Path(after.enter_context(TemporaryDirectory(prefix="vdsm-studio-")))
        studio = after.enter_context(opened(name, data, evaluation, device, limits, console, crop))
        decoder = Decoder(limits, studio.usual.crop)
        after.callback(decoder.close)
        place = Place(studio, Uploads(folder, decoder, limits), Sessions(limits))
        rules = rules_for(host)
        address = address_of(listening, host, rules)
        console.print(said(studio, address, rules), soft_wrap=True)
        if show and has_screen():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        run(app(place, rules), listening, limits)


@contextmanager
def opened(
    name: str,
    data: Path | None,
    evaluation: Path | None,
    device: str,
    limits: Limits,
    console: Console,
    crop: Crop | None = None,
) -> Iterator[Studio]:
    """The studio of a model, with its clips; what reads them begins.

    crop: of what is dropped; without, as the clips were cropped.
    """
    require(crop or "")
    model, folder = load_model(name, device)
    own = getattr(model.config, "frames", 0)  # of what draws so many alone
    window = min(trained_window(folder, None) or own or limits.window, limits.frames)
    actor = actor_of(model)
    clips, source = clips_for(model, folder, data, console)
    how = usual(crop, clips.info.made if clips else {})
    if how.note:
        console.print(f"note: {how.note}", soft_wrap=True)
    found = verdict.read(folder, evaluation)
    where = str(data) if data else None
    worker = Worker(limits)
    try:
        with torch.no_grad():
            shelf = shared(model, actor, folder, clips, window)
        words = verdict.said(found, model, folder, name, where)
        roles = {factor.name: factor.role for factor in clips.info.factors} if clips else {}
        of_clips = (source, roles, how)
        studio = Studio(name, model, actor, window, shelf, words, limits, worker, *of_clips)
        assert studio.longest >= window  # asked for here, before the thread has the model
        studio.prepare()
        yield studio
    finally:
        worker.close()


def clips_for(
    model: Any, folder: Path, data: Path | None, console: Console
) -> tuple[Clips | None, str]:
    """The dataset to show, of the run if none is named, and in words what the clips are."""
    encodes = isinstance(model, Encodes) and isinstance(model, Decodes)
    if data is not None:
        clips = open_clips(data)
        require_fit(clips, model.config)
        if encodes:
            return clips, f"{counted(len(clips), 'clip')} of {clips.info.name}"
        console.print(f"note: the model encodes nothing, so {data} is not shown", soft_wrap=True)
    elif encodes and is_run(folder):
        try:
            clips = Run.open(folder).clips()
            return clips, f"{counted(len(clips), 'clip')} of {clips.info.name}"
        except InputError as error:
            console.print(f"note: {error}", soft_wrap=True)
    if encodes and examples(folder):
        return None, "examples that come with the model"
    return None, "clips that the model drew itself"


# -- where it listens ------------------------------------------------------------------------------


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; InputError where it cannot."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"--host {host} is no address of this machine") from error
    family, kind, protocol, _, address = found
    listening = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise InputError(
            f"cannot listen at {host} port {port} ({error.strerror}): choose another --port, or "
            "--port 0 for any that is free"
        ) from error
    return listening


def rules_for(host: str) -> Rules:
    """Loopback needs no token; elsewhere a new one is made."""
    if host in LOOPBACK:
        return Rules()
    names = {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
    return Rules(LOOPBACK | names, addresses=True, token=secrets.token_urlsafe(16))


def address_of(listening: socket.socket, host: str, rules: Rules) -> str:
    """What to open. The token is behind #, which browsers send to nobody."""
    port = listening.getsockname()[1]
    name = socket.gethostname() if host in EVERYWHERE else host
    if is_address(name) and ":" in name:
        name = f"[{name}]"
    return f"http://{name}:{port}/" + (f"#token={rules.token}" if rules.token else "")


def said(studio: Studio, address: str, rules: Rules) -> str:
    """What the terminal says."""
    who = "anybody who has this address" if rules.token else "this machine alone"
    if rules.token and socket.gethostname() in address:
        who += f" (a number of this machine may stand for {socket.gethostname()})"
    return (
        f"{studio.title} ({studio.name}), {studio.source}\n"
        f"open {address}\nfor {who}; Ctrl-C ends it, and deletes what was uploaded"
    )


def has_screen() -> bool:
    """Whether a browser can show itself; one of a terminal would take the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(served: Any, listening: socket.socket, limits: Limits) -> None:
    """Until a signal."""
    config = uvicorn.Config(
        served,
        log_level="warning",
        access_log=False,
        ws="none",
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=3,
    )
    with suppress(KeyboardInterrupt):  # the way to end it
        uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C does, so that what is temporary is deleted."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
