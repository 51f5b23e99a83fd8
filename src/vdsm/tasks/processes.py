"""Many jobs over processes: results as they come; survives a job that kills its process."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.synchronize import Event
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_stop: Event | None = None  # set in worker processes


def stopping() -> bool:
    """Whether the work was called off; a job asks now and then and returns early."""
    return _stop is not None and _stop.is_set()


def in_processes(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int,
    crashed: Callable[[Job], Result],
) -> Generator[Result, None, None]:
    """function(job) of every job, in the order in which they finish.

    A job whose process dies gives crashed(job). Even one worker is another process than this.
    """
    queue = deque(jobs)
    while queue:
        suspects = deque((yield from _until_crash(function, queue, workers, 2 * workers)))
        while suspects:  # one at a time, so that the guilty one is known
            guilty = yield from _until_crash(function, suspects, 1, 1)
            yield from map(crashed, guilty)


def _until_crash(
    function: Callable[[Job], Result], queue: deque[Job], workers: int, at_once: int
) -> Generator[Result, None, list[Job]]:
    """Works off the queue, at most `at_once` under way; returns those lost when a process died."""
    context = get_context("spawn")
    stop = context.Event()
    waiting: dict[Future[Result], Job] = {}
    lost: list[Job] = []
    with ProcessPoolExecutor(workers, context, _begin, (stop,)) as pool:
        try:
            while (queue or waiting) and not lost:
                while queue and len(waiting) < at_once:
                    job = queue.popleft()
                    waiting[pool.submit(function, job)] = job
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    job = waiting.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        lost.append(job)
                    else:
                        yield future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    return lost + list(waiting.values())


def _begin(stop: Event) -> None:
    """In a new worker: the parent alone hears Ctrl-C, and no worker outlives the parent."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
