"""CUDA's recorder: a player's turn as one graph, which the host launches by one call.

https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable
from typing import TypeVar

import torch

from vdsm.errors import InputError, is_out_of_memory

Result = TypeVar("Result")


class Graphs:
    """Records on one GPU. All that is recorded, and what warms up for it, runs on one side stream.

    For gradients are added up on the stream on which a parameter was first used, and a graph may
    not wait for the default one.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def warm(self, work: Callable[[], Result]) -> Result:
        """The work, done once, as any other but on the side stream."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            found = work()
        current.wait_stream(self.stream)
        return found

    def record(
        self, work: Callable[[], Result], generator: torch.Generator
    ) -> tuple[Result, Callable[[], None]]:
        """The work, recorded and done once; and what does it again, into the same tensors.

        Noise is the generator's, as it stands when a graph is launched.
        """
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.device(self.device):
                if torch.__version__ < "2.14":  # later ones do so by themselves, and warn
                    graph.register_generator_state(generator)
                with torch.cuda.graph(graph, stream=self.stream):
                    found = work()  # is told to the graph, and not done
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            said = str(error).split("\n", 1)[0]
            raise InputError(
                f"a step could not be captured as a CUDA graph ({said}): go on with --capture never"
            ) from error
        graph.replay()
        return found, graph.replay
