"""What a person at the terminal sees while training: a bar, time left, the named terms."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

TERMS = {"contrast": "contrast", "log_pose": "log q(z|x)/p(z)", "log_likelihood": "log p(x)"}
TERMS |= {f"kl_{code}": f"KL {code}" for code in "zsd"}
LINES_PER_STAGE = 20  # where the output is no terminal


NARROW = 70  # columns of a terminal that has no room for a bar and for the time that passed


def bar_columns(width: int = NARROW) -> list[ProgressColumn]:
    """What every bar shows: what is done, how much of it, the time it took and that is left.

    width: of the terminal; a narrow one shows the step and the time left alone. None is cut.
    """
    done = [
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24, table_column=Column(no_wrap=True)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("left"),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    ]
    return [done[0], done[2], *done[4:]] if width < NARROW else done


class Terms(ProgressColumn):
    """The named terms, in the room that the other columns leave."""

    def render(self, task: Task) -> Text:
        """On one line, cut with an ellipsis. The only column that may be narrower than its text."""
        return Text(task.fields["terms"], no_wrap=True, overflow="ellipsis")


class TrainingBar:
    """A bar per stage; plain lines where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(
            *bar_columns(console.width),
            Terms(),
            console=console,
            disable=not console.is_terminal,
        )
        self.tasks: dict[str, TaskID] = {}
        self.lines: dict[str, int] = {}  # of each stage, how many twentieths are shown

    def metrics(self, record: dict[str, Any]) -> None:
        """Show one line of metrics."""
        name, step, steps = record["name"], record["step"], record["steps"]
        terms = "  ".join(
            f"{label} {short(record[k])}" for k, label in TERMS.items() if k in record
        )
        if self.console.is_terminal:
            if name not in self.tasks:
                self.tasks[name] = self.bar.add_task(name, total=steps, terms="")
            self.bar.update(self.tasks[name], completed=step, total=steps, terms=terms)
        elif (line := step * LINES_PER_STAGE // steps) != self.lines.get(name, 0):
            self.lines[name] = line
            self.console.print(f"{name} {step}/{steps}  {terms}", soft_wrap=True)

    def message(self, text: str) -> None:
        """Say something above the bar."""
        self.console.print(text, soft_wrap=True)


def short(nats: float) -> str:
    """As many digits as a glance takes in."""
    return f"{nats:,.0f}" if abs(nats) >= 10 else f"{nats:.2f}"


@contextmanager
def stop_on_signal() -> Iterator[list[int]]:
    """Yields a list that receives the first SIGINT or SIGTERM; a second one acts as usual."""
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
