"""A model of this package as the panel asks it: codes of clips, and functions, by its protocols.

Whatever a model lacks is named in one sentence (`vdsm.protocol.missing`), and the panel measures
the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from vdsm.data.clips import Ints
from vdsm.device import as_video, full_float32
from vdsm.errors import InputError
from vdsm.evaluate.inputs import (
    JUDGES_ONLY,
    MOTION,
    Array,
    ClipArray,
    CodeArrays,
    prepare,
    to_numpy,
)
from vdsm.evaluate.stream import Progress
from vdsm.evaluate.system import System
from vdsm.methods.readout import Density, Readout
from vdsm.notation import Codes, Video
from vdsm.protocol import (
    Decodes,
    Encodes,
    Generates,
    Recombines,
    SamplesIdentity,
    SamplesMotion,
    Swaps,
    device_of,
    missing,
)

ENCODED = 64  # clips encoded at once
NAMES = ("s", *MOTION)
NO_MOTION = "{} has no code of the motion: it encodes individuals alone"
NO_IDENTITY = "{} has no code of the individual: it encodes motion alone"
NO_READOUT = "no density was fitted to training codes: the model stands without a readout"


@dataclass(frozen=True)
class Asked:
    """What a model says of N clips, and what else it can do."""

    system: System
    codes: CodeArrays = field(default_factory=dict)  # name -> [N, k] or [N, T, k], as they read
    raw: CodeArrays = field(default_factory=dict)  # posterior means; empty without a readout
    probed: CodeArrays = field(default_factory=dict)  # samples of the posterior


def given_or_asked(
    model: Any, given: Asked, clips: Mapping[str, Any], seed: int, progress: Progress
) -> Asked:
    """What was given as arrays and functions, or what the model says where there is one.

    clips: keyword arguments of `prepare`. InputError where both or neither are given.
    """
    arrays = {"codes": given.codes, "raw": given.raw, "probed": given.probed}
    functions = {k: function for k, function in vars(given.system).items() if k != "lacking"}
    named = [name for name, code in arrays.items() if len(code)]
    named += [name for name, function in functions.items() if function is not None]
    if model is None:
        draws = "draw" in named and "render" in named
        if not (draws or {"codes", "generate", "swap"} & set(named)):
            raise InputError(
                "nothing to measure: give codes and decode, generate, draw and render, or a model"
            )
        return given
    if named:
        raise InputError(f"model and {named[0]} are given: a model is asked for {named[0]} itself")
    prepare(**clips)  # before an hour of encoding
    return ask(model, clips["real"], to_numpy(clips["split"]), seed, progress)


def ask(model: Any, real: ClipArray, split: Ints, seed: int, progress: Progress) -> Asked:
    """Encode the clips, of whatever split but those for judges alone, whose codes stay 0.

    InputError where the model can neither encode nor generate nor swap.
    """
    inner = model.model if isinstance(model, Readout) else model
    if not isinstance(inner, Encodes | Generates | Recombines | Swaps):
        raise InputError(
            f"{type(inner).__name__} can neither encode nor generate nor recombine nor swap "
            "(vdsm.protocol): there is nothing to measure"
        )
    frames = real.shape[1]
    if not isinstance(inner, Encodes):
        return Asked(system_of(model, frames, {}))
    codes, raw, probed = encode(model, real, split, seed, progress)
    return Asked(system_of(model, frames, codes), codes, raw, probed)


@torch.no_grad()
@full_float32()
def encode(
    model: Any, real: ClipArray, split: Ints, seed: int, progress: Progress
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """Means of every code as they read, means as the model has them, and samples as they read.

    Codes of no dimensions are left out. The second is empty where nothing reads the codes out. Of
    z no sample is given where there is a d.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = np.flatnonzero(split != JUDGES_ONLY)
    found: list[list[Codes]] = [[], [], []]
    progress("encoding", 0, len(rows))
    for start in range(0, len(rows), ENCODED):
        some = rows[start : start + ENCODED]
        clips = as_video(np.ascontiguousarray(real[some]), device_of(model))
        for parts, codes in zip(found, _encoded(model, clips, generator), strict=True):
            parts.append(codes)
        progress("encoding", start + len(some), len(rows))
    means, raw, samples = (_arrays(parts, rows, len(split)) for parts in found)
    probed = {f"{name}_sample": code for name, code in samples.items()}
    if "d" in means:
        probed.pop("z_sample", None)
    return means, raw if isinstance(model, Readout) else {}, probed


def _encoded(model: Any, clips: Video, generator: torch.Generator) -> tuple[Codes, Codes, Codes]:
    """Means as they read, raw means, samples as they read."""
    if not isinstance(model, Readout):
        means, samples = model.encode_and_sample(clips, generator)
        return means, means, samples
    raw, samples = model.model.encode_and_sample(clips, generator)
    return model.project(raw), raw, model.project(samples, generator)


def _arrays(parts: list[Codes], rows: Ints, n: int) -> dict[str, Array]:
    """[N, ...] codes of all clips, 0 in those that were not encoded."""
    joined = Codes.cat([part.to("cpu") for part in parts])
    found = {}
    for name in NAMES:
        code = getattr(joined, name).numpy()
        if code.shape[-1]:
            found[name] = np.zeros((n, *code.shape[1:]), code.dtype)
            found[name][rows] = code
    return found


