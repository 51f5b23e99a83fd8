"""The README and the docs: Python blocks run, commands are ones that exist."""

import re
import shlex
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from vdsm import VDSM, ModelConfig
from vdsm.cli import help_of, options_of
from vdsm.config import describe, override
from vdsm.data import MAKERS
from vdsm.methods.table import method_of
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.presets import preset
from vdsm.options import typed

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN = "<!-- not run -->"


def blocks(page: Path, *languages: str) -> list[str]:
    """Fenced blocks of these languages, but for those after a line `<!-- not run -->`."""
    found = re.findall(r"(?:^|\n)([^\n]*)\n+```(\w*)\n(.*?)\n```", page.read_text(), re.DOTALL)
    return [code for above, lang, code in found if lang in languages and above != NOT_RUN]


def commands(page: Path) -> list[str]:
    """Every `vdsm ...` line of shell or console blocks, and of indented blocks."""
    indented = [line for line in page.read_text().splitlines() if line.startswith("    ")]
    text = "\n".join([*blocks(page, "sh", "bash", "console"), *indented])
    lines = (line.strip().removeprefix("$ ") for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line.startswith("vdsm ") and "..." not in line]


def named(cases: list[tuple[Path, str]]) -> list[object]:
    return [pytest.param(c, id=f"{p.name}: {c.splitlines()[0][:60]}") for p, c in cases]


def ending(code: str) -> str:
    """The indented block that a page says a Python block ends with; empty without one."""
    after = re.escape(f"{code}\n```\n\nIt ends with\n\n") + r"((?: {4}.*\n)+)"
    found = (re.search(after, page.read_text()) for page in PAGES)
    return next((match[1] for match in found if match), "")


def without_figures(text: str) -> str:
    """Words alone, however they are wrapped."""
    return " ".join(re.sub(r"\d+\.\d+", "#", text).split())


@pytest.mark.parametrize(
    "code", named([(page, code) for page in PAGES for code in blocks(page, "python")])
)
def test_python_block_runs(
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny: ModelConfig,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And prints each line that stands after "It ends with", but for figures: machines differ."""
    monkeypatch.chdir(tmp_path)
    VDSM(replace(tiny, size=64, channels=3)).save_pretrained("runs/pendulum")
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    printed = without_figures(capsys.readouterr().out)
    for line in ending(code).splitlines():
        assert without_figures(line) in printed


@pytest.mark.parametrize(
    "command", named([(page, line) for page in PAGES for line in commands(page)])
)
def test_command_is_known(command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    if {"-h", "--help", "--help-all"} & set(words):
        assert help_of(words)
        return
    _, options = options_of(words)
    if words[0] == "data":
        typed(MAKERS[options.name].options, options.fields, "vdsm data")
    elif words[0] == "train":
        method = method_of(options.method or "vdsm")
        start = method.preset(options.preset or "folder", options.size or "compact")
        override(start, options.fields, "vdsm train")


def test_readme_has_an_example_and_commands() -> None:
    """The patterns above find what is there."""
    readme = ROOT / "README.md"
    assert blocks(readme, "python")
    assert any(ending(code) for page in PAGES for code in blocks(page, "python"))
    assert {line.split()[1] for line in commands(readme)} >= {"data", "train", "swap", "generate"}


def test_make_targets_exist() -> None:
    """Every `make TARGET` of the README and CONTRIBUTING."""
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for code in blocks(page, "sh"):
            for line in code.splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == "make":
                    assert words[1] in targets, line


def test_links_lead_somewhere() -> None:
    """Every relative link and picture of README, CONTRIBUTING and docs."""
    for page in (*PAGES, ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_symbols_lead_to_code(tiny: ModelConfig) -> None:
    """Every name and file in the tables of docs/model.md that map a symbol to its code."""
    model = VDSM(replace(tiny, flow_steps=1))
    rows = [line.split("|")[1:-1] for line in (ROOT / "docs/model.md").read_text().splitlines()]
    mapped = [row for row in rows if len(row) == 4 and "`" in row[3]]
    assert len(mapped) > 40
    for _, _, names, file in mapped:
        path = ROOT / "src/vdsm" / file.strip(" `")
        assert path.exists(), path
        module = import_module(f"vdsm.{file.strip(' `').removesuffix('.py').replace('/', '.')}")
        for name in re.findall("`(.+?)`", names):
            places = (model, module, tiny)
            found = name in describe(Config) or any(has(place, name) for place in places)
            assert found, f"{name} is not in {file}"


def test_table_of_presets() -> None:
    """docs/model.md shows what the presets hold."""
    rows = [line.split("|")[1:-1] for line in (ROOT / "docs/model.md").read_text().splitlines()]
    start = next(i for i, row in enumerate(rows) if row and "`pendulum`" in row[1])
    columns = [re.findall("`(.+?)`", cell) for cell in rows[start][1:-1]]
    checked = 0
    for row in rows[start + 2 :]:
        if not row:
            break
        field = re.findall("`(.+?)`", row[0])[0]
        for names, cell in zip(columns, row[1:-1], strict=True):
            for name in names if cell.strip() else ():
                held: object = preset(name)
                for part in field.split("."):
                    held = getattr(held, part)
                assert str(held).lower() == cell.strip(), f"{field} of {name} is {held}"
                checked += 1
    assert checked > 100


def has(place: object, dotted: str) -> bool:
    """Whether a chain of attributes, or fields of a dataclass, exists."""
    first, _, rest = dotted.partition(".")
    if first in getattr(place, "__annotations__", {}):
        return True
    return hasattr(place, first) and (not rest or has(getattr(place, first), rest))
