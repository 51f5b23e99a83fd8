"""One thread has the model; whoever wants something of it waits in a queue."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from queue import PriorityQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from vdsm.studio.limits import Limits

T = TypeVar("T")
URGENT, LATER = 0, 1  # somebody waits; nobody does
Job = tuple[int, int, Future[Any], Callable[[], Any]]


class Busy(Exception):
    """Too many wait; the line says who should wait."""


class Worker:
    """Runs functions one after the other: those that somebody waits for first."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.numbers, self.lock = limits, count(), Lock()
        self.waiting: Counter[str] = Counter()  # session -> jobs
        self.jobs: PriorityQueue[Job] = PriorityQueue()
        self.thread = Thread(target=self._run, daemon=True, name="model")
        self.thread.start()

    def ask(self, session: str, function: Callable[[], T]) -> Future[T]:
        """A session's job; Busy where it, or all together, have too many already."""
        with self.lock:
            if self.waiting[session] >= self.limits.waiting_each:
                raise Busy("you have asked for much at once: wait for what is being drawn")
            if self.waiting.total() >= self.limits.waiting:
                raise Busy("many people use this studio now: try again in a few seconds")
            self.waiting[session] += 1
        future = self._put(URGENT, function)
        future.add_done_callback(lambda _: self._done(session))
        return future

    def later(self, function: Callable[[], T]) -> Future[T]:
        """What nobody waits for."""
        return self._put(LATER, function)

    def close(self) -> None:
        """Finish the job at hand; those that wait are dropped."""
        self._put(-1, self._leave)
        self.thread.join(timeout=10)

    def _put(self, rank: int, function: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self.jobs.put((rank, next(self.numbers), future, function))
        return future

    def _done(self, session: str) -> None:
        with self.lock:
            self.waiting[session] -= 1
            self.waiting += Counter()  # drops those at zero

    def _leave(self) -> None:
        raise SystemExit

    def _run(self) -> None:
        while True:
            _, _, future, function = self.jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except SystemExit:
                return
            except BaseException as error:
                future.set_exception(error)
