"""Every setting of VDSM, as one tree of frozen dataclasses with a comment per field."""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdsm.config import STRICT, WHO, RunConfig, StageConfig, Who


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
    encoder: Literal["blurred", "strided"] = Field(
        default="blurred",
        description="ENC: convolved, then blurred and halved (paper), or halved as it convolves",
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
class ContrastConfig(StageConfig):
    """Before stage 1: ENC_s learns to tell individuals apart (`additions.contrastive`)."""

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
class Stage1Config(StageConfig):
    """Pre-training: frames of one individual in no order (Sec. 3.2, Eq. 7)."""

    steps: int = Field(
        default=15000, ge=0, description="optimizer steps (Table 4: epochs x batches)"
    )
    batch: int = Field(default=20, ge=1, description="groups of frames per step, Table 4")
    frames: int = Field(default=16, ge=1, description="frames of one individual in a group")
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
    inverse_temperature: float = Field(
        default=10.0, gt=0, description="1/τ_s at the end; it starts at 1"
    )
    identity_lr: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="learning rate of q(s) below its last layer, relative to lr",
    )
    opens_until: float = Field(
        default=0.0,
        ge=0,
        le=0.9,
        description="share of the stage in which the dimensions of z open one after another, so "
        "that s is learned first; 0: all at once",
    )
    start: Literal["random", "data", "looks"] = Field(
        default="random",
        description="the last layers before s and z: random, or whitened on training clips (data), "
        "that of s along what says most of how individuals look (looks)",
    )


@dataclass(frozen=True, config=STRICT)
class PosesConfig(StageConfig):
    """Before stage 2: its sequence model learns from poses alone (`additions.pose_bound`)."""

    steps: int = Field(default=0, ge=0, description="optimizer steps; 0: the paper's recipe")
    batch: int = Field(default=64, ge=1, description="segments per step")
    segments: int = Field(
        default=2000, ge=1, description="segments, as long as stage 2's, whose poses are found"
    )


@dataclass(frozen=True, config=STRICT)
class Stage2Config(StageConfig):
    """Sequence training (Eq. 4): of stage 1, only the last layers before s and z learn on."""

    steps: int = Field(
        default=10000, ge=0, description="optimizer steps (Table 4: epochs x batches)"
    )
    batch: int = Field(default=20, ge=1, description="sequences per step, Table 4")
    frames: int = Field(
        default=8, ge=2, description="frames in a random segment of a clip, Table 4"
    )


@dataclass(frozen=True, config=STRICT)
class AdditionsConfig:
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
    shift: float = Field(
        default=0.0,
        ge=0,
        lt=0.5,
        description="share of the side by which each frame that q(s) sees of another clip, or of "
        "other frames, may be shifted",
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
    swap_augment: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of what q(z) and q(d) see that the model redraws as somebody else",
    )
    consistency_s: float = Field(
        default=0.0,
        ge=0,
        description="weight of the divergence between q(s) of two clips of one individual",
    )
    consistency_d: float = Field(
        default=0.0,
        ge=0,
        description="weight of the divergence between q(d) of a clip in its own and other colours",
    )

    @property
    def views_agree(self) -> bool:
        """Whether q(d) of two views is to agree: where nothing is changed, both are the same."""
        return self.consistency_d > 0 and max(self.jitter, self.tones, self.swap_augment) > 0


@dataclass(frozen=True, config=STRICT)
class Config(RunConfig):
    """A training run."""

    model: ModelConfig = Field(default_factory=ModelConfig, description="sizes of the model")
    stage1: Stage1Config = Field(default_factory=Stage1Config, description="pre-training")
    stage2: Stage2Config = Field(default_factory=Stage2Config, description="sequence training")
    additions: AdditionsConfig = Field(
        default_factory=AdditionsConfig, description="additions to the paper's recipe"
    )
    contrast: ContrastConfig = Field(
        default_factory=ContrastConfig, description="who is who, before stage 1"
    )
    poses: PosesConfig = Field(
        default_factory=PosesConfig, description="sequences of poses, before stage 2"
    )
    who: Who = Field(default="labels", description=WHO)
