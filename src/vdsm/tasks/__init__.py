"""Many tasks, each a function of its job: over processes of this machine, or over hosts by Ray.

A task gives back what it makes, so no host writes to a file of another. Whoever asks gets every
job's result once, in the order in which they are done, whatever dies on the way.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vdsm.errors import InputError
from vdsm.tasks.processes import in_processes

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Where:
    """Who does the tasks: processes of this machine, or the hosts of a Ray cluster."""

    workers: int = 0  # processes, 0 for one a core
    ray: str | None = None  # address of the cluster, or "local"

    def __post_init__(self) -> None:
        if self.ray is not None and self.workers:
            raise InputError("--workers counts processes of this machine: leave it out with --ray")

    @property
    def processes(self) -> int:
        """How many there are here."""
        from vdsm.device import cores

        return self.workers or cores()


HERE = Where()


def results(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    where: Where,
    crashed: Callable[[Job], Result],
    copies: Sequence[Path] = (),
) -> Generator[Result, None, None]:
    """function(job) of every job, as they are done; function and jobs can be pickled.

    crashed: gives the result of a job that kills the process which does it. copies: files that
    tasks read by `copies.readable`, and that other hosts need not have.
    """
    if where.ray is None:
        yield from in_processes(function, jobs, min(where.processes, max(1, len(jobs))), crashed)
    else:
        from vdsm.tasks.cluster import on_cluster

        yield from on_cluster(function, jobs, where.ray, crashed, copies)


def in_turn(found: Iterable[Result], number: Callable[[Result], int]) -> Iterator[Result]:
    """Results that come in any order, by their numbers 0, 1, ...; early ones wait in memory."""
    early: dict[int, Result] = {}
    turn = 0
    for result in found:
        early[number(result)] = result
        while turn in early:
            yield early.pop(turn)
            turn += 1
