"""Seconds of a function, as the best of several calls."""

import time
from collections.abc import Callable

import torch


def best(function: Callable[[], object], device: torch.device, repeats: int) -> float:
    """The least seconds of `repeats` calls after one to warm up: others' work only adds to it."""
    seconds = []
    for _ in range(repeats + 1):
        wait(device)
        start = time.perf_counter()
        function()
        wait(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
