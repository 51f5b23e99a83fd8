"""Batches drawn ahead: the same whoever draws them, in order, with one clear error."""

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
import torch

from small import HELPED
from vdsm.data.clips import Ints
from vdsm.errors import InputError
from vdsm.train.ahead import Prefetch, Steps, helpers_for, read_ahead
from vdsm.train.batches import step_seed


def draw(rng: np.random.Generator) -> Ints:
    return rng.integers(0, 1000, 5)


@HELPED
@pytest.mark.parametrize("helpers", [0, 1, 2])
def test_each_step_reads_what_its_number_says(helpers: int) -> None:
    steps = Steps(draw, seed=4, stage=1, attempt=2)
    read = list(read_ahead(steps, range(3, 20), helpers))
    assert len(read) == 17
    for step, found in zip(range(3, 20), read, strict=True):
        expected = draw(np.random.default_rng(step_seed(4, 1, step, 2)))
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found, expected)


@HELPED
@pytest.mark.parametrize("helpers", [0, 2])
def test_what_is_wrong_is_said_as_it_was(helpers: int) -> None:
    def broken(rng: np.random.Generator) -> Ints:
        raise InputError("shard-3.tar gave 5 bytes of 7: fetch it again")

    with (
        closing(read_ahead(Steps(broken, 0, 0, 0), range(4), helpers)) as reads,
        pytest.raises(InputError, match=r"^shard-3.tar gave 5 bytes of 7: fetch it again$"),
    ):
        next(reads)


@HELPED
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_helpers_leave_stopping_to_the_process_that_trains(number: int) -> None:
    """`timeout`, a scheduler and Ctrl-C send their signal to all processes of a run."""
    with closing(read_ahead(Steps(lambda _: os.getpid(), 0, 0, 0), range(40), 1)) as reads:
        helper = next(reads)
        assert helper != os.getpid()
        os.kill(helper, number)
        assert list(reads) == [helper] * 39


@HELPED
def test_helpers_leave_when_something_else_is_read() -> None:
    who = Steps(lambda _: os.getpid(), 0, 0, 0)
    with closing(Prefetch()) as prefetch:
        first = next(prefetch.start(who, range(1000), 1))
        second = next(prefetch.start(who, range(1000), 1))
        assert not alive(first)
        assert alive(second)
    assert not alive(second)


@pytest.mark.parametrize("failure", ["InputError('no shard')", "OSError('no disk')", "os._exit(9)"])
def test_a_process_whose_helpers_fail_ends(failure: str) -> None:
    """Nobody closes what it reads, and the exception refers to it."""
    program = f"""
import os
from vdsm.errors import InputError
from vdsm.train.ahead import Steps, read_ahead

def draw(rng):
    raise {failure}

print("begun", flush=True)
next(read_ahead(Steps(draw, 0, 0, 0), range(9), 2))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "begun\n"
    assert ended.returncode == 1


@HELPED
def test_news_of_a_helpers_death_interrupts_nobody() -> None:
    """A handler that raises may do so inside a lock, and nothing that waits for it then ends."""
    with closing(read_ahead(Steps(draw, 0, 0, 0), range(4), 1)) as reads:
        next(reads)
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


def alive(process: int) -> bool:
    return process in {child.pid for child in multiprocessing.active_children()}


def test_nobody_helps_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdsm.train.ahead.cores", lambda: 16)
    assert helpers_for(torch.device("cpu")) == 0
    assert helpers_for(torch.device("cuda")) == 4
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert helpers_for(torch.device("cuda")) == 1
    monkeypatch.setattr("vdsm.train.ahead.cores", lambda: 1)
    monkeypatch.delenv("LOCAL_WORLD_SIZE")
    assert helpers_for(torch.device("cuda")) == 0
