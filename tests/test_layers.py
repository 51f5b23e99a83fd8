"""Imports point one way: every module imports from layers below its own, and none in a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "src"

# Modules and packages of vdsm, from the ground up: each may import those before it.
LAYERS = (
    *("errors", "words", "version", "letters", "screen", "progress"),
    *("files", "notation", "schedules", "config", "device", "protocol", "tasks"),
    *("video", "data", "figures", "who", "train", "methods", "store", "options"),
    *("use", "programs", "evaluate", "verdict", "report", "card", "bench", "compare", "studio"),
    *("loggers", "training"),
    *("commands", "cli", "__main__"),
)
# What is imported inside a function: a method's model saves itself as the store does, and commands
# say their help without what they run.
LAZY = {
    ("vdsm.tasks", "vdsm.device"),  # torch, which a host's process may not need
    ("vdsm.tasks", "vdsm.tasks.cluster"),  # Ray
    ("vdsm.data.crop.seeing", "vdsm.data.crop.detector"),  # packages of extras
    ("vdsm.data.crop.seeing", "vdsm.data.crop.face"),
    ("vdsm.data.folder.extract", "vdsm.data.crop.find"),  # SciPy
    ("vdsm.who.pairs", "vdsm.who.space"),  # SciPy, scikit-learn
    ("vdsm.methods.parts.verbs", "vdsm.store.weights"),
    ("vdsm.methods.parts.vae", "vdsm.store.hub"),
    ("vdsm.methods.readout", "vdsm.store.hub"),
    ("vdsm.methods.readout", "vdsm.store.weights"),
    ("vdsm.methods.vdsm.model", "vdsm.store.hub"),
    ("vdsm.methods.vdsm.model", "vdsm.store.open"),
    ("vdsm.methods.vdsm.model", "vdsm.store.weights"),
    ("vdsm.commands.fetch", "vdsm.evaluate.fetch"),
    ("vdsm.commands.embed", "vdsm.use.embed"),
    ("vdsm.commands.export", "vdsm.card.export"),
    ("vdsm.commands.export", "vdsm.programs.write"),
    ("vdsm.commands.export", "vdsm.store.hub"),
    ("vdsm.commands.generate", "vdsm.use.generate"),
    ("vdsm.commands.info", "vdsm.use.info"),
    ("vdsm.commands.studio", "vdsm.studio.serve"),
    ("vdsm.commands.swap", "vdsm.use.swap"),
    ("vdsm.store.shipped", "vdsm.store.hub"),
    ("vdsm.studio.decoder", "vdsm.data.crop.find"),
    ("vdsm.studio.reading", "vdsm.data.crop.asked"),  # with the package of all datasets
    ("vdsm.studio.reading", "vdsm.data.crop.find"),
    ("vdsm.use.info", "vdsm.data.preview"),
}


def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the package."""
    found = {}
    for file in sorted((ROOT / "vdsm").rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Modules of the package that these nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in whole]
        else:
            continue
        yield from (name for name in names if name in MODULES)


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when a module is imported."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from outside_functions(child)


def imports(name: str) -> set[str]:
    """What a module imports when it is imported."""
    return set(imported(outside_functions(ast.parse(MODULES[name].read_text())))) - {name}


def lazy(name: str) -> set[str]:
    """What a module imports inside functions alone."""
    return set(imported(ast.walk(ast.parse(MODULES[name].read_text())))) - imports(name) - {name}


def part(name: str) -> str:
    """The module or package of vdsm that a module is, or is in."""
    return name.split(".")[1]


NAMED = [name for name in MODULES if name != "vdsm"]


def test_every_module_has_a_layer() -> None:
    assert {part(name) for name in NAMED} == set(LAYERS)


@pytest.mark.parametrize("name", NAMED)
def test_imports_come_from_below(name: str) -> None:
    """And never from the package as a whole, which is for others."""
    found = imports(name) | lazy(name)
    assert "vdsm" not in found
    below = LAYERS[: LAYERS.index(part(name)) + 1]
    upward = {other for other in imports(name) if part(other) not in below}
    assert not upward, f"{name} imports {', '.join(upward)}"


def test_nothing_is_imported_in_a_circle() -> None:
    graph = {name: imports(name) for name in NAMED}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_no_command_imports_another() -> None:
    for name in NAMED:
        if name.startswith("vdsm.commands."):
            others = {n for n in imports(name) | lazy(name) if n.startswith("vdsm.commands")}
            assert not others, f"{name} imports {', '.join(others)}"


def test_imports_inside_functions_are_known() -> None:
    assert {(name, other) for name in NAMED for other in lazy(name)} == LAZY
