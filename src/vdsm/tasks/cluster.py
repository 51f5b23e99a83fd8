"""Tasks over the hosts of a Ray cluster; none is lost with its process or its host, none is twice.

Ray's own repetitions are off: it would repeat a job that kills its process as often as one whose
host was taken away. Here the second goes back to the queue, and the first does so twice.
"""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from vdsm.errors import InputError
from vdsm.tasks.copies import take
from vdsm.version import __version__

Job = TypeVar("Job")
Result = TypeVar("Result")
AHEAD = 2  # tasks under way for each core, so that none waits for this process
PATIENCE = 5.0  # seconds, after which the cluster is asked anew how many cores it has
LARGEST, TURNS = 8, 16  # jobs of a task at most, and how often a core should have its turn
TRIES = 3  # deaths of its process, after which a job is the cause


@dataclass(frozen=True)
class Kit:
    """What every task needs, sent to each process once."""

    function: Callable[[Any], Any]
    copies: Mapping[Path, bytes]
    version: str = __version__


@dataclass(frozen=True)
class Box:
    """A reference that Ray is not to look up for every task."""

    kit: Any


def on_cluster(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    address: str,
    crashed: Callable[[Job], Result],
    copies: Sequence[Path] = (),
) -> Generator[Result, None, None]:
    """function(job) of every job by the hosts at `address`, in the order in which they finish.

    A job whose process died `TRIES` times gives crashed(job). InputError of a job as it is; and
    where no cluster is, or one whose hosts have another version of this package.
    """
    with connected(address) as ray:
        box = Box(ray.put(Kit(function, {path: path.read_bytes() for path in copies})))
        begin = ray.remote(max_retries=0, num_cpus=1, scheduling_strategy="SPREAD")(carry_out)
        most, asked = at_once(ray), time.monotonic()
        queue = deque(bundles(jobs, most))
        under_way: dict[Any, tuple[Sequence[Job], int]] = {}
        try:
            while queue or under_way:
                if time.monotonic() - asked > PATIENCE:  # hosts come and go
                    most, asked = at_once(ray), time.monotonic()
                while queue and len(under_way) < most:
                    some, deaths = queue.popleft()
                    under_way[begin.remote(box, some)] = some, deaths
                done, _ = ray.wait(list(under_way), num_returns=1, timeout=PATIENCE)
                for reference in done:
                    some, deaths = under_way.pop(reference)
                    try:
                        yield from ray.get(reference)
                    except ray.exceptions.RayError as error:
                        again = after(error, ray.exceptions, some, deaths)
                        queue.extend(again)
                        yield from [] if again else map(crashed, some)
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)


def at_once(ray: Any) -> int:
    """How many tasks are under way, by the cores that there are now."""
    return AHEAD * int(ray.cluster_resources().get("CPU", 1))


def bundles(jobs: Sequence[Job], most: int) -> list[tuple[Sequence[Job], int]]:
    """Jobs, several to a task where there are many, since a task takes this process 2 ms."""
    size = min(LARGEST, max(1, len(jobs) // (TURNS * most)))
    return [(jobs[i : i + size], 0) for i in range(0, len(jobs), size)]


def after(
    error: Exception, kinds: Any, some: Sequence[Job], deaths: int
) -> list[tuple[Sequence[Job], int]]:
    """What is to be tried again after a failure, and how many processes each killed; [] if none.

    Jobs of a task whose process died go alone, so that the guilty one is known.
    """
    if not died(error, kinds):
        return [(some, deaths)]
    if len(some) > 1:
        return [([job], 0) for job in some]
    return [(some, deaths + 1)] if deaths + 1 < TRIES else []


def died(error: Exception, kinds: Any) -> bool:
    """Whether a job may have killed its process; False where its host is lost, or its result.

    Raises what the job itself raised, and InputError where doing it again cannot help.
    """
    if isinstance(error, kinds.RayTaskError):
        cause = error.cause
        raise InputError(str(cause)) if isinstance(cause, InputError) else error
    if isinstance(error, kinds.WorkerCrashedError | kinds.OutOfMemoryError):
        return True
    if isinstance(error, kinds.NodeDiedError | kinds.ObjectLostError):
        return False
    if "No module named 'vdsm'" in str(error):
        raise InputError(f"a host lacks this package: pip install 'vdsm[ray]=={__version__}' there")
    raise InputError(f"Ray gave up a task: {str(error).splitlines()[0]}") from error


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module `ray`, connected; "local" starts a cluster of this machine alone, for as long."""
    try:
        import ray
    except ImportError as error:
        raise InputError("--ray needs Ray: pip install 'vdsm[ray]' on every host") from error
    if ray.is_initialized():  # by whoever calls this
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    alone: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.FATAL, **alone)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"no Ray cluster at {address} ({str(error).splitlines()[0]}): begin one by 'ray start"
            " --head' and name its HOST:PORT, or 'auto' on one of its hosts, or 'local'"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def carry_out(box: Box, jobs: Sequence[Any]) -> list[Any]:
    """In a process of a host: the jobs' results."""
    kit = unpacked(box.kit)
    if kit.version != __version__:
        raise InputError(
            f"{socket.gethostname()} has vdsm {__version__}, this machine {kit.version}: install"
            " the same on every host"
        )
    take(kit.copies)
    return [kit.function(job) for job in jobs]


@lru_cache(maxsize=1)
def unpacked(reference: Any) -> Kit:
    """What was sent along, once a process."""
    import ray

    kit: Kit = ray.get(reference)
    return kit
