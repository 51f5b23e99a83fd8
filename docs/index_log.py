"""The index of the log, docs/log/README.md, from its pages: python docs/index_log.py

A page is docs/log/<date>-<topic>.md; its first line is the title, which says the verdict.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "log"
HEAD = """# Log

Dated experiments, what failed too, newest first: one page each. This index is made from them by
`python docs/index_log.py`. A page says what was changed, by which command, how long it took, and
the numbers.

Machine, unless said otherwise: 2 cores of a virtual x86-64 machine (AMD EPYC, AVX-512 with bfloat16
dot products, no AMX), torch 2.13.0 CPU. Its matmul of 2048³ runs at 0.11 TFLOP/s in float32 and
0.41 in bfloat16 when idle. It was shared with other work during most runs, so durations are upper
bounds. Settings stand under the names that they had on that day.

| date | page |
|---|---|
"""
TAIL = """
```{toctree}
:hidden:
:glob:
:reversed:

20*
```
"""


def index() -> str:
    """The index's text."""
    rows = []
    for page in sorted(FOLDER.glob("20*.md"), reverse=True):
        title = page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")
        rows.append(f"| {page.name[:10]} | [{title}]({page.name}) |\n")
    return HEAD + "".join(rows) + TAIL


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(index(), encoding="utf-8")
    print(f"{FOLDER / 'README.md'}: {len(list(FOLDER.glob('20*.md')))} pages", file=sys.stderr)
