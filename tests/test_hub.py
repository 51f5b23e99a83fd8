"""Models of Hugging Face: sent, fetched, named; against a server that speaks the calls needed."""

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hubs import Hub, serving
from small import SMALL, pendula, start
from test_export import refused, vdsm
from vdsm import VDSM, InputError
from vdsm.store.hub import address

pytest.importorskip("huggingface_hub", reason='no huggingface_hub: pip install "vdsm[hub]"')


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A server, and the library told to ask it and nobody else."""
    told = {
        "HF_HOME": str(tmp_path_factory.mktemp("hub")),
        "HF_TOKEN": "good",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    with serving() as hub, pytest.MonkeyPatch.context() as patch:
        for name, value in {**told, "HF_ENDPOINT": hub.url}.items():
            patch.setenv(name, value)
        forget()  # it reads these as it is imported
        yield hub
    forget()


def forget() -> None:
    """Have the library imported anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    return VDSM(SMALL.model).eval()


@pytest.fixture(scope="module")
def sent(hub: Hub, model: Any) -> str:
    """A repository that holds the model."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Use 'content=", DeprecationWarning)  # of the library
        model.push_to_hub("ann/pendula")
    return "ann/pendula"


def test_what_was_sent_is_fetched_bit_for_bit(hub: Hub, model: Any, sent: str) -> None:
    assert set(hub.files[sent]) == {"README.md", "config.json", "model.safetensors"}
    card = hub.files[sent]["README.md"].decode()
    assert card.startswith("---\nlibrary_name: vdsm\n")
    for name in (sent, f"hf:{sent}", f"hf:{sent}@main"):
        again = VDSM.from_pretrained(name)
        for key, tensor in model.state_dict().items():
            assert torch.equal(again.state_dict()[key], tensor)
    downloads = [line for line in hub.asked if line.endswith("model.safetensors")]
    assert len([line for line in downloads if line.startswith("GET")]) == 1  # and kept


def test_commands_take_such_a_name(sent: str, tmp_path: Path, hub: Hub) -> None:
    """As they take a run, and what does not belong to a model is not fetched."""
    hub.files[sent]["notes.exe"] = b"no"
    vdsm("generate", f"hf:{sent}", "--num", 1, "--frames", 3, "--out", tmp_path / "drawn")
    assert list((tmp_path / "drawn").iterdir())
    assert not any("notes.exe" in line for line in hub.asked)


def test_without_a_network_what_was_fetched_serves(
    hub: Hub, sent: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    VDSM.from_pretrained(sent)
    monkeypatch.setattr(hub, "down", True)
    assert isinstance(VDSM.from_pretrained(f"hf:{sent}"), VDSM)
    said = refused(capsys, "info", "hf:ann/other")
    assert "never fetched" in said
    assert "does not answer" in said
    with pytest.raises(InputError, match="does not answer"):
        VDSM(SMALL.model).push_to_hub("ann/new")


def test_what_lies_here_is_preferred(
    hub: Hub, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of that name, a shipped name, and a folder USER, so that typing errors stay here."""
    monkeypatch.chdir(tmp_path)
    model.save_pretrained("runs/mine")
    asked = len(hub.asked)
    assert isinstance(VDSM.from_pretrained("runs/mine"), VDSM)
    VDSM.from_pretrained("pendulum")
    with pytest.raises(InputError, match="has no config"):
        VDSM.from_pretrained("runs/other")
    assert len(hub.asked) == asked
    assert address("runs/other") == "runs/other"
    assert address("ann/other") == "hf:ann/other"
    assert address(Path("ann/other")) == Path("ann/other")


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_an_export_is_sent_with_its_card(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights of a run at half the size, the card that `vdsm export` writes, examples."""
    from vdsm.train.loop import train
    from vdsm.train.pictures import Painter

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", lambda *_: None)
        train(*start(tmp_path / "run", pendula(tmp_path / "data")))
    send = ("export", tmp_path / "run", "--out", tmp_path / "card", "--examples", 1, "--push")
    vdsm(*send, "ann/run")
    assert f"{hub.url}/ann/run" in capsys.readouterr().out
    for path, content in hub.held("ann/run"):
        assert (tmp_path / "card" / path).read_bytes() == content
    assert {path for path, _ in hub.held("ann/run")} >= {"README.md", "examples/0.gif"}
    vdsm("swap", "hf:ann/run", "--identity", "example:0", "--action", "example:0",
         "--out", tmp_path / "swap.gif")  # fmt: skip
    assert "give hf:USER/NAME" in refused(capsys, *send[:3], tmp_path / "other", "--push", "x")
    assert not (tmp_path / "other").exists()


def test_what_is_not_there_is_one_line(
    hub: Hub, sent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody of that name, no revision, another kind of repository, no name at all."""
    hub.files["ann/words"] = {"config.json": b"{}", "pytorch_model.bin": b"0"}
    hub.files["ann/text"] = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"0"}
    told = {
        "hf:ann/other": "no repository hf:ann/other",
        f"hf:{sent}@nothing": "no such revision",
        "hf:ann/words": "holds no model of this package: it has no model.safetensors",
        "hf:ann/text": "has no entry 'model'",
        "hf:ann": "give hf:USER/NAME",
        "hf:": "give hf:USER/NAME",
        "hf:ann/a/b": "give hf:USER/NAME",
        "hf:../ann": "give hf:USER/NAME",
        "hf:ann/a--b": "no name on Hugging Face",
    }
    for name, line in told.items():
        assert line in refused(capsys, "info", name), name


def test_who_is_not_logged_in_is_told(
    hub: Hub, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "bad")
    with pytest.raises(InputError, match="hf auth login"):
        model.push_to_hub("ann/mine")
    with pytest.raises(InputError, match="give hf:USER/NAME"):
        model.push_to_hub("mine")


def test_without_the_library_one_line_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert 'pip install "vdsm[hub]"' in refused(capsys, "info", "hf:ann/pendula")
