"""Shared by all tests: shapes and types checked at run time, a seed, shared data, a tiny model."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Comparisons are exact, which a GPU's sums are not. tests/test_cuda.py is for a GPU:
#   VDSM_TEST_GPU=1 python -m pytest tests/test_cuda.py
if not os.environ.get("VDSM_TEST_GPU"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

from jaxtyping import install_import_hook

# The modules that state shapes; before the first import of any of them.
CHECKED = ("notation", "methods", "train", "evaluate", "figures")
install_import_hook([f"vdsm.{name}" for name in CHECKED], "checked.checked")

import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

from vdsm.methods.vdsm.config import ModelConfig  # noqa: E402
from vdsm.methods.vdsm.model import VDSM  # noqa: E402

SHARED = Path(__file__).resolve().parents[2] / "shared"

settings.register_profile("vdsm", deadline=None, derandomize=True)
settings.load_profile("vdsm")
torch.set_num_threads(1)  # tensors are tiny: more threads wait for one another


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Initial weights come from torch's global generator."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests compare exactly; those of bfloat16 ask for it."""
    monkeypatch.setattr(VDSM, "precision", "fp32")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data and golden outputs that lie beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"no {SHARED.name}/ beside the repository: it holds what this test reads")
    return SHARED


@pytest.fixture
def tiny() -> ModelConfig:
    """No two sizes are equal, so that axes which change places are noticed."""
    return ModelConfig(
        size=32,
        channels=1,
        pose_dim=3,
        identity_dim=4,
        dynamics_dim=5,
        encoder_width=0.125,
        decoder_width=1 / 64,
        identity_hidden=6,
        lstm_layers=2,
        lstm_width=7,
        combiner_hidden=10,
        transition_hidden=9,
    )


@pytest.fixture
def processes() -> None:
    """Who asks for it decodes videos as the command does, in processes of their own."""


@pytest.fixture(autouse=True)
def _decode_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of folders decode in this process, since another takes a second to start."""

    def here(function: Any, jobs: Any, where: Any, crashed: Any) -> Iterator[Any]:
        yield from map(function, jobs)

    of_folders = request.module.__name__.startswith("test_folder")
    if of_folders and "processes" not in request.fixturenames:
        monkeypatch.setattr("vdsm.data.folder.decode.results", here)
