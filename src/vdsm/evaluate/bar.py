"""A progress bar for the panel, for whoever sits beside it."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as RichProgress

from vdsm.evaluate.stream import Progress
from vdsm.progress import bar_columns
from vdsm.screen import screen


@contextmanager
def progress_bar(console: Console | None = None) -> Iterator[Progress]:
    """A bar for each step of the panel: `with progress_bar() as bar: panel(..., progress=bar)`.

    Where the output is no terminal, a plain line as each begins.
    """
    console = console or screen(stderr=True)
    with RichProgress(
        *bar_columns(console.width), console=console, disable=not console.is_terminal
    ) as bar:
        tasks = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                if not console.is_terminal:
                    console.print(f"evaluate: {what}", soft_wrap=True)
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield advance
