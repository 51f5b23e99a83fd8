"""What the metrics of one panel share: clips, what the model can be asked, judges, randomness."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from vdsm.data.clips import Ints
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Judges, Seen, look
from vdsm.evaluate.moments import OWN, Features, FeatureSet
from vdsm.evaluate.result import Numbers
from vdsm.evaluate.seeds import generator
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Progress, real_clips, watch
from vdsm.evaluate.system import System
from vdsm.notation import Video

T = TypeVar("T")
Observer = Callable[[Video], None]


@dataclass(frozen=True)
class Looked:
    """A set of clips as the judges saw them, and as samples in every feature space."""

    seen: Seen
    samples: Mapping[str, FeatureSet]


@dataclass(frozen=True)
class Context:
    """What the metrics share, and where they put what they find."""

    inputs: Inputs
    system: System
    judges: Judges | None  # None without labels
    settings: Settings
    features: Mapping[str, Features]
    progress: Progress
    bootstrap: Bootstrap
    cached: Callable[[str, Callable[[], Numbers]], Numbers]  # figures that need no model
    numbers: Numbers = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)  # part -> why it is missing
    notes: dict[str, str] = field(default_factory=dict)  # part -> how it is to be read
    _made: dict[str, Any] = field(default_factory=dict)

    def lacks(self, *needed: str) -> str | None:
        """Why the first of these that is missing is so; None where all are there."""
        return self.system.lacks(self.inputs, *needed)

    def rng(self, name: str) -> np.random.Generator:
        """The random stream of that name."""
        return generator(self.settings.seed, name)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What several metrics read and the first one makes."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def some_test(self, name: str, most: int) -> Ints:
        """Ascending rows of at most so many test clips, a seeded choice."""
        return np.sort(self.rng(name).permutation(self.inputs.test)[:most])

    def real(self) -> Looked:
        """Every real test clip."""

        def make() -> Looked:
            rows = self.inputs.test
            clips = real_clips(self.inputs, rows, self.settings.batch)
            return self.look_with_features(clips, self.inputs.groups[rows], "real test clips")

        return self.once("real", make)

    def look(self, clips: Iterable[Video], what: str, total: int, *observers: Observer) -> Seen:
        """Judge all clips, showing each batch to the observers as well; without judges show all."""
        shown = self._count(watch(clips, *observers), what, total)
        if self.judges is not None:
            return look(self.judges, shown)
        for _ in shown:
            pass
        return Seen({}, np.zeros((total, 0), np.float32))

    def look_with_features(
        self, clips: Iterable[Video], groups: Ints, what: str, *observers: Observer
    ) -> Looked:
        """Judge all clips, and take them in as a sample in every feature space."""
        samples = {name: FeatureSet(groups) for name in self.features}
        adders = [
            lambda batch, name=name: samples[name].add(self.features[name](batch))
            for name in self.features
        ]
        seen = self.look(clips, what, len(groups), *adders, *observers)
        if self.judges is not None:
            samples[OWN] = FeatureSet(groups)
            samples[OWN].add(seen.features)
        return Looked(seen, samples)

    def _count(self, clips: Iterable[Video], what: str, total: int) -> Iterator[Video]:
        done = 0
        self.progress(what, done, total)
        for batch in clips:
            yield batch
            done += len(batch)
            self.progress(what, done, total)
