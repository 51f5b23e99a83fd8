"""Several processes train as one does: torchrun on one node and on two that share a loopback."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from small import SMALL, pendula, start
from vdsm import InputError
from vdsm.methods.vdsm.config import ContrastConfig, PosesConfig
from vdsm.notation import Share, draw
from vdsm.store.run import Run
from vdsm.store.weights import WEIGHTS
from vdsm.train.batches import GroupSampler, Individuals, Others
from vdsm.train.loop import Events, Stopped, train
from vdsm.train.processes import Processes, started

# A batch of 3 does not divide by 2: one process has two rows, the other has one.
# Else torchrun's node that is first in another round keeps to the store of the round before, and
# its processes wait for those of the others, which meet at another one (docs/scale.md).
AGREED = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
CONFIG = replace(
    SMALL,
    log_every=1,
    contrast=ContrastConfig(steps=3, batch=5, augment=0.5),
    poses=PosesConfig(steps=3, batch=5, segments=20),
    model=replace(SMALL.model, identity_encoder="own"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pendula(tmp_path_factory.mktemp("processes") / "data")


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run, clips = start(tmp_path_factory.mktemp("alone") / "run", data, CONFIG)
    train(run, clips)
    return run


def stopped(path: Path, data: Path, steps: int) -> None:
    """A run of one process that was asked to stop after so many steps."""
    calls = iter(range(1, 10**6))
    run, clips = start(path, data, CONFIG)
    with pytest.raises(Stopped):
        train(run, clips, Events(should_stop=lambda: next(calls) == steps))


def resume(
    path: Path, *node: str, data: Path | None = None, program: Sequence[str] = ("-m", "vdsm")
) -> "subprocess.Popen[str]":
    """`vdsm train --resume` by torchrun."""
    named = [] if data is None else [str(data)]
    words = [sys.executable, "-m", "torch.distributed.run", *node, *program]
    return subprocess.Popen(
        [*words, "train", "--resume", *named, "--out", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | (AGREED if "--max-restarts" in node else {}),
    )


def finish(*nodes: "subprocess.Popen[str]") -> list[str]:
    """What they printed; all must succeed. One that hangs is ended, and the failure says where."""
    timer = threading.Timer(240, lambda: [node.terminate() for node in nodes])
    timer.start()
    outputs = [node.communicate()[0] for node in nodes]  # torchrun ends its processes
    timer.cancel()
    codes = [node.returncode for node in nodes]
    assert codes == [0] * len(nodes), "\n".join([f"{codes}:", *outputs])
    return outputs


def assert_same(path: Path, alone: Run) -> None:
    """The metrics of every step and the final weights, within what rounding makes of them."""
    run = Run.open(path)
    found, expected = run.metrics(), alone.metrics()
    assert [(m["stage"], m["step"]) for m in found] == [(m["stage"], m["step"]) for m in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for name in theirs.keys() - {"seconds", "cpu_seconds", "name"}:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-4, atol=1e-5, err_msg=name)
    weights, others = (
        safetensors.torch.load_file(r.path / "model.safetensors") for r in (run, alone)
    )
    torch.testing.assert_close(weights, others, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def two(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that one process began and two ended, and what they printed."""
    path = tmp_path_factory.mktemp("two") / "run"
    stopped(path, data, 2)
    return path, finish(resume(path, "--standalone", "--nproc-per-node", "2"))[0]


def test_two_processes(two: tuple[Path, str], alone: Run) -> None:
    """From a stop in contrast, by another number of processes than began; one of them speaks."""
    path, output = two
    assert_same(path, alone)
    assert output.count("trained: ") == 1
    assert not list(path.parent.glob(".*")), "no half-written file stays"


def test_two_nodes(data: Path, alone: Run, tmp_path: Path) -> None:
    """Two nodes on the loopback; the second one's view of the folder is never used."""
    stopped(tmp_path / "run", data, 12)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1"]
    nodes = [
        resume(path, *common, "--master-port", port, "--node-rank", str(rank))
        for rank, path in enumerate((tmp_path / "run", tmp_path / "elsewhere"))
    ]
    finish(*nodes)
    assert_same(tmp_path / "run", alone)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds processes by Linux' /proc")
