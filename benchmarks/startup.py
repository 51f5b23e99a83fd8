"""How long commands take to start, as multiples of `import torch`, in CPU seconds.

python benchmarks/startup.py [--repeats 5]

Each is a process of its own on one thread; rounds take turns, so that other work on the machine
falls on all of them, and the least of the rounds counts. `import vdsm` comes with the whole model.
The commands use the shipped model 'pendulum' and its example clips, to the end: `swap` and
`generate` draw and write 16 frames. Prints JSON: seconds of `import torch`, then multiples of it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

CLIP = "example:0"
RUNS = {
    "import torch": ["-c", "import torch"],
    "import vdsm": ["-c", "from vdsm import VDSM"],
    "vdsm --help": ["-m", "vdsm", "--help"],
    "vdsm info": ["-m", "vdsm", "info", "pendulum"],
    "vdsm embed": ["-m", "vdsm", "embed", "pendulum", CLIP, "--out", "codes.npz"],
    "vdsm swap": [
        *("-m", "vdsm", "swap", "pendulum", "--identity", CLIP, "--action", "example:1"),
        *("--out", "swap.gif"),
    ],
    "vdsm generate": [
        *("-m", "vdsm", "generate", "pendulum", "--num", "1", "--frames", "16"),
        *("--out", "new"),
    ],
}


def seconds(words: list[str]) -> float:
    """CPU seconds of a process of Python, in a folder of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
        )
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(repeats: int) -> dict[str, float]:
    """Seconds of `import torch`; of the rest, how many times as long."""
    rounds = [{name: seconds(words) for name, words in RUNS.items()} for _ in range(repeats)]
    least = {name: min(one[name] for one in rounds) for name in RUNS}
    base = least.pop("import torch")
    return {"import torch, seconds": round(base, 3)} | {
        name: round(time / base, 2) for name, time in least.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().repeats), indent=2))
