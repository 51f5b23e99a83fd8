"""Settings as trees of frozen dataclasses with a comment per field: what all methods share."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from vdsm.errors import InputError
from vdsm.files import expanded

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid")
Who = Literal["auto", "labels", "found", "clip"]
WHO = "who is who: labels, found, auto or clip"
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what every generator of numbers takes


@dataclass(frozen=True, config=STRICT)
class OptimizerConfig:
    """How an optimizer goes about it."""

    optimizer: Literal["adam", "muon"] = Field(
        default="adam", description="Adam, or Muon, which needs fewer steps"
    )
    lr: float = Field(default=1e-3, gt=0, description="learning rate")
    clip: float = Field(
        default=0.0, ge=0, description="largest norm of the gradient; above, it is scaled; 0: any"
    )
    warmup: int = Field(default=0, ge=0, description="first steps, with lr rising from 0")
    decay: float = Field(
        default=0.0, ge=0, le=1, description="last share of steps with lr falling to 0"
    )


@dataclass(frozen=True, config=STRICT)
class StageConfig(OptimizerConfig):
    """What all stages of all methods have in common."""

    steps: int = Field(default=1000, ge=0, description="optimizer steps")
    batch: int = Field(default=16, ge=1, description="rows of a batch")
    patience: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the steps without a better bound on clips for validation, after "
        "which the stage anneals and ends; 0: it never does",
    )
    give_up: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the stage after which training ends where clips, for training and "
        "for validation, are drawn no better than by the average frame; 0: it never does",
    )


@dataclass(frozen=True, config=STRICT)
class ReadoutConfig:
    """How codes read once training has ended (`vdsm.methods.readout`); by default as they are."""

    min_snr: float = Field(
        default=0.0,
        ge=0,
        description="directions of a code in which clips differ by less than this many standard "
        "deviations of noise and nuisance read as constant",
    )
    shrink: bool = Field(
        default=False, description="codes read as expected without their noise and nuisance"
    )
    walkback_steps: int = Field(
        default=0, ge=0, description="times that `generate` draws a sampled s and encodes it again"
    )


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RunConfig:
    """What training of every method has in common; a method's own config adds to it.

    Its `model` are the settings of the model, `size` and `channels` of its frames among them.
    """

    model: Any = Field(default=None, description="sizes of the model")
    readout: ReadoutConfig = Field(
        kw_only=True, default_factory=ReadoutConfig, description="how codes read after training"
    )

    holdout_cells: float = Field(
        kw_only=True,
        default=0.0,
        ge=0,
        lt=1,
        description="share of cells individual x action kept out",
    )
    seed: Seed = Field(kw_only=True, default=0, description="of weights, batches and noise")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        kw_only=True,
        default="auto",
        description="of convolutions and matmuls; auto: bf16 where the machine is fast at it",
    )
    device: str = Field(kw_only=True, default="auto", description="auto, cpu, cuda, cuda:1, mps")
    capture: Literal["never", "auto", "always"] = Field(
        kw_only=True,
        default="never",
        description="replay steps as CUDA graphs; auto: where that can be, always: else stop",
    )
    minutes: float = Field(
        kw_only=True,
        default=0.0,
        ge=0,
        description="of training, all stages together: schedules run faster where they must, so "
        "that it ends annealed; 0: as long as the steps take",
    )
    log_every: int = Field(
        kw_only=True, default=10, ge=1, description="steps between lines of metrics.jsonl"
    )
    picture_every: int = Field(
        kw_only=True, default=250, ge=1, description="steps between pictures"
    )
    checkpoint_every: int = Field(
        kw_only=True,
        default=100,
        ge=1,
        description="steps between checkpoints, or more if these come too fast",
    )
    checkpoint_seconds: float = Field(
        kw_only=True, default=120.0, ge=0, description="least time between checkpoints; 0: none"
    )


def build(
    cls: type[T], values: dict[str, Any], source: str, spell: Callable[[str], str] = str
) -> T:
    """A config from plain values; InputError that names source, field, value and remedy.

    spell: how the source writes the name of a field.
    """
    leaves = describe(cls)
    values = {k: _typed(leaves[k], v) if k in leaves else v for k, v in values.items()}
    try:
        return TypeAdapter(cls).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = spell(".".join(str(part) for part in first["loc"]))
        if first["type"] == "unexpected_keyword_argument":
            raise InputError(
                f"{source}: unknown field '{name}'{suggest(name, list(leaves))}"
            ) from error
        message = first["msg"].removeprefix("Input should be ")
        raise InputError(
            f"{source}: {name} is {first['input']!r}, it should be {message}"
        ) from error


def _typed(field: FieldInfo, value: Any) -> Any:
    """A flag's '64' means the number 64, which pydantic would not take for a Literal.

    Of a path the ~ means the home folder, since no shell reads '--source=~/videos'.
    """
    if isinstance(value, list) and Path in get_args(field.annotation):
        return [expanded(one) for one in value]
    if Path in (field.annotation, *get_args(field.annotation)) and isinstance(value, str):
        return expanded(value)
    numbers = [choice for choice in get_args(field.annotation) if isinstance(choice, int)]
    return next((n for n in numbers if str(n) == value), value)


def describe(cls: type) -> dict[str, FieldInfo]:
    """Every leaf field of a tree of config classes by its dotted name, for flags and help."""
    leaves: dict[str, FieldInfo] = {}
    for name, info in cls.__pydantic_fields__.items():  # type: ignore[attr-defined]
        if hasattr(info.annotation, "__pydantic_fields__"):
            leaves |= {f"{name}.{k}": v for k, v in describe(info.annotation).items()}
        else:
            leaves[name] = info
    return leaves


def override(
    config: T, changes: Mapping[str, str], source: str, spell: Callable[[str], str] = str
) -> T:
    """The config with dotted fields replaced by typed values of the strings given.

    spell: how the source writes the name of a field.
    """
    leaves = describe(type(config))
    for dotted in changes:
        if dotted not in leaves:
            near = suggest(dotted, list(leaves), spell)
            raise InputError(f"{source}: unknown field '{spell(dotted)}'{near}")
    values = {k: _typed(leaves[k], v) for k, v in changes.items()}
    return with_values(config, values, source, spell)


def with_values(
    config: T,
    changes: Mapping[str, Any],
    source: str = "a preset",
    spell: Callable[[str], str] = str,
) -> T:
    """The config with dotted fields, which it has, replaced; InputError that names the source."""
    values: dict[str, Any] = asdict(config)  # type: ignore[call-overload]
    for dotted, value in changes.items():
        *parents, leaf = dotted.split(".")
        branch = values
        for parent in parents:
            branch = branch[parent]
        branch[leaf] = value
    return build(type(config), values, source, spell)


def suggest(name: str, known: list[str], spell: Callable[[str], str] = str) -> str:
    """'; did you mean ...?' with the nearest known names, or a list of them all when few."""
    leaf = name.split(".")[-1]
    near = [k for k in known if k.split(".")[-1] == leaf] or get_close_matches(name, known, 3, 0.5)
    if near:
        return f"; did you mean {' or '.join(map(spell, near))}?"
    return f"; known: {', '.join(map(spell, known))}" if len(known) < 12 else ""
