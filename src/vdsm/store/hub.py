"""Models on Hugging Face: hf:USER/NAME, or hf:USER/NAME@REVISION; fetched once, sent when asked.

`huggingface_hub` (the extra vdsm[hub]) is imported when a name asks for it. Fetched are weights as
safetensors, their settings, the card and example clips: nothing that is run.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vdsm.errors import InputError
from vdsm.store.shipped import HUB
from vdsm.store.weights import CONFIG, WEIGHTS
from vdsm.version import __version__

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
WANTED = [CONFIG, WEIGHTS, "README.md", "examples/*.gif"]
INSTALL = 'models of Hugging Face need huggingface_hub: pip install "vdsm[hub]"'
CARD = """---
library_name: vdsm
pipeline_tag: video-to-video
tags: [video, disentanglement, {method}]
---
# {name}

A model of {title}, {size} pixels, by vdsm {version}: `VDSM.from_pretrained("{name}")`, or
`vdsm info hf:{name}`. `vdsm export RUN --out FOLDER --push {name}` writes a card that says more.
"""


def address(place: str | Path) -> str | Path:
    """hf:USER/NAME for USER/NAME where neither that nor a folder USER is here; else the place."""
    named = isinstance(place, str) and NAME.fullmatch(place) is not None
    if named and not Path(str(place).partition("/")[0]).exists():
        return f"{HUB}{place}"
    return place


def split(place: object) -> tuple[str, str | None]:
    """USER/NAME, and the revision if one is named; InputError for what is no such name."""
    name = str(place).removeprefix(HUB)
    if not NAME.fullmatch(name):
        raise InputError(f"'{place}' is no name on Hugging Face: give hf:USER/NAME")
    repository, _, revision = name.partition("@")
    return repository, revision or None


def fetch(place: object) -> Path:
    """The folder of a model, from Hugging Face or, without a network, from what was fetched before.

    InputError where there is no such repository, or it holds no model of this package.
    """
    name, revision = split(place)
    hub = library()
    with told(name):
        try:
            about = api(hub).model_info(name, revision=revision)
        except Exception as error:
            if not unreachable(error):
                raise
            return cached(hub, name, revision)
        held = {file.rfilename for file in about.siblings or ()}
        if not {CONFIG, WEIGHTS} <= held:
            lacks = " and ".join(sorted({CONFIG, WEIGHTS} - held))
            raise InputError(f"hf:{name} holds no model of this package: it has no {lacks}")
        own = {"library_name": "vdsm", "library_version": __version__}
        return Path(
            hub.snapshot_download(
                name, revision=revision, allow_patterns=WANTED, tqdm_class=quiet(hub), **own
            )
        )


def cached(hub: Any, name: str, revision: str | None) -> Path:
    """What was fetched before."""
    try:
        here = {"allow_patterns": WANTED, "local_files_only": True}
        return Path(hub.snapshot_download(name, revision=revision, **here))
    except hub.errors.LocalEntryNotFoundError:
        raise InputError(
            f"hf:{name} was never fetched to this machine, and {hub.constants.ENDPOINT} does not "
            "answer: see the network, or give a folder"
        ) from None


def push(folder: Path, name: str, private: bool = False) -> str:
    """Send a folder of weights, its card and examples; the address of the repository.

    It is made where there is none. Who sends is whom `hf auth login` says, or HF_TOKEN.
    """
    repository, revision = split(name)
    hub = library()
    with told(repository):
        made = api(hub).create_repo(repository, private=private, exist_ok=True)
        api(hub).upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=revision,
            allow_patterns=WANTED,
            commit_message=f"vdsm {__version__}",
        )
    return str(made)


def push_model(model: Any, name: str, private: bool = False) -> str:
    """`push` of a model in memory, with a card of a few lines."""
    repository, _ = split(name)
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        about = {"name": repository, "method": model.method, "title": model.title}
        card = CARD.format(**about, size=model.config.size, version=__version__)
        (Path(folder) / "README.md").write_text(card, encoding="utf-8")
        return push(Path(folder), name, private)


def library() -> Any:
    """huggingface_hub; InputError where it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError:
        raise InputError(INSTALL) from None
    return huggingface_hub


def api(hub: Any) -> Any:
    """What asks, and says who does."""
    return hub.HfApi(library_name="vdsm", library_version=__version__)


def quiet(hub: Any) -> Any:
    """A progress bar that shows nothing where no terminal is there to show it."""
    return type("Bar", (hub.utils.tqdm,), {})


def unreachable(error: Exception) -> bool:
    """Whether nobody answered: of the library's ways to ask, each has exceptions of its own."""
    asked = type(error).__module__.partition(".")[0].startswith(("httpx", "requests", "httpcore"))
    return asked or type(error).__name__ == "OfflineModeIsEnabled"


@contextmanager
def told(name: str) -> Iterator[None]:
    """What goes wrong on the way, as one line."""
    errors = library().errors
    try:
        yield
    except errors.GatedRepoError:
        raise InputError(f"hf:{name} asks for your consent: give it on its page, log in") from None
    except errors.RevisionNotFoundError:
        raise InputError(f"hf:{name} has no such revision: leave it out for the newest") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"no repository hf:{name}, or a private one: see its spelling, or 'hf auth login'"
        ) from None
    except errors.LocalEntryNotFoundError:  # the line went dead on the way
        raise InputError(f"hf:{name} was not fetched whole: see the network, try again") from None
    except errors.HFValidationError as error:
        raise InputError(f"'{name}' is no name on Hugging Face: {error}") from None
    except errors.HfHubHTTPError as error:
        status: Any = getattr(error.response, "status_code", None) or "nothing"
        known = {401: "log in with 'hf auth login'", 403: "you may not: see your token's rights"}
        advice = known.get(status, "try again later")
        raise InputError(f"hf:{name}: the server answers {status}: {advice}") from None
    except Exception as error:
        if isinstance(error, InputError):
            raise
        if str(error).startswith("Error while uploading"):
            raise InputError(f"hf:{name}: {error} Try again later") from error
        if not unreachable(error):
            raise
        where = library().constants.ENDPOINT
        raise InputError(f"hf:{name}: {where} does not answer: see the network") from None
