"""The log's index is made from its pages."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def test_the_index_names_every_page() -> None:
    """As `python docs/index_log.py` writes it."""
    if not DOCS.is_dir():
        pytest.skip("the documents are not beside the tests")
    spec = importlib.util.spec_from_file_location("index_log", DOCS / "index_log.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "log" / "README.md").read_text(encoding="utf-8") == module.index()
