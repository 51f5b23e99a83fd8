"""Tasks that tests give to processes and hosts, found there by name; they import little."""

import os
import signal
from pathlib import Path
from typing import Any


def square(number: int) -> int:
    """Its square; 3 ends the process, and 999 is the user's mistake."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 999:
        from vdsm.errors import InputError

        raise InputError("999 is too many")
    return number * number


def kill_once(job: Any) -> Any:
    """As `send`, but the first process that is asked for the second clip dies."""
    from vdsm.data.folder.send import send

    flag: Path = job.part.parents[2] / "killed"  # beside the dataset
    if job.part.stem == "1" and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return send(job)
