"""Options of the evaluation panel."""

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from vdsm.config import Seed


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Settings:
    """How the panel measures. The defaults suit two CPU cores and 1,000 test clips."""

    seed: Seed = Field(default=0, description="seed of every random choice of the evaluation")
    split: Literal["test", "validation"] = Field(
        default="test",
        description="clips of the dataset to measure: validation for choices, test once",
    )
    nulls: bool = Field(
        default=True,
        description="also measure systems that learned nothing, as the ends of every scale",
    )
    batch: int = Field(default=64, ge=1, description="clips decoded and judged at once")
    floor: float = Field(
        default=0.98, ge=0, le=1, description="least accuracy of each judge on real test clips"
    )
    judge_early: bool = Field(
        default=False,
        description="judges see the first part of test clips too, and the rest is measured: for "
        "few recordings, where nobody could name a pair of person and action never seen",
    )
    other_data: bool = Field(
        default=False,
        description="DATA is not what training saw but further clips of the kind, so that more can "
        "be measured",
    )
    judge_clips: int = Field(default=5000, ge=2, description="most clips that judges learn from")
    judges: int = Field(default=3, ge=1, description="judges whose verdicts are averaged")
    judge_steps: int = Field(default=400, ge=1, description="training steps of each judge")
    judge_batch: int = Field(default=32, ge=2, description="clips in a training step of the judges")
    judge_width: int = Field(
        default=16, ge=1, description="channels of the judges' first convolution"
    )
    judge_hidden: int = Field(
        default=256, ge=1, description="width of the judges' bi-LSTM, each direction"
    )
    probe_clips: int = Field(
        default=10_000, ge=2, description="most training codes that a probe learns from"
    )
    shuffles: int = Field(default=10, ge=2, description="shuffled-label controls of each probe")
    resamples: int = Field(
        default=1000, ge=20, description="bootstrap resamples behind an interval"
    )
    device: str = Field(
        default="cpu", description="where the model, judges and features run: cpu, cuda, mps, auto"
    )
    features: Literal["none", "i3d"] = Field(
        default="none",
        description="i3d: the Fréchet video distance (16 frames up), by what 'vdsm fetch i3d' got",
    )
    resnext: str = Field(
        default="",
        description="the public resnext-101-kinetics.pth, for the paper's Table 3 (16 frames up)",
    )
