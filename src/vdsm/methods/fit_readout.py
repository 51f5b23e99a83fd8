"""What became of a model's codes over the training set, found after training (`methods.readout`).

What s is not to hold is what differs between two clips of one individual (two segments of a clip
where there is no other). What d, or z where there is no d, is not to hold is what differs between
two swaps: the same motion drawn as two random individuals.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vdsm.config import RunConfig
from vdsm.data.clips import Clips, Ints
from vdsm.device import as_video, full_float32
from vdsm.methods.code_readout import COMPONENTS, CodeReadout
from vdsm.methods.readout import Readout
from vdsm.notation import Codes, Gaussian, Video
from vdsm.protocol import device_of
from vdsm.train.batches import Individuals, SegmentSampler

MOST_CLIPS = 2000
CHUNK = 32  # clips at a time
SIGNIFICANT = 3.0  # standard errors by which a variance has to exceed that of noise
LEAST_VARIANCE = 1e-6  # of the nuisance in any direction, relative to the codes' mean variance


@torch.no_grad()
@full_float32()
def fit_readout(
    model: Any, clips: Clips, config: RunConfig, who: Individuals, frames: int
) -> Readout:
    """Directions and densities from at most 2000 training clips, a segment of `frames` each."""
    rng = np.random.default_rng(config.seed)
    chosen = rng.permutation(SegmentSampler(who, frames).pool)[:MOST_CLIPS]
    device = device_of(model)
    found: list[dict[str, Gaussian]] = []
    differ_s = []
    for part in torch.split(torch.from_numpy(chosen), CHUNK):
        rows = part.numpy()
        q = model.posteriors(segments(clips, rows, frames, rng, device))
        other = segments(clips, others(who, rows, frames, rng), frames, rng, device)
        found.append(q)
        differ_s.append(q["s"].loc - model.posteriors(other)["s"].loc)
    s, motion = (joined(found, name) for name in ("s", "d" if "d" in found[0] else "z"))
    told = getattr(model, "precision", None)
    model.precision = config.precision
    one, another = (
        motion_of_swaps(model, s.loc[rng.permutation(len(chosen))], motion.loc, frames)
        for _ in range(2)
    )
    model.precision = told
    codes = {}
    for name, q_code, differ in (
        ("s", s, torch.cat(differ_s)),
        ("d" if motion.loc.ndim == 2 else "z", motion, one - another),
    ):
        codes[name] = CodeReadout(q_code.loc.shape[-1]).to(device)
        flat = Gaussian(q_code.loc.flatten(0, -2), q_code.scale.flatten(0, -2))
        settings = config.readout
        fit(
            codes[name],
            flat,
            settings.min_snr,
            config.seed,
            within(differ.flatten(0, -2)),
            settings.shrink,
        )
    return Readout(model, codes, config.readout)


def joined(parts: list[dict[str, Gaussian]], name: str) -> Gaussian:
    """The posteriors of one code, of all clips."""
    return Gaussian(
        torch.cat([q[name].loc for q in parts]), torch.cat([q[name].scale for q in parts])
    )


def motion_of_swaps(
    model: Any,
    s: Float[Tensor, "N K"],
    motion: Float[Tensor, "N *rest"],
    frames: int,
) -> Float[Tensor, "N *rest"]:
    """Means of q(d | x), or of q(z | x), where x is drawn from s and that motion."""
    found = []
    for who, what in zip(torch.split(s, CHUNK), torch.split(motion, CHUNK), strict=True):
        if what.ndim == 2:
            codes, name = Codes(who, what, model.unroll(what, frames)), "d"
        else:
            codes, name = Codes(who, what.new_zeros(len(what), 0), what), "z"
        y = model.decode(codes)
        found.append(model.posteriors(y)[name].loc)
    return torch.cat(found)


def segments(
    clips: Clips, chosen: Ints, frames: int, rng: np.random.Generator, device: torch.device
) -> Video:
    """A random segment of each of the clips."""
    starts = rng.integers(0, clips.table.length[chosen] - frames + 1)
    return as_video(clips.batch(chosen, starts, frames), device)


def others(who: Individuals, chosen: Ints, frames: int, rng: np.random.Generator) -> Ints:
    """Another clip of each individual; the same one where that is too short."""
    found = np.array([who.another(rng, int(clip)) for clip in chosen])
    return np.where(who.clips.table.length[found] < frames, chosen, found)


def within(differences: Float[Tensor, "N K"]) -> Float[Tensor, "K K"]:
    """Covariance within pairs, from their differences."""
    differ = differences.cpu().double()
    return differ.T @ differ / (2 * len(differ))


@torch.no_grad()
def fit(
    code: CodeReadout,
    q: Gaussian,
    min_snr: float,
    seed: int,
    nuisance: Float[Tensor, "K K"] | None = None,
    shrink: bool = False,
) -> None:
    """How a code reads, from its posteriors [N, K] of N clips or frames.

    A direction is kept if the means' standard deviation over clips is at least `min_snr` times
    that of what should not matter: the posterior itself, and, where given, `nuisance`, the
    covariance of the means over what the code is not to hold. `shrink`: whether codes are to read
    without these.
    """
    loc = q.loc.cpu().double()  # MPS has no float64
    noise = torch.diag(q.scale.cpu().double().square().mean(0))
    noise = noise if nuisance is None else noise + nuisance.to(noise)
    codes = (loc - loc.mean(0)).T.cov() if len(loc) > 1 else torch.zeros_like(noise)
    noise.diagonal().add_(LEAST_VARIANCE * codes.diagonal().mean() + 1e-12)
    # Noise to the identity, then the codes' principal directions.
    root = torch.linalg.cholesky(noise)
    whitened = torch.linalg.solve_triangular(root, codes, upper=False)
    whitened = torch.linalg.solve_triangular(root, whitened.T, upper=False)
    ratio, directions = torch.linalg.eigh((whitened + whitened.T) / 2)
    directions = directions.flip(1)
    code.average.copy_(loc.mean(0))
    code.into.copy_(torch.linalg.solve_triangular(root.T, directions, upper=True))
    code.back.copy_(directions.T @ root.T)
    code.kept.copy_(ratio.flip(0).clamp_min(0) >= min_snr**2)
    fit_density(code, q.sample(torch.Generator().manual_seed(seed)), seed, shrink)
    code.shrunk.fill_(float(shrink and bool(code.kept.any())))


def fit_density(code: CodeReadout, codes: Float[Tensor, "N K"], seed: int, shrink: bool) -> None:
    """A mixture of Gaussians of the directions kept, in which the noise has variance 1."""
    from sklearn.mixture import GaussianMixture  # slow to import: only where training ends

    kept = code.kept > 0
    dims = int(kept.sum())
    code.weights.zero_()
    code.means.zero_()
    code.factors.zero_()
    if dims == 0:
        code.weights[0] = 1
        return
    coordinates = ((codes - code.average) @ code.into)[:, kept].cpu().double().numpy()
    if len(coordinates) == 1:  # of a single clip
        coordinates = np.repeat(coordinates, 2, axis=0)
    count = max(1, min(COMPONENTS, len(codes) // 20))
    state = seed % 2**32  # numpy's older generators take no more
    mixture = GaussianMixture(count, reg_covar=1e-4, random_state=state, max_iter=200)
    mixture.fit(coordinates)
    code.weights[:count] = _like(code, mixture.weights_)
    code.means[:count, :dims] = _like(code, mixture.means_)
    covariances = torch.as_tensor(mixture.covariances_)
    if shrink:
        sizes = torch.as_tensor(mixture.weights_) * len(codes)
        covariances = without_noise_in_doubt(covariances, sizes)
    code.factors[:count, :dims, :dims] = _like(code, torch.linalg.cholesky(covariances))


def without_noise_in_doubt(
    covariances: Float[Tensor, "M K K"], sizes: Float[Tensor, " M"]
) -> Float[Tensor, "M K K"]:
    """Variances along principal axes that may well be noise, whose variance is 1, are set to it.

    sizes: how many codes n each covariance was estimated from. The largest of K variances of pure
    noise is about (1 + √(K/n))² (Marchenko and Pastur 1967); a variance has to exceed that by
    `SIGNIFICANT` standard errors √(2/n).
    """
    variance, axes = torch.linalg.eigh(covariances)
    edge = (1 + (covariances.shape[-1] / sizes).sqrt()).square()
    least = edge + SIGNIFICANT * (2 / sizes).sqrt()
    clear = torch.where(variance < least[:, None], variance.clamp_max(1), variance)
    made: Tensor = (axes * clear[:, None]) @ axes.mT
    return made


def _like(code: CodeReadout, array: object) -> Tensor:
    return torch.as_tensor(array).to(code.means)
