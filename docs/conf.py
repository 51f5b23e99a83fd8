"""The documentation as a site: `make docs` writes docs/_build/index.html, without a warning.

Pages are the Markdown files here, those of log/ an appendix, the reference from docstrings. Links
to files of the repository that are no pages are shown as their text.
"""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from vdsm.version import __version__  # noqa: E402

project, release, copyright = "vdsm", __version__, "the authors of vdsm; Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme, html_title = "furo", f"vdsm {__version__}"
html_copy_source = False
myst_heading_anchors = 4
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
OUTSIDE = re.compile(r"(!?)\[([^\]]*)\]\((\.\./[^)\s]*)\)")
NAMED = re.compile(r"\w+: ")
MARKUP = re.compile(r"([*|]|(?<=\w)_(?=\W|$))")  # what a docstring means as it stands


def inside(app: Any, docname: str, source: list[str]) -> None:
    """Keep links to pages; of others the text, with the file's place in the repository."""
    here = Path(app.srcdir, docname).parent

    def link(found: re.Match[str]) -> str:
        file = (here / found[3].partition("#")[0]).resolve()
        if Path(app.srcdir) in file.parents and file.exists():
            return found[0]
        place = file.relative_to(ROOT) if ROOT in file.parents else Path(found[3]).name
        return f"{found[2]} (`{place}`)"

    source[0] = OUTSIDE.sub(link, source[0])


def plain(app: Any, what: str, name: str, thing: object, options: Any, lines: list[str]) -> None:
    """Docstrings are prose: a line that begins with `name:` begins a paragraph, and no more.

    What names stand for is indented from its second line on, which docutils would quote.
    """
    told: list[str] = []
    for line in lines:
        if NAMED.match(line):
            told.append("")
        told.append(escaped(line.strip()))
    lines[:] = told


def escaped(line: str) -> str:
    """A line, escaped outside of backticks."""
    pieces = re.split(r"(`[^`]*`)", line)
    return "".join(p if p.startswith("`") else MARKUP.sub(r"\\\1", p) for p in pieces)


def setup(app: Any) -> None:
    """Both hooks."""
    app.connect("source-read", inside)
    app.connect("autodoc-process-docstring", plain)
