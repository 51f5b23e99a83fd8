"""A method as a record: what it is, how it is built, what it trains, where it departs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from vdsm.config import RunConfig
from vdsm.data.clips import Clips
from vdsm.train.batches import Individuals
from vdsm.train.stage import Stage

Size = Literal["compact", "paper", "paper-compact"]
Need = Literal["groups", "flow", "landmarks", "labels"]


def own_preset(method: "Method", clips: Clips, other: str = "folder") -> str:
    """The preset named after the dataset's maker; where there is none, another."""
    maker = str(clips.info.made.get("maker"))  # a folder of videos may have any name
    return maker if maker in method.presets else other


@dataclass(frozen=True)
class Method:
    """Everything that the rest of the package asks of a method."""

    name: str  # its folder, and what a model on disk says it is
    title: str  # as tables print it
    paper: str  # authors, title, venue
    config: type[RunConfig]
    build: Callable[[Any], nn.Module]  # of the configuration's `model`
    stages: Callable[[Any], tuple[Stage, ...]]  # of a configuration
    presets: tuple[str, ...]  # names, mostly those of datasets
    preset: Callable[[str, Size], RunConfig]  # InputError for a name or size that there is none of
    frames: Callable[[Any], int]  # of a clip that training sees, of a configuration
    # What is fitted after training, as tensors; and the finished model, put together with them.
    read_out: Callable[[nn.Module, Clips, Any], dict[str, Tensor]] | None = None
    finished: Callable[[nn.Module, dict[str, Tensor], Any], nn.Module] = lambda model, *_: model
    # The preset for a dataset where none is asked for.
    usual: Callable[["Method", Clips], str] = lambda method, clips: own_preset(method, clips)
    # A preset as the data want it, given it with the user's changes, and the clips.
    adapt: Callable[[Any, Any, Clips], Any] = lambda preset, asked, clips: preset
    # A sentence on data that it is to be trained on, where there is something to say.
    remark: Callable[[Any, Clips], str | None] = lambda config, clips: None
    # Which training clips show whom, of a method that asks for it: a configuration, the clips.
    who: Callable[[Any, Clips], Individuals] | None = None
    needs: frozenset[Need] = field(default_factory=frozenset)  # beside clips
    changes: Sequence[str] = ()  # what departs from the paper, a sentence each
    published: Sequence[tuple[str, str, float, str]] = ()  # dataset, figure, value, protocol
