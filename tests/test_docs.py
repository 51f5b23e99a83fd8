"""Pages that are made from code hold what the code says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def script(name: str) -> ModuleType:
    """docs/<name>.py as a module."""
    if not DOCS.is_dir():
        pytest.skip("the documents are not beside the tests")
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_logs_index_names_every_page() -> None:
    """As `python docs/index_log.py` writes it."""
    index = (DOCS / "log" / "README.md").read_text(encoding="utf-8")
    assert index == script("index_log").index()


def test_results_are_as_they_were_measured() -> None:
    """As `python docs/make_results.py` writes them."""
    text = (DOCS / "results.md").read_text(encoding="utf-8")
    assert text == script("make_results").page()


def test_methods_are_as_their_records_say() -> None:
    """As `python docs/make_methods.py` writes it."""
    text = (DOCS / "methods.md").read_text(encoding="utf-8")
    assert text == script("make_methods").page(text)
