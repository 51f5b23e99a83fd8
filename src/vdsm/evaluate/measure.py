"""The measurements of the panel, one function each: clips are made, judged, and counted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vdsm.data.clips import Ints
from vdsm.errors import InputError
from vdsm.evaluate.consistency import consistency, mean_consistency
from vdsm.evaluate.entropy import paper_entropies, prior_row
from vdsm.evaluate.frechet import OWN, Features, FeatureSet, compare
from vdsm.evaluate.inputs import Array, Inputs, to_numpy
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Judges, Seen, accuracies, look, require_floor
from vdsm.evaluate.probes import leakage
from vdsm.evaluate.reconstruction import WINDOW, psnr, ssim
from vdsm.evaluate.result import Numbers, under
from vdsm.evaluate.seeds import generator
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import (
    Decode,
    Progress,
    check_clips,
    cuts,
    decode_checked,
    read,
    real_clips,
    watch,
)
from vdsm.evaluate.swap import match, score, swapped
from vdsm.evaluate.verification import verification
from vdsm.notation import Video

Generate = Callable[[int, np.random.Generator], Any]
GENERATED_AT_ONCE = 50  # clips asked of `generate`, whatever the batch: the numbers stay the same


@dataclass(frozen=True)
class Context:
    """What the measurements share, and where they put what they find."""

    inputs: Inputs
    decode: Decode
    judges: Judges
    settings: Settings
    features: Mapping[str, Features]
    progress: Progress
    bootstrap: Bootstrap
    numbers: Numbers = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # part -> why it is missing

    def look(
        self, clips: Iterable[Video], what: str, total: int, *observers: Callable[[Video], None]
    ) -> Seen:
        """Judge all clips, showing each batch to the observers as well."""
        return look(self.judges, self._count(watch(clips, *observers), what, total))

    def _count(self, clips: Iterable[Video], what: str, total: int) -> Iterator[Video]:
        done = 0
        self.progress(what, done, total)
        for batch in clips:
            yield batch
            done += len(batch)
            self.progress(what, done, total)


@dataclass(frozen=True)
class Looked:
    """A set of clips as the judges saw them, and as samples in every feature space."""

    seen: Seen
    samples: Mapping[str, FeatureSet]


def _look_with_features(
    context: Context, clips: Iterable[Video], groups: Ints, what: str, *observers: Any
) -> Looked:
    samples = {name: FeatureSet(groups) for name in context.features}
    adders = [
        lambda batch, name=name: samples[name].add(context.features[name](batch))
        for name in context.features
    ]
    seen = context.look(clips, what, len(groups), *adders, *observers)
    samples[OWN] = FeatureSet(groups)
    samples[OWN].add(seen.features)
    return Looked(seen, samples)


def judge_real(context: Context) -> Looked:
    """`judge.<factor>.accuracy` on every real test clip, required to pass the floor."""
    inputs, batch = context.inputs, context.settings.batch
    groups = inputs.groups[inputs.test]
    clips = real_clips(inputs, inputs.test, batch)
    real = _look_with_features(context, clips, groups, "real test clips")
    found = accuracies(real.seen.verdicts, inputs, inputs.test, context.bootstrap)
    require_floor(found, context.settings.floor)
    context.numbers.update({f"judge.{name}.accuracy": number for name, number in found.items()})

    others = generator(context.settings.seed, "frechet.real").permutation(inputs.train)
    rows = np.sort(others[: len(inputs.test)])
    clips = real_clips(inputs, rows, batch)
    train = _look_with_features(context, clips, inputs.groups[rows], "real training clips")
    for name, sample in train.samples.items():
        context.numbers[f"frechet.{name}_real"] = compare(real.samples[name], sample)
    return real


def reconstruction(context: Context, real: Looked) -> None:
    """`reconstruction.*`, `consistency.*`, the paper's mean, and `frechet.<features>`."""
    inputs, bootstrap = context.inputs, context.bootstrap
    rows, groups = inputs.test, inputs.groups[inputs.test]
    fidelity = Fidelity(inputs)
    if fidelity.too_small:
        context.left_out["reconstruction.ssim"] = f"frames are smaller than {WINDOW} pixels"
    same = np.stack([rows, rows], axis=1)
    clips = swapped(inputs, context.decode, same, context.settings.batch)
    made = _look_with_features(context, clips, groups, "reconstructions", fidelity.see)

    numbers = {k: bootstrap.mean(v, groups) for k, v in fidelity.values().items()}
    right = accuracies(made.seen.verdicts, inputs, rows, bootstrap)
    numbers |= {f"accuracy.{name}": number for name, number in right.items()}
    context.numbers.update(under("reconstruction", numbers))
    both = (real.seen.verdicts, made.seen.verdicts, inputs, bootstrap)
    context.numbers.update(under("consistency", consistency(*both)))
    context.numbers["paper.accuracy_consistency"] = mean_consistency(*both)
    for name, sample in made.samples.items():
        context.numbers[f"frechet.{name}"] = compare(real.samples[name], sample)


