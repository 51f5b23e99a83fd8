"""What is given to others: a wheel and an sdist that hold what they should, and install alone."""

import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from vdsm.store.shipped import shipped
from vdsm.version import __version__

ROOT = Path(__file__).resolve().parents[1]
MOST = 60_000_000  # bytes of a wheel
pytest.importorskip("hatchling", reason="no hatchling: pip install .[test]")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and sdist of this checkout."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("the repository is not beside the tests")
    out = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_holds_the_package_alone(built: tuple[Path, Path]) -> None:
    """Every file of src/vdsm, the weights among them, the licence, and nothing else."""
    wheel = built[0]
    assert wheel.stat().st_size < MOST
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"vdsm-{__version__}.dist-info"
    own = {name for name in names if not name.startswith(f"{info}/")}
    files = (ROOT / "src").rglob("*")
    kept = {f for f in files if f.is_file() and f.suffix != ".pyc" and "egg-info" not in str(f)}
    assert own == {f.relative_to(ROOT / "src").as_posix() for f in kept}
    for name in shipped():
        assert f"vdsm/weights/{name}/model.safetensors" in own
    assert f"{info}/licenses/LICENSE" in names
    about = zipfile.ZipFile(wheel).read(f"{info}/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in about
    (torch,) = re.findall(r"Requires-Dist: torch([^;\n]*)\n", about)
    assert "<" not in torch  # a user's newer one stays


def test_the_sdist_builds_and_tests_itself(built: tuple[Path, Path]) -> None:
    """It has the sources, the tests and the documents, and none of what is made of them."""
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"pyproject.toml", "Makefile", "README.md", "LICENSE", "docs/index.md"}
    assert {"tests/conftest.py", "src/vdsm/weights/pendulum/model.safetensors"} <= names
    assert not [n for n in names if re.search(r"\.pyc$|(^|/)(\.git|\.venv|runs|data)/", n)
                and not n.startswith("src/vdsm/data/")]  # fmt: skip


def test_the_index_would_take_both(built: tuple[Path, Path]) -> None:
    """By its own check of what is uploaded; a warning counts."""
    pytest.importorskip("twine", reason="no twine: pip install twine")
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_wheel_installs_and_runs_alone(built: tuple[Path, Path], tmp_path: Path) -> None:
    """In an empty environment, without a network; what it needs is taken from this one."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=False)
    binary = place / ("Scripts" if sys.platform == "win32" else "bin")
    python = binary / "python"
    install = ["-m", "pip", "--python", str(python), "install", "--quiet", "--no-index"]
    subprocess.run(
        [sys.executable, *install, "--no-deps", str(built[0])], check=True, capture_output=True
    )
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout
    (Path(site.strip()) / "others.pth").write_text(sysconfig.get_path("purelib"))
    ours = f"import vdsm; print(vdsm.__file__.startswith({str(place)!r}))"
    said = subprocess.run(
        [python, "-P", "-c", ours], check=True, capture_output=True, text=True, cwd=tmp_path, env={}
    )
    assert said.stdout == "True\n"
    words = ["swap", "pendulum", "--identity", "example:0", "--action", "example:1"]
    words += ["--out", "swap.gif", "--device", "cpu"]
    done = subprocess.run(
        [binary / "vdsm", *words], capture_output=True, text=True, cwd=tmp_path, env={}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "swap.gif").stat().st_size > 1000
