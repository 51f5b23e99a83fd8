"""The site (`make docs`) has every page, its names exist; the notebook runs."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from test_docs import DOCS, script


def toctree(page: Path) -> set[str]:
    """Pages that a page's lists name; a pattern stands for its files."""
    lists = re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names = [line for text in lists for line in text.split("\n") if line and line[0] != ":"]
    files = [file for name in names for file in page.parent.glob(f"{name}.md")]
    return {str(file.relative_to(DOCS).with_suffix("")) for file in files}


def test_every_page_is_in_the_site() -> None:
    """None that a list names is missing either."""
    named = toctree(DOCS / "index.md") | toctree(DOCS / "log" / "README.md")
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}
    built = {page for page in pages if not page.startswith("_build/")}
    assert named == built - {"index"}
    assert script("conf").exclude_patterns == ["_build"]


def test_every_name_of_the_reference_exists() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    found = re.findall(r"auto(\w+):: ([\w.]+)\n((?:   .*\n)*)", text)
    assert len(found) > 15
    for kind, name, options in found:
        if kind == "module":
            import_module(name)
            continue
        module, _, last = name.rpartition(".")
        thing = getattr(import_module(module), last)
        assert thing.__doc__, name
        for members in re.findall(r":members: (.+)", options):
            for member in members.split(", "):
                assert getattr(thing, member).__doc__, f"{name}.{member}"


def test_docstrings_are_no_markup() -> None:
    """Stars, bars and underscores at ends of words stand as they are; backticks stay."""
    lines = ["mean |x|² of z_ and *all*, `a_ |b|`", "", "num: how many,", "    of these"]
    script("conf").plain(None, "", "", None, None, lines)
    assert lines[0] == r"mean \|x\|² of z\_ and \*all\*, `a_ |b|`"
    assert lines[1:] == ["", "", "num: how many,", "of these"]


def test_links_that_leave_the_documents_become_text(tmp_path: Path) -> None:
    class App:
        srcdir = str(DOCS)

    source = ["[a](../src/vdsm/notation.py#x) [b](model.md) [c](../CONTRIBUTING.md)"]
    script("conf").inside(App, "weights", source)
    assert source == ["a (`src/vdsm/notation.py`) [b](model.md) c (`CONTRIBUTING.md`)"]
    source = ["[a](../evaluation.md#the-verdict)"]
    script("conf").inside(App, "log/README", source)
    assert source == ["[a](../evaluation.md#the-verdict)"]


@pytest.fixture(scope="module")
def notebook() -> Any:
    """As it lies in the repository."""
    return json.loads((DOCS / "first-steps.ipynb").read_text(encoding="utf-8"))


def test_the_notebook_is_as_its_script_says_and_was_run(notebook: Any) -> None:
    """By `python docs/make_notebook.py`, from the first cell to the last, without a failure."""
    pytest.importorskip("nbclient", reason="no nbclient: pip install .[test]")
    made = script("make_notebook").notebook()
    told = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert told == [cell.source for cell in made.cells]
    run = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in run] == list(range(1, len(run) + 1))
    kinds = [output["output_type"] for cell in run for output in cell["outputs"]]
    assert set(kinds) == {"stream", "execute_result"}
    assert (DOCS / "first-steps.ipynb").stat().st_size < 600_000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's own libraries
def test_the_notebook_runs(tmp_path: Path, notebook: Any) -> None:
    """And prints what stands in it."""
    pytest.importorskip("nbclient", reason="no nbclient: pip install .[test]")
    pytest.importorskip("ipykernel", reason="no ipykernel: pip install .[test]")
    make = script("make_notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(DOCS.parent / "src"))
        done = make.executed(make.notebook(), tmp_path)
    for cell, before in zip(done.cells, notebook["cells"], strict=True):
        printed = [o.text for o in cell.get("outputs", ()) if o.output_type == "stream"]
        kept = ["".join(o["text"]) for o in before.get("outputs", ()) if "text" in o]
        assert printed == kept