class Fidelity:
    """PSNR and SSIM of test clips whose reconstructions are seen in order."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._done = 0
        self._psnr: list[Any] = []
        self._ssim: list[Any] = []
        self.too_small = min(inputs.real.shape[2:4]) < WINDOW

    def see(self, made: Video) -> None:
        """Compare the next reconstructions with their clips."""
        rows = self._inputs.test[self._done : self._done + len(made)]
        real = read(self._inputs.real, rows)
        self._psnr.append(psnr(real, made).numpy())
        if not self.too_small:
            self._ssim.append(ssim(real, made).double().numpy())
        self._done += len(made)

    def values(self) -> dict[str, Any]:
        """Name -> [n] values of the test clips."""
        found = {"psnr": self._psnr} if self.too_small else {"psnr": self._psnr, "ssim": self._ssim}
        return {name: np.concatenate(parts) for name, parts in found.items()}


def swaps(context: Context) -> None:
    """`swap.*`: every test clip's identity with another's motion, and the other way round.

    Where one individual has more than half of the clips, some find no other to be swapped with.
    """
    inputs = context.inputs
    pairs = match(inputs.test, inputs.groups, generator(context.settings.seed, "swap"))
    strangers = pairs[inputs.groups[pairs[:, 0]] != inputs.groups[pairs[:, 1]]]
    own = len(pairs) - len(strangers)
    if not len(strangers):
        context.left_out["swap"] = "every test clip is of one individual"
        return
    if own:
        context.left_out["swap.pairs"] = f"{own} of {len(pairs)} are of one individual with itself"
    _judge_pairs(context, strangers, "swap", "swaps")


def unseen_swaps(context: Context) -> None:
    """`unseen.*`: swaps into combinations of identity and action that training left out."""
    pairs = context.inputs.unseen
    if pairs is None or not len(pairs):
        context.left_out["unseen"] = "no pair of clips makes a combination that training left out"
        return
    _judge_pairs(context, pairs, "unseen", "unseen combinations")


def _judge_pairs(context: Context, pairs: Ints, prefix: str, what: str) -> None:
    clips = swapped(context.inputs, context.decode, pairs, context.settings.batch)
    seen = context.look(clips, what, len(pairs))
    found = score(seen.verdicts, context.inputs, pairs, context.bootstrap)
    context.numbers.update(under(prefix, found))


def identities(context: Context, sample_identity: Generate | None, row: str) -> None:
    """`<row>.*`: the identity of test clips replaced by one that is drawn."""
    inputs = context.inputs
    if sample_identity is None or not inputs.factors("action"):
        reason = "no sample_identity was given" if sample_identity is None else "no action factor"
        context.left_out[row] = reason
        return
    n = len(inputs.test)
    drawn = _drawn(inputs, sample_identity, n, generator(context.settings.seed, "prior"))

    def clips() -> Iterator[Video]:
        for cut in cuts(n, context.settings.batch):
            codes = {name: code[inputs.test[cut]] for name, code in inputs.codes.items()}
            yield decode_checked(context.decode, codes | {"s": drawn[cut]}, inputs)

    seen = context.look(clips(), "drawn identities", n)
    context.numbers.update(under(row, prior_row(seen.verdicts, inputs, context.bootstrap)))


def _drawn(inputs: Inputs, sample_identity: Generate, n: int, rng: np.random.Generator) -> Array:
    drawn = to_numpy(sample_identity(n, rng))
    expected = (n, *inputs.codes["s"].shape[1:])
    if drawn.shape != expected or not np.isfinite(drawn).all():
        raise InputError(f"sample_identity gave {drawn.shape}, expected finite values {expected}")
    return drawn.astype(inputs.codes["s"].dtype)


def try_out(
    inputs: Inputs,
    decode: Decode,
    identities: Sequence[Generate | None],
    generators: Sequence[Generate | None],
) -> None:
    """Call what the user gave for two clips, before an hour of judges: InputError as later."""
    decode_checked(decode, {k: code[inputs.test[:2]] for k, code in inputs.codes.items()}, inputs)
    rng = np.random.default_rng(0)
    for sample_identity in identities:
        if sample_identity is not None:
            _drawn(inputs, sample_identity, 2, rng)
    _, frames, height, width, channels = inputs.real.shape
    for generate in generators:
        if generate is not None:
            shape = (2, frames, channels, height, width)
            check_clips("generate", generate(2, rng), shape)


def generation(context: Context, real: Looked, generate: Generate | None, kind: str) -> None:
    """`frechet.<features>_<kind>` of clips made of nothing; of `generated` also the paper's H."""
    if generate is None:
        context.left_out[f"frechet.{kind}"] = "no function for it was given"
        return
    inputs = context.inputs
    n = len(inputs.test)
    _, frames, height, width, channels = inputs.real.shape
    rng = generator(context.settings.seed, "generate")

    def clips() -> Iterator[Video]:
        for cut in cuts(n, GENERATED_AT_ONCE):
            expected = (cut.stop - cut.start, frames, channels, height, width)
            yield check_clips("generate", generate(expected[0], rng), expected)

    strangers = np.arange(n, dtype=np.int64)
    made = _look_with_features(context, clips(), strangers, f"clips {kind}")
    if kind == "generated":
        found = paper_entropies(made.seen.verdicts, strangers, context.bootstrap)
        context.numbers.update(under("paper", found))
    for name, sample in made.samples.items():
        context.numbers[f"frechet.{name}_{kind}"] = compare(real.samples[name], sample)


def codes(context: Context) -> None:
    """`leakage.*` and `verification.*`: what can be read from the codes themselves."""
    inputs, settings, bootstrap = context.inputs, context.settings, context.bootstrap
    found = leakage(inputs, settings, bootstrap, context.progress)
    context.numbers.update(under("leakage", found))
    found = verification(inputs, bootstrap, settings.seed)
    if not found:
        context.left_out["verification"] = (
            "it takes two test individuals, and two test clips of one"
        )
    context.numbers.update(under("verification", found))
