"""VDSM as a method among others: its record."""

from typing import Any

from torch import Tensor, nn

from vdsm.data.clips import Clips
from vdsm.methods.fit_readout import fit_readout
from vdsm.methods.readout import Readout
from vdsm.methods.vdsm.additions import rules
from vdsm.methods.vdsm.config import Config
from vdsm.methods.vdsm.model import VDSM
from vdsm.methods.vdsm.presets import NAMES, preset, ungrouped
from vdsm.methods.vdsm.stages import stages, who
from vdsm.train.method import Method, own_preset


def usual(method: Method, clips: Clips) -> str:
    """The dataset's own preset; `auto` without one, and for most folders.

    `folder` is for real footage of known people: frames that are neither black nor bright.
    """
    name = own_preset(method, clips, "auto")
    if name != "folder" or (who(clips, Config()).grouped and rules.grey(clips)):
        return name
    return "auto"


def adapt(preset: Config, asked: Config, clips: Clips) -> Config:
    """With what follows from the clips; without contrast that has nobody to tell apart."""
    if preset.who == "auto":
        preset = rules.fit(preset, clips)
    people = who(clips, asked)
    if preset.contrast.steps and not (people.grouped and len(people.members) > 1):
        return ungrouped(preset)
    return preset


def remark(config: Config, clips: Clips) -> str | None:
    """Who was found, or that nobody is known to be in two clips."""
    people = who(clips, config)
    if people.found is not None:
        return str(people.found)
    if people.grouped:
        return None
    return (
        "every clip counts as an individual of its own; identity is learned better where the data "
        "say which clips show the same one (docs/data-folder.md)"
    )


def read_out(model: nn.Module, clips: Clips, config: Config) -> dict[str, Tensor]:
    """What is fitted last."""
    people = who(clips, config)
    return fit_readout(model, clips, config, people, config.stage2.frames).fitted()


def finished(model: nn.Module, tensors: dict[str, Tensor], config: Config) -> nn.Module:
    """The model read out."""
    return Readout.of(model, tensors, config.readout)


def frames(config: Any) -> int:
    """Those of a segment of stage 2."""
    return int(config.stage2.frames)


METHOD = Method(
    name="vdsm",
    title="VDSM",
    paper="Vowels, Camgoz, Bowden: VDSM, CVPR 2021",
    config=Config,
    build=VDSM,
    stages=stages,
    presets=NAMES,
    preset=preset,
    frames=frames,
    read_out=read_out,
    usual=usual,
    adapt=adapt,
    remark=remark,
    who=lambda config, clips: who(clips, config),
    needs=frozenset({"groups"}),
    finished=finished,
    changes=("what departs from the paper, and what was added to it, is in docs/model.md",),
)
