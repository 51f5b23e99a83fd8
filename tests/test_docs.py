"""Pages that are made from code hold what the code says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vdsm.data.clips import Clips, Factor, Info, Table
from vdsm.errors import InputError

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


def test_a_picture_of_swaps_shows_everybody_once() -> None:
    """Held-out clips, one for each action in order, and nobody twice; one line where none can."""
    people, actions, takes = 12, 4, 3
    n = people * actions * takes
    who = np.arange(n) // (actions * takes)
    action = np.arange(n) // takes % actions
    split = (np.arange(n) % takes == 0).astype(np.int64)
    factors = (Factor("person", "identity", ("a",)), Factor("action", "action", tuple("wxyz")))
    table = Table(np.full(n, 8), who, split, {"person": who, "action": action})
    clips = Clips(Info("toy", 8, 3, factors), table)
    chosen = script("make_swaps").chosen
    rows, columns = chosen(clips, 5, 8, 0)
    both = np.concatenate([rows, columns])
    assert action[columns].tolist() == [0, 1, 2, 3]
    assert len(set(who[both].tolist())) == len(both) == 9
    assert split[both].all()
    assert chosen(clips, 5, 8, 1)[0].tolist() != rows.tolist()
    with pytest.raises(InputError, match="toy has too few individuals"):
        chosen(clips, 9, 8, 0)
    with pytest.raises(InputError, match="does not say what its clips show"):
        chosen(Clips(Info("toy", 8, 3), table), 5, 8, 0)
