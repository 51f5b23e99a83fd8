"""Every setting, as one tree of frozen dataclasses with a comment per field. No work here."""

from collections.abc import Callable
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from vdsm.errors import InputError

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid")
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what every generator of numbers takes


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of the model (App. D; `encoder_width` and `decoder_width` of 1.0 are the paper's)."""

    size: Literal[32, 64, 128] = Field(default=64, description="side of a square frame, pixels")
    channels: Literal[1, 3] = Field(default=3, description="colour channels")
    pose_dim: int = Field(
        default=30, ge=1, description="dimensions of the pose z_t, κ_z of Table 5"
    )
    identity_dim: int = Field(
        default=40, ge=2, description="dimensions of the identity s, κ_s of Table 5"
    )
    dynamics_dim: int = Field(
        default=50, ge=1, description="dimensions of the dynamics d, κ_d of Table 5"
    )
    experts: int = Field(
        default=0,
        ge=0,
        description="decoders in the bank, N_s; 0: as many as identity_dim; 1: App. G",
    )
    encoder_width: float = Field(
        default=1.0, gt=0, description="1: channels 32-32-64-64-256 at 64 pixels"
    )
    decoder_width: float = Field(
        default=1.0, gt=0, description="1: channels 512-256-128-64 at 64 pixels"
    )
    identity_hidden: int = Field(
        default=128, ge=1, description="width of ENC_s, averaged over frames"
    )
    lstm_layers: int = Field(default=3, ge=1, description="layers of both LSTMs, Table 5")
    lstm_width: int = Field(default=512, ge=1, description="width of both LSTMs, Table 5")
    combiner_hidden: int = Field(
        default=512, ge=1, description="hidden width of the combiner, App. D"
    )
    transition_hidden: int = Field(
        default=64, ge=1, description="hidden width of the transition, App. D"
    )
    decoder_input: Literal["s", "s_hat"] = Field(
        default="s",
        description="what joins z_t at the decoder's input: s (paper) or ŝ (authors' code)",
    )
    decoder_skips: bool = Field(
        default=False,
        description="s and z_t scale the channels of the decoder's layers above the first",
    )
    likelihood: Literal["bernoulli", "gaussian"] = Field(
        default="bernoulli", description="p(x_t | s, z_t) of Eq. 1"
    )
    gaussian_scale: float = Field(
        default=0.1, gt=0, description="standard deviation of that Gaussian"
    )
    flow_steps: int = Field(
        default=0, ge=0, description="inverse autoregressive flow on q(z_t | ...)"
    )
    identity_encoder: Literal["shared", "own", "pooled"] = Field(
        default="shared",
        description="ENC below ENC_s: the one that q(z) and q(d) see through, one of its own, or "
        "one that sees looks alike at every place",
    )
    identity_walks: int = Field(
        default=0,
        ge=0,
        description="times that `generate` draws a sampled s and encodes it again",
    )
    encoder_slope: float = Field(
        default=0.01,
        description="LeakyReLU slope of the encoder; 1 matches the authors' linear trunk",
    )

    @property
    def num_experts(self) -> int:
        """N_s, the size of the decoder bank."""
        return self.experts or self.identity_dim

    @property
    def _halvings(self) -> int:
        return {32: 3, 64: 4, 128: 5}[self.size]

    @property
    def encoder_widths(self) -> tuple[int, ...]:
        """Channels after each convolution; the last is the length of a frame's features."""
        base = max(1, round(32 * self.encoder_width))
        return (*(base,) * (self._halvings - 2), 2 * base, 2 * base, 8 * base)

    @property
    def features(self) -> int:
        """F, the length of a frame's features."""
        return self.encoder_widths[-1]

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Channels after each transposed convolution but the last."""
        return tuple(max(1, round(512 * self.decoder_width / 2**i)) for i in range(self._halvings))


@dataclass(frozen=True, config=STRICT)
class OptimizerConfig:
    """What all stages have in common."""

    optimizer: Literal["adam", "muon"] = Field(
        default="adam", description="Adam (Sec. 3.2), or Muon, which needs fewer steps"
    )
    lr: float = Field(default=1e-3, gt=0, description="learning rate, Table 4")
    clip: float = Field(
        default=0.0, ge=0, description="largest norm of the gradient; above, it is scaled; 0: any"
    )
    warmup: int = Field(default=0, ge=0, description="first steps, with lr rising from 0")
    decay: float = Field(
        default=0.0, ge=0, le=1, description="last share of steps with lr falling to 0"
    )


@dataclass(frozen=True, config=STRICT)
class ContrastConfig(OptimizerConfig):
    """Before stage 1: ENC_s learns to tell individuals apart (`vdsm.train.contrast`)."""

    steps: int = Field(default=0, ge=0, description="optimizer steps; 0: the paper's recipe")
    batch: int = Field(default=256, ge=2, description="individuals per step, two clips of each")
    frames: int = Field(default=1, ge=1, description="frames of each of these clips")
    temperature: float = Field(
        default=0.07, gt=0, description="of the similarities; low: near misses count most"
    )
    augment: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="clips shifted, brightened and mirrored at random, 0 none to 1 strong",
    )


@dataclass(frozen=True, config=STRICT)
class Stage1Config(OptimizerConfig):
    """Pre-training: frames of one individual in no order (Sec. 3.2, Eq. 7)."""

    steps: int = Field(
        default=15000, ge=0, description="optimizer steps (Table 4: epochs x batches)"
    )
    batch: int = Field(default=20, ge=1, description="groups of frames per step, Table 4")
    frames: int = Field(default=16, ge=1, description="frames of one individual in a group")
    group_by: Literal["group", "found", "clip"] = Field(
        default="group",
        description="frames of one individual's clips, as the data say or as looks tell, or of one "
        "clip (no grouping)",
    )
    lambda_z: Literal["monotone", "authors"] = Field(
        default="monotone",
        description="λ_z 30 to 1: monotone, or with the authors' code's undershoot",
    )
    lambda_z_from: float = Field(
        default=30.0,
        gt=0,
        description="the monotone λ_z at the start; below 1 it rises, and z is learned first",
    )
    lambda_z_to: float = Field(default=1.0, gt=0, description="the monotone λ_z at the end")
    lambda_z_until: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="share of the stage at which the monotone λ_z reaches its end",
    )
    lambda_s: float = Field(default=1.0, gt=0, description="λ_s at the end; it starts at .1")
    sharpness: float = Field(default=10.0, gt=0, description="1/τ_s at the end; it starts at 1")
    identity_lr: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="learning rate of q(s) below its last layer, relative to lr",
    )
    start: Literal["random", "data", "looks"] = Field(
        default="random",
        description="the last layers before s and z: random, or whitened on training clips (data), "
        "that of s along what says most of how individuals look (looks)",
    )


@dataclass(frozen=True, config=STRICT)
class PosesConfig(OptimizerConfig):
    """Before stage 2: its sequence model learns from poses alone (`vdsm.train.poses`)."""

    steps: int = Field(default=0, ge=0, description="optimizer steps; 0: the paper's recipe")
    batch: int = Field(default=64, ge=1, description="segments per step")
    segments: int = Field(
        default=2000, ge=1, description="segments, as long as stage 2's, whose poses are found"
    )


@dataclass(frozen=True, config=STRICT)
class Stage2Config(OptimizerConfig):
    """Sequence training (Eq. 4): of stage 1, only the last layers before s and z learn on."""

    steps: int = Field(
        default=10000, ge=0, description="optimizer steps (Table 4: epochs x batches)"
    )
    batch: int = Field(default=20, ge=1, description="sequences per step, Table 4")
    frames: int = Field(
        default=8, ge=2, description="frames in a random segment of a clip, Table 4"
    )


@dataclass(frozen=True, config=STRICT)
class SeparationConfig:
    """What we add to the paper's recipe so that each code holds only its own; all off is the paper.

    No labels are used: only which clips show the same individual, where the data says so.
    """

    identity_from: Literal["same", "other"] = Field(
        default="same",
        description="q(s) sees the frames that are drawn, or another clip of the individual",
    )
    reference_frames: int = Field(
        default=8, ge=1, description="frames of such another clip that q(s) sees"
    )
    jitter: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="colour mixing of the frames that q(z) and q(d) see, 0 none to 1 strong",
    )
    tones: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="random tone curves of the frames that q(z) and q(d) see, 0 none to 1 strong",
    )
    redraw: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of what q(z) and q(d) see that the model redraws as somebody else",
    )
    agreement: float = Field(
        default=0.0,
        ge=0,
        description="weight of the divergence between q(s) of two clips of one individual",
    )
    agreement_d: float = Field(
        default=0.0,
        ge=0,
        description="weight of the divergence between q(d) of a clip in its own and other colours",
    )
    resolution: float = Field(
        default=0.0,
        ge=0,
        description="directions of s and d in which clips differ by less than this many standard "
        "deviations of noise and nuisance read as constant",
    )
    denoise: bool = Field(
        default=False,
        description="s and d read as expected without their noise and nuisance, after training",
    )

    @property
    def views_agree(self) -> bool:
        """Whether q(d) of two views is to agree: where nothing is changed, both are the same."""
        return self.agreement_d > 0 and max(self.jitter, self.tones, self.redraw) > 0


@dataclass(frozen=True, config=STRICT)
class Config:
    """A training run."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    stage1: Stage1Config = Field(default_factory=Stage1Config, description="pre-training")
    stage2: Stage2Config = Field(default_factory=Stage2Config, description="sequence training")
    separation: SeparationConfig = Field(
        default_factory=SeparationConfig, description="additions to the paper's recipe"
    )
    contrast: ContrastConfig = Field(
        default_factory=ContrastConfig, description="who is who, before stage 1"
    )
    poses: PosesConfig = Field(
        default_factory=PosesConfig, description="sequences of poses, before stage 2"
    )
    leave_out: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of the cells individual x action kept out of training",
    )
    seed: Seed = Field(default=0, description="of weights, batches and noise")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto",
        description="of convolutions and matmuls; auto: bf16 where the machine is fast at it",
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    log_every: int = Field(default=10, ge=1, description="steps between lines of metrics.jsonl")
    picture_every: int = Field(default=250, ge=1, description="steps between pictures")
    checkpoint_every: int = Field(
        default=100, ge=1, description="steps between checkpoints, or more if these come too fast"
    )
    checkpoint_seconds: float = Field(
        default=120.0, ge=0, description="least time between checkpoints; 0: none"
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
    """A flag's '64' means the number 64, which pydantic would not take for a Literal."""
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


def override(config: T, changes: dict[str, str], source: str) -> T:
    """The config with dotted fields replaced by typed values of the strings given."""
    leaves = describe(type(config))
    values: dict[str, Any] = asdict(config)  # type: ignore[call-overload]
    for dotted, value in changes.items():
        if dotted not in leaves:
            raise InputError(f"{source}: unknown field '{dotted}'{suggest(dotted, list(leaves))}")
        *parents, leaf = dotted.split(".")
        branch = values
        for parent in parents:
            branch = branch[parent]
        branch[leaf] = _typed(leaves[dotted], value)
    return build(type(config), values, source)


def suggest(name: str, known: list[str], spell: Callable[[str], str] = str) -> str:
    """'; did you mean ...?' with the nearest known names, or a list of them all when few."""
    near = [k for k in known if k.split(".")[-1] == name] or get_close_matches(name, known, 3, 0.5)
    if near:
        return f"; did you mean {' or '.join(map(spell, near))}?"
    return f"; known: {', '.join(map(spell, known))}" if len(known) < 12 else ""
