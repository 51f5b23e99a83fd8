"""What the steps of a stage read, drawn ahead by other processes where a GPU would wait for it.

A step on a GPU takes a few hundredths of a second, and composing its frames on the host as long.
What a step reads is a function of its number, so it is the same whoever draws it.
"""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from multiprocessing import active_children, get_all_start_methods
from multiprocessing.pool import ThreadPool
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from vdsm.device import cores
from vdsm.errors import InputError
from vdsm.train.batches import step_seed

HELPERS, EACH = 4, 4  # processes at most, and steps that each is ahead
Item = TypeVar("Item")


class Steps(Dataset[Item | InputError]):
    """Item i is what step i reads, drawn with a generator that (seed, stage, i, attempt) seeds."""

    def __init__(
        self, draw: Callable[[np.random.Generator], Item], seed: int, stage: int, attempt: int
    ) -> None:
        self.draw, self.seed, self.stage, self.attempt = draw, seed, stage, attempt

    def __getitem__(self, step: int) -> Item | InputError:
        rng = np.random.default_rng(step_seed(self.seed, self.stage, step, self.attempt))
        try:
            return self.draw(rng)
        except InputError as error:  # given, not raised: a DataLoader would put a traceback in it
            return error


def read_ahead(steps: Steps[Item], which: range, helpers: int) -> Generator[Item]:
    """The items of `which` in turn, drawn by that many processes; by this one, if by none."""
    before, items = active_children(), None
    try:
        items = begun(loader(steps, which, helpers)) if helpers else map(steps.__getitem__, which)
        for item in items:
            if isinstance(item, InputError):
                raise item
            yield item
    finally:
        if helpers:
            send_home(items, [child for child in active_children() if child not in before])


def loader(steps: Steps[Item], which: range, helpers: int) -> DataLoader[Item | InputError]:
    """Of the items of `which`, each a whole batch."""
    return DataLoader(
        steps,
        batch_size=None,
        sampler=which,
        num_workers=helpers,
        prefetch_factor=EACH,
        collate_fn=as_it_is,  # arrays stay arrays, which pass by pipe: /dev/shm may be tiny
        multiprocessing_context="fork",
        worker_init_fn=go_on,
    )


def begun(items: DataLoader[Any]) -> Iterator[Any]:
    """The loader's iterator, with its helpers at work.

    Made by the main thread, it would have the news of a helper's death raise an error wherever
    that thread is just then. Where that is inside a lock, the process never ends. Made by another,
    it finds out as it waits for the dead helper's item, within seconds.
    """
    with ThreadPool(1) as other:
        return other.apply(iter, (items,))


def send_home(items: Any, helpers: list[BaseProcess]) -> None:
    """End the helpers of a loader's iterator now, whoever still refers to it.

    Left to its deletion they may be there when this process ends, which then asks them to stop in
    a way that they ignore, and waits.
    """
    if items is not None:  # else a helper died as it was made
        items._shutdown_workers()
    for helper in helpers:
        with suppress(RuntimeError):  # torch says of each helper that it is no more
            if helper.is_alive():  # it waits for a disk or a server that does not answer
                helper.kill()


class Prefetch:
    """What is being read ahead, so that it can be ended: helpers do not hear of it otherwise."""

    def __init__(self) -> None:
        self.items: Generator[Any] | None = None

    def start(self, steps: Steps[Item], which: range, helpers: int) -> Iterator[Item]:
        """Read these instead of what was read before."""
        self.close()
        self.items = items = read_ahead(steps, which, helpers)
        return items

    def close(self) -> None:
        """Send the helpers home."""
        if self.items is not None:
            self.items.close()


def go_on(_: int) -> None:
    """Who asks a run to stop asks all its processes; only the one that trains is to answer."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def as_it_is(item: Item) -> Item:
    """No collation: an item is a whole batch."""
    return item


def helpers_for(device: torch.device) -> int:
    """How many processes draw for this one: none for a CPU, which has enough to do itself."""
    if device.type != "cuda" or "fork" not in get_all_start_methods():
        return 0
    mine = cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(0, min(HELPERS, mine - 1))
