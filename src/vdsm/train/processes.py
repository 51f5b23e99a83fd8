"""Several processes that train one model: who does what, and how they agree.

`torchrun --nproc-per-node 2 -m vdsm train ...` starts them. Every process draws the same batch and
the same noise and computes on its own rows of both; gradients are averaged (DDP). So a step is the
same function of its number whatever the number of processes, but for rounding.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vdsm.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among all; alone by default."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and shows the progress."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """The rows of a batch that this process computes."""
        if batch < self.count:
            raise InputError(
                f"a batch of {batch} cannot be shared by {self.count} processes: raise "
                "the stages' batches (--stage1.batch, ...), or start fewer"
            )
        return slice(batch * self.rank // self.count, batch * (self.rank + 1) // self.count)

    def weight(self, batch: int) -> float:
        """What to multiply the mean over this process's rows with, before a mean over processes."""
        rows = len(range(batch)[self.rows(batch)])
        return rows * self.count / batch

    def parallel(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients are those of the whole batch."""
        if self.count == 1:
            return module
        return DistributedDataParallel(
            module, broadcast_buffers=False, gradient_as_bucket_view=True
        )

    def mean(self, value: Tensor) -> Tensor:
        """Mean over processes."""
        if self.count == 1:
            return value
        total = value.clone()
        dist.all_reduce(total)
        return total / self.count

    def any(self, flag: bool) -> bool:
        """Whether any process says so. On the CPU, so that no accelerator is waited for."""
        if self.count == 1:
            return flag
        said = torch.tensor(int(flag))
        dist.all_reduce(said, dist.ReduceOp.MAX)
        return bool(said)

    def once(self, function: Callable[[], T]) -> T:
        """What the first process gets from the function, given to all; so with its failure."""
        if self.count == 1:
            return function()
        told: list[T | None] = [None]
        failure: list[Exception | None] = [None]
        if self.first:
            try:
                told = [function()]
            except Exception as error:
                failure = [error]
        dist.broadcast_object_list(failure, device=torch.device("cpu"))
        if failure[0] is not None:
            if self.first:
                raise failure[0]
            sys.exit(2)  # the first process says why
        dist.broadcast_object_list(told, device=torch.device("cpu"))
        return cast(T, told[0])

    def each(self, function: Callable[[], T]) -> T:
        """What this process gets from the function; where the first one fails, it alone says so."""
        found: list[T] = []
        self.once(lambda: found.append(function()))
        return found[0] if self.first else function()


ALONE = Processes()
NEEDED = ("RANK", "MASTER_ADDR", "MASTER_PORT")  # beside WORLD_SIZE
PATIENCE = timedelta(minutes=2)  # for processes that nobody may have started


def stated(name: str, default: int) -> int:
    """A whole number from the environment."""
    word = os.environ.get(name) or str(default)
    if not word.isascii() or not word.isdigit():
        raise InputError(f"the environment has {name}={word}, no whole number: unset {name}")
    return int(word)


def tell(how: str) -> None:
    """One line of how training begins where that may surprise."""
    print(f"note: this process trains {how}", file=sys.stderr)


def join(backend: str) -> None:
    """Meet the other processes.

    Where torchrun has not started this one, the environment may be left over from another job, and
    nobody else may come: says whom it waits for, and InputError after two minutes.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        dist.init_process_group(backend)
        return
    count, rank, port = stated("WORLD_SIZE", 1), stated("RANK", 0), stated("MASTER_PORT", 0)
    place = f"{os.environ['MASTER_ADDR']}:{port}"
    tell(f"as number {rank} of {count}, and waits for the others at {place}")
    advice = "unset WORLD_SIZE to train alone, or start them all with torchrun"
    if not rank < count:
        raise InputError(f"RANK is {rank}, but WORLD_SIZE {count}: {advice}")
    try:
        store = dist.TCPStore(  # type: ignore[attr-defined]
            os.environ["MASTER_ADDR"], port, count, rank == 0, timeout=PATIENCE
        )
    except (dist.DistError, RuntimeError) as error:
        raise InputError(f"not all of {count} processes came to {place}: {advice}") from error
    dist.init_process_group(backend, store=store, rank=rank, world_size=count)


@contextmanager
def started(device: str = "auto") -> Iterator[Processes]:
    """The processes that torchrun has started, or this one alone.

    InputError for more processes than GPUs, unless they are to train on the CPU.
    """
    if stated("WORLD_SIZE", 1) == 1:
        yield ALONE
        return
    if lacking := [name for name in NEEDED if not os.environ.get(name)]:
        tell(f"alone: WORLD_SIZE is set, but not {', '.join(lacking)}, as torchrun would have")
        yield ALONE
        return
    if torch.cuda.is_available() and device != "cpu":
        if ":" in device:
            raise InputError(
                f"--device {device} names one GPU for several processes: --device cuda gives each "
                "its own"
            )
        gpus, here = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        if here > gpus and stated("LOCAL_RANK", 0):
            sys.exit(2)  # the first process of the machine says why
        if here > gpus:
            raise InputError(
                f"{here} processes on a machine that shows {gpus} GPU(s): start one for each "
                f"(--nproc-per-node {gpus}), or add --device cpu"
            )
        torch.cuda.set_device(stated("LOCAL_RANK", 0))
        join("cpu:gloo,cuda:nccl")
    else:
        join("gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