def test_a_process_that_is_killed_and_begun_again_changes_no_bit(
    data: Path, two: tuple[Path, str], tmp_path: Path
) -> None:
    """On one of two nodes; torchrun begins both processes again (--max-restarts)."""
    path = tmp_path / "run"
    stopped(path, data, 2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    common = ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "3"]
    common += ["--rdzv-backend", "c10d", "--rdzv-endpoint", place, "--rdzv-id", "again"]
    common += ["--local-addr", "127.0.0.1", "--rdzv-conf"]
    nodes = [resume(path, *common, f"is_host={host}") for host in (1, 0)]
    late = time.monotonic() + 120
    while len(Run.open(path).metrics()) < 5:
        if time.monotonic() > late or any(node.poll() is not None for node in nodes):
            for node in nodes:
                node.terminate()
            finish(*nodes)  # says what each printed
        time.sleep(0.02)
    second = nodes[1].pid
    (process,) = Path(f"/proc/{second}/task/{second}/children").read_text().split()
    os.kill(int(process), signal.SIGKILL)
    finish(*nodes)
    weights, expected = (safetensors.torch.load_file(p / WEIGHTS) for p in (path, two[0]))
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(weights[name], tensor), name


FULL = """
import errno
from vdsm.cli import main
from vdsm.store.run import Run

def log(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "metrics.jsonl")

Run.log = log
main()
"""


def test_a_mistake_is_said_by_one_of_them(data: Path, tmp_path: Path) -> None:
    """Other data, which each of them opens, and metrics, which the first alone writes."""
    run, _ = start(tmp_path / "run", data, CONFIG)
    other = pendula(tmp_path / "other", seed=1)
    two = ["--standalone", "--nproc-per-node", "2"]
    said = resume(run.path, *two, data=other).communicate(timeout=240)[0]
    assert said.count("is not the dataset that") == 1
    program = tmp_path / "full.py"
    program.write_text(FULL)
    said = resume(run.path, *two, program=[str(program)]).communicate(timeout=240)[0]
    assert said.count("no space left to write metrics.jsonl") == 1
    assert "train/loop.py" not in said, "a traceback"


def test_rows_cover_the_batch_and_weights_make_up_for_uneven_ones() -> None:
    for batch, count in ((3, 2), (16, 5), (4, 4), (7, 1)):
        parts = [Processes(rank, count) for rank in range(count)]
        rows = np.concatenate([np.arange(batch)[p.rows(batch)] for p in parts])
        np.testing.assert_array_equal(rows, np.arange(batch))
        values = np.random.default_rng(0).normal(size=batch)
        means = [values[p.rows(batch)].mean() * p.weight(batch) for p in parts]
        np.testing.assert_allclose(np.mean(means), values.mean())


def test_fewer_rows_than_processes() -> None:
    with pytest.raises(InputError, match="batch of 3 cannot be shared by 4 processes"):
        Processes(0, 4).rows(3)


def test_noise_of_a_share_is_that_of_the_whole() -> None:
    like = torch.zeros(())
    whole = draw(torch.randn, (7, 3, 2), torch.Generator().manual_seed(5), like)
    share = Share()
    share.rows, share.mine = 7, slice(2, 5)
    share.manual_seed(5)
    assert torch.equal(draw(torch.randn, (3, 3, 2), share, like), whole[2:5])


@pytest.mark.parametrize(
    "others", [Others(), Others(2, identity_view=True, positive=True, donor=True)]
)
def test_a_share_of_the_frames(data: Path, others: Others, tmp_path: Path) -> None:
    clips = start(tmp_path / "run", data)[1]
    individuals = Individuals(clips, np.zeros(len(clips), bool))
    sampler = GroupSampler(individuals, 4, others)
    whole = sampler.draw(np.random.default_rng(3), 5)
    part = sampler.draw(np.random.default_rng(3), 5, slice(1, 3))
    np.testing.assert_array_equal(part.target, whole.target[1:3])
    if others.identity_view:
        assert whole.identity_view is not None
        assert whole.positive is not None
        assert whole.donor is not None
        np.testing.assert_array_equal(part.identity_view, whole.identity_view[1:3])
        np.testing.assert_array_equal(part.positive, whole.positive[1:3])
        np.testing.assert_array_equal(part.donor, whole.donor[1:3])


def test_more_processes_than_rows_of_any_stage_are_refused_first(
    data: Path, tmp_path: Path
) -> None:
    """Not hours later, when that stage begins; contrast shares no rows."""
    config = replace(SMALL, stage2=replace(SMALL.stage2, batch=2), contrast=ContrastConfig(steps=3))
    run, clips = start(tmp_path / "run", data, config)
    with pytest.raises(InputError, match="batch of 2 cannot be shared by 3 processes"):
        train(run, clips, processes=Processes(0, 3))
    assert run.restore() is None


def test_more_processes_than_gpus_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    told = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "0", "RANK": "0"}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="2 processes on a machine that shows 1 GPU"), started():
        pass
    with pytest.raises(InputError, match="--device cuda:0 names one GPU"), started("cuda:0"):
        pass
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit), started():
        pass
