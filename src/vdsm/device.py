"""Where and how numbers are computed: device, precision, frames on it, the CPU's memory."""

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vdsm.errors import InputError

KINDS = ("cpu", "cuda", "mps")  # of devices
MALLOC_SETTINGS = ((-3, 1 << 30), (-1, (1 << 31) - 1), (-2, 1 << 28))  # mmap, trim, top pad


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pick_device(name: str) -> torch.device:
    """The device of that name; "auto" takes CUDA, then MPS, then the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    advice = f"device '{name}' is not to be had on this machine: choose cpu or auto"
    if name.partition(":")[0] not in KINDS:
        raise InputError(advice)
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(advice) from error
    return device


def use_bf16(
    precision: str,
    device: torch.device,
    small: bool = False,
    dtype: torch.dtype = torch.float32,
) -> bool:
    """Whether to compute in bfloat16; "auto" does where the hardware is faster at it.

    small: layers so small that a CPU is not (docs/log). dtype: of the weights; float64 is
    computed in float64, and InputError where bfloat16 is asked for by name.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise InputError(f"precision is '{precision}': it is auto, fp32 or bf16")
    if dtype == torch.float64 and precision == "bf16":
        raise InputError(
            "precision is 'bf16', but the model's weights are float64: set it to 'auto', or make "
            "them float32 (model.float())"
        )
    if precision != "auto" or dtype == torch.float64:
        return precision == "bf16"
    if small and device.type == "cpu":
        return False
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def autocast(device: torch.device, bf16: bool) -> AbstractContextManager[None]:
    """Matmuls and convolutions in bfloat16 inside, where asked for."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


class Shared:
    """A setting of the whole process, as some thread needs it for as long as any is inside.

    The first to come in makes it, the last to go out takes it back: were each to restore what it
    found, a thread that came second and went last would leave the first one's setting for good.
    """

    def __init__(self, setting: Callable[[], AbstractContextManager[None]]) -> None:
        self.setting, self.made = setting, ExitStack()
        self.lock, self.inside = threading.Lock(), 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, the setting is made."""
        with self.lock:
            if not self.inside:
                self.made.enter_context(self.setting())
            self.inside += 1
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1
                if not self.inside:
                    self.made.close()


@contextmanager
def full_float32() -> Iterator[None]:
    """Convolutions, LSTMs and matmuls in float32 inside, whatever torch was told before.

    By default cuDNN uses TF32, which leaves ten bits of the mantissa. Torch's settings are of the
    whole process: they are as they were once no thread is inside any more.
    """
    with IEEE.held():
        yield


@contextmanager
def _ieee() -> Iterator[None]:
    with ExitStack() as after:
        for setting, precision in reversed(_tell_roots()):
            after.callback(setattr, setting, "fp32_precision", precision)
        for operation in _operations():
            if operation.fp32_precision != "ieee":
                operation.fp32_precision = "ieee"
        # The older setting: raises where both disagree.
        after.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        torch.set_float32_matmul_precision("highest")
        yield


IEEE = Shared(_ieee)


def _operations() -> tuple[Any, ...]:
    """Torch's settings of how float32 is multiplied, on CUDA and on the CPU."""
    backends: Any = torch.backends
    on_cuda = (backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul)
    return (*on_cuda, backends.mkldnn.conv, backends.mkldnn.rnn, backends.mkldnn.matmul)


def _tell_roots() -> list[tuple[Any, str]]:
    """Set "ieee" for what operations follow that say "none"; what every setting itself said.

    By default an operation of cuDNN says "tf32" and follows all the same. It is left out, since
    that state can be kept, but not set.
    """
    backends: Any = torch.backends
    roots, told = (backends, backends.cudnn), []
    for root in roots:
        told.append((root, root.fp32_precision))
        root.fp32_precision = "none"
    own = [(operation, operation.fp32_precision) for operation in _operations()]
    for root in roots:
        root.fp32_precision = "ieee"
    return told + [(o, said) for o, said in own if said == "none" or o.fp32_precision == said]


def frames_at_once(size: int, device: torch.device) -> int:
    """How many frames of size x size pixels to compute at once where no gradient is wanted.

    On a CPU as many as its caches hold: 32 of 64 pixels are up to twice as fast as 512, and long
    clips need no more memory than short ones.
    """
    pixels = 1 << 17 if device.type == "cpu" else 1 << 22
    return max(1, pixels // size**2)


def pieces(x: Tensor, some: int, dim: int = 0) -> Sequence[Tensor]:
    """x in pieces of so many; whole while it is exported, since programs take any number."""
    return [x] if torch.compiler.is_exporting() else torch.split(x, some, dim)


def as_video(frames: npt.NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """uint8 [B, T, H, W, C] to float [B, T, C, H, W] in [0, 1], keeping channels last in memory."""
    return send(torch.from_numpy(frames), device).permute(0, 1, 4, 2, 3).float() / 255


def send(x: Tensor, device: torch.device | str) -> Tensor:
    """From the host to a device; to CUDA without waiting for what the device is doing."""
    if torch.device(device).type != "cuda":
        return x.to(device)  # MPS may read memory that is let go before the copy is done
    return x.pin_memory().to(device, non_blocking=True)  # from pageable memory it would wait


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next step instead of returning it to the kernel.

    A step allocates and frees hundreds of large tensors; faulting their pages in anew each time
    cost a third of a step on a virtual machine (docs/log).
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            for parameter, value in MALLOC_SETTINGS:
                libc.mallopt(parameter, value)