def system_of(model: Any, frames: int, codes: CodeArrays) -> System:
    """What the model can do, as functions of arrays; and why it cannot do the rest."""
    inner = model.model if isinstance(model, Readout) else model
    functions = _of_codes(model, inner, frames) | _of_samples(model, inner, frames)
    title = getattr(inner, "title", type(inner).__name__)
    return System(**functions, lacking=_lacking(inner, title, codes))


def _of_codes(model: Any, inner: Any, frames: int) -> dict[str, Any]:
    device = device_of(model)

    def decode(codes: CodeArrays) -> Array:
        return _array(model.decode(_tensors(codes, frames, device)))

    def encode(clips: Video) -> dict[str, Array]:
        codes = model.encode(clips.to(device))
        found = {name: _array(getattr(codes, name)) for name in NAMES}
        return {name: code for name, code in found.items() if code.shape[-1]}

    def swap(identity: Video, action: Video) -> Array:
        return _array(model.swap(identity.to(device), action.to(device), frames))

    found: dict[str, Any] = {}
    if isinstance(inner, Encodes):
        found["encode"] = encode
    if isinstance(inner, Decodes):
        found["decode"] = decode
    if isinstance(inner, Swaps):
        found["swap"] = swap
    return found


def _of_samples(model: Any, inner: Any, frames: int) -> dict[str, Any]:
    """Samples from the model's priors; from fitted densities where it has a readout."""

    def generate(num: int, rng: np.random.Generator, **how: Any) -> Array:
        return _array(model.generate(num, frames, _seeded(rng), **how))

    def identity(num: int, rng: np.random.Generator, **how: Any) -> Array:
        return _array(model.sample_identity(num, _seeded(rng), **how))

    read_out = isinstance(model, Readout)
    standard: Density = "standard"
    how: dict[str, Any] = {"density": standard} if read_out else {}
    found: dict[str, Any] = {}
    if isinstance(inner, Generates):
        found["generate"] = partial(generate, **how)
    if isinstance(inner, SamplesIdentity):
        found["sample_identity"] = partial(identity, **how)
    if read_out and "s" in model.codes:
        found["fitted_identity"] = identity
        if isinstance(inner, SamplesMotion):
            found["fitted"] = generate
    return found | _draws(model, inner, frames)


def _draws(model: Any, inner: Any, frames: int) -> dict[str, Any]:
    """`draw` and `render`: the model's own, or s on one side and d and z on the other."""
    device = device_of(model)

    def draw(num: int, rng: np.random.Generator) -> tuple[Array, Array]:
        content, motion = inner.draw(num, frames, _seeded(rng))
        return _array(content), _array(motion)

    def render(content: Array, motion: Array) -> Array:
        both = (torch.as_tensor(part, device=device) for part in (content, motion))
        return _array(inner.render(*both, frames))

    def draw_codes(num: int, rng: np.random.Generator) -> tuple[Array, Array]:
        generator = _seeded(rng)
        s = model.sample_identity(num, generator)
        d, z = model.sample_motion(num, generator)
        z = inner.continue_motion(d, z[:, None], frames, generator)
        return _array(s), _array(torch.cat([d[:, None].expand(-1, frames, -1), z], dim=-1))

    def render_codes(content: Array, motion: Array) -> Array:
        moving = torch.as_tensor(motion, device=device)
        width = moving.shape[-1] - sizes["z"]
        codes = Codes(
            torch.as_tensor(content, device=device), moving[:, 0, :width], moving[..., width:]
        )
        return _array(model.decode(codes))

    if isinstance(inner, Recombines):
        return {"draw": draw, "render": render}
    by_codes = isinstance(inner, SamplesIdentity) and isinstance(inner, SamplesMotion)
    if not (by_codes and isinstance(inner, Decodes)):
        return {}
    sizes = {"z": model.sample_motion(1, torch.Generator().manual_seed(0))[1].shape[-1]}
    return {"draw": draw_codes, "render": render_codes}


def _lacking(inner: Any, title: str, codes: CodeArrays) -> Mapping[str, str]:
    """Name, as `System.lacks` knows it -> one sentence."""
    abilities: dict[str, type[Any]] = {
        "codes": Encodes,
        "s": Encodes,
        "motion": Encodes,
        "encode": Encodes,
        "decode": Decodes,
        "generate": Generates,
        "sample_identity": SamplesIdentity,
        "draw": Recombines,
        "render": Recombines,
    }
    found = {name: missing(inner, ability) for name, ability in abilities.items()}
    found["swap"] = found["codes"] or missing(inner, Swaps)
    if codes and "s" not in codes:
        found["s"] = NO_IDENTITY.format(title)
    if codes and not any(name in codes for name in MOTION):
        found["motion"] = NO_MOTION.format(title)
    fitted = found["codes"] or NO_READOUT
    found |= {"fitted": fitted, "fitted_identity": fitted}
    return {name: said for name, said in found.items() if said is not None}


def _tensors(codes: CodeArrays, frames: int, device: torch.device) -> Codes:
    """Codes of B clips; those that the method lacks have no dimensions."""
    n = len(next(iter(codes.values())))
    empty = {"s": (n, 0), "d": (n, 0), "z": (n, frames, 0)}
    return Codes(
        *(
            torch.as_tensor(codes[name], device=device)
            if name in codes
            else torch.zeros(empty[name], device=device)
            for name in NAMES
        )
    )


def _array(x: torch.Tensor) -> Array:
    """On the host; numpy knows no bfloat16."""
    host = x.detach().cpu()
    found: Array = (host.float() if host.dtype == torch.bfloat16 else host).numpy()
    return found


def _seeded(rng: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(rng.integers(2**62)))
