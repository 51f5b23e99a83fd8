"""What commands import: the heavy libraries only where they are used."""

import subprocess
import sys
from pathlib import Path

import pytest

import benchmark

HEAVY = ("sklearn", "scipy", "matplotlib", "sympy", "pandas", "h5py", "ray", "onnxruntime")
HEAVY += ("huggingface_hub", "tensorboard", "wandb", "onnxscript")  # of extras
PROGRAM = """
import sys
sys.argv = ["vdsm", *sys.argv[1:]]
from vdsm.cli import run
code = run(sys.argv[1:])
print("imported", *(name for name in {heavy} if name in sys.modules))
raise SystemExit(code)
"""
COMMANDS = {name: words for name, words in benchmark.load("startup").RUNS.items() if "-m" in words}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_does_not_import_what_it_does_not_use(name: str, tmp_path: Path) -> None:
    """After it has run to its end, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *COMMANDS[name][2:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["imported"]


def test_the_list_of_heavy_libraries_has_what_training_and_pictures_import() -> None:
    """Else the test above could not fail: a label and an end of training do import them."""
    program = (
        "import sys; from vdsm.letters import font; font(12); "
        "from vdsm.schedules import lambda_z_stage2; lambda_z_stage2(0.5); "
        "from sklearn.mixture import GaussianMixture; "
        "print(*sorted({'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["matplotlib", "scipy", "sklearn"], done.stderr
