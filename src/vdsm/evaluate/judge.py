"""Judges: which value of each factor a clip shows. They learn from real clips alone.

The architecture is the literature's (S3VAE, C-DSVAE): a convolutional encoder of frames, a
bi-LSTM, and one linear head per factor. The bi-LSTM also sees how the features of a frame differ
from those of the frame before; without that, speed is learned late or never. Nothing generated and
nothing measured is ever trained on. Part of these clips is held back, whole individuals at a time,
to choose the best state by.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vdsm.data.clips import Ints
from vdsm.device import pick_device
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.seeds import generator, integer
from vdsm.evaluate.settings import Settings
from vdsm.evaluate.stream import Progress, read, real_clips
from vdsm.notation import Video

RATE = 2e-3  # peak of the one-cycle learning rate
CHECK_EVERY = 50  # steps
HELD_BACK = 0.1  # share of the training clips
MOST_HELD_BACK = 500  # clips
FRAME_FEATURES = 128
HEAD = "factor "  # before a factor's name, lest it be one that modules have, as `type` or `train`
Bools = npt.NDArray[np.bool_]
Verdicts = dict[str, npt.NDArray[np.float64]]  # factor -> [n, classes] probabilities


class Judge(nn.Module):
    """p(value of each factor | clip)."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: Mapping[str, int],
        width: int,
        hidden: int,
    ) -> None:
        """shape: channels, rows, columns of a frame."""
        super().__init__()
        channels, rows, columns = shape
        layers: list[nn.Module] = []
        out = width
        while min(rows, columns) > 4:
            layers += [nn.Conv2d(channels, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out)]
            layers += [nn.LeakyReLU(0.2)]
            channels, rows, columns = out, rows // 2, columns // 2
            out = min(2 * out, 4 * width)
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Linear(channels * rows * columns, FRAME_FEATURES)
        self.lstm = nn.LSTM(2 * FRAME_FEATURES, hidden, batch_first=True, bidirectional=True)
        self.heads = nn.ModuleDict(
            {f"{HEAD}{name}": nn.Linear(2 * hidden, k) for name, k in classes.items()}
        )

    def features(self, clips: Video) -> Float[Tensor, "B F"]:
        """Bi-LSTM outputs averaged over frames: the space of the distance `frechet.judge`."""
        b, t = clips.shape[:2]
        frames = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        h = F.leaky_relu(self.dense(self.convolutions(frames).flatten(1)), 0.2).view(b, t, -1)
        change = torch.diff(h, dim=1, prepend=h[:, :1])
        outputs, _ = self.lstm(torch.cat([h, change], dim=-1))
        features: Tensor = outputs.mean(dim=1)
        return features

    def name(self, features: Float[Tensor, "B F"]) -> dict[str, Float[Tensor, "B _"]]:
        """Logits of every factor."""
        return {name.removeprefix(HEAD): head(features) for name, head in self.heads.items()}

    def forward(self, clips: Video) -> dict[str, Float[Tensor, "B _"]]:
        """Logits of every factor of clips."""
        return self.name(self.features(clips))


@dataclass(frozen=True)
class Seen:
    """What the judges saw in n clips."""

    verdicts: Verdicts  # factor -> [n, classes] probabilities
    features: npt.NDArray[np.float32]  # [n, F]


class Judges(nn.ModuleList):
    """Judges of the same factors that differ by seed; what they say is averaged."""

    def __iter__(self) -> Iterator[Judge]:
        return cast(Iterator[Judge], super().__iter__())

    def look(self, clips: Video) -> tuple[dict[str, Float[Tensor, "B _"]], Float[Tensor, "B F"]]:
        """Mean probabilities of every factor's values, float64; and the first judge's features."""
        features = [judge.features(clips) for judge in self]
        said = [judge.name(h) for judge, h in zip(self, features, strict=True)]

        def mean(name: str) -> Tensor:  # on the CPU, as MPS has no float64
            return torch.stack([one[name].cpu().double().softmax(-1) for one in said]).mean(dim=0)

        return {name: mean(name) for name in said[0]}, features[0]


@torch.inference_mode()
def look(judges: Judges, clips: Iterable[Video]) -> Seen:
    """Verdicts and features of every clip of the batches."""
    judges.eval()
    device = next(judges.parameters()).device
    found: dict[str, list[npt.NDArray[np.float64]]] = {}
    features = []
    for batch in clips:
        said, h = judges.look(batch.to(device))
        features.append(h.cpu().numpy())
        for name, probabilities in said.items():
            found.setdefault(name, []).append(probabilities.cpu().numpy())
    verdicts = {name: np.concatenate(parts) for name, parts in found.items()}
    return Seen(verdicts, np.concatenate(features))


def empty_judges(inputs: Inputs, settings: Settings) -> Judges:
    """Untrained judges for these clips and factors; their weights are a function of the seed."""
    _, _, height, width, channels = inputs.real.shape
    shape, sizes = (channels, height, width), (settings.judge_width, settings.judge_hidden)
    judges = []
    with torch.random.fork_rng(devices=[]):
        for i in range(settings.judges):
            torch.manual_seed(integer(settings.seed, f"judge.{i}.weights"))
            judges.append(Judge(shape, inputs.classes, *sizes))
    return Judges(judges).to(pick_device(settings.device))


def training_rows(inputs: Inputs, settings: Settings) -> Ints:
    """The clips that judges learn from, ascending: all, or a seeded choice."""
    chosen = generator(settings.seed, "judge.clips").permutation(inputs.judged)
    return np.sort(chosen[: settings.judge_clips])


def train(inputs: Inputs, settings: Settings, progress: Progress) -> Judges:
    """Judges of every factor, on real clips.

    Each takes all its steps, however early it is right: those that stop at a high learning rate
    differ from run to run in what they say of clips that are not quite real (docs/log,
    2026-11-25). What is left of that, a mean of several evens out.
    """
    judges = empty_judges(inputs, settings)
    rows, held = hold_back(inputs, training_rows(inputs, settings), settings.seed)
    for i, judge in enumerate(judges):
        rng = generator(settings.seed, f"judge.{i}.batches")

        def shown(step: int, before: int = i * settings.judge_steps) -> None:
            progress("judges learn", before + step, settings.judges * settings.judge_steps)

        _train_one(judge, inputs, settings, (rows, held), rng, shown)
    return judges.eval()


def _train_one(
    judge: Judge,
    inputs: Inputs,
    settings: Settings,
    rows: tuple[Ints, Ints],
    rng: np.random.Generator,
    shown: Callable[[int], None],
) -> None:
    """Learn from the first rows and keep the best state by the second.

    The best has the highest mean accuracy over factors; of equals, the lowest loss.
    """
    learned, held = rows
    optimizer = torch.optim.AdamW(judge.parameters(), RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=settings.judge_steps + 1, pct_start=rising(settings)
    )
    best: tuple[float, float] = (-1.0, 0.0)
    state: dict[str, Tensor] = {}
    for step in range(1, settings.judge_steps + 1):
        size = min(settings.judge_batch, len(learned))
        batch = np.sort(rng.choice(learned, size, replace=False))
        judge.train()
        loss = _loss(judge, inputs, batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        shown(step)
        if step % CHECK_EVERY == 0 or step == settings.judge_steps:
            score = _held_back_score(judge, inputs, held, settings.batch)
            if score > best:
                best, state = score, {k: v.clone() for k, v in judge.state_dict().items()}
    judge.load_state_dict(state)


def rising(settings: Settings) -> float:
    """Share of the steps in which the learning rate rises: a tenth, and one step at least."""
    return max(0.1, 2 / (settings.judge_steps + 1))


def hold_back(inputs: Inputs, rows: Ints, seed: int) -> tuple[Ints, Ints]:
    """Rows to learn from and rows to choose by.

    Whole individuals are held back, so that the choice looks at unseen ones; whole recordings
    where that would leave a value of some factor without a clip to learn from (a person is both),
    and single rows where recordings are too few for that. What judges are shown of recordings that
    are measured, they are shown to know these, so it is not held back.
    """
    rng = generator(seed, "judge.held_back")
    wanted = int(np.clip(HELD_BACK * len(rows), 1, MOST_HELD_BACK))
    measured = np.isin(inputs.recordings[rows], inputs.recordings[inputs.test])
    for units in (inputs.groups[rows], inputs.recordings[rows]):
        held = np.zeros(len(rows), np.bool_)
        allowed = ~np.isin(units, units[measured])
        held[allowed] = _drawn(units[allowed], wanted, rng)
        if held.any() and not held.all() and _covers(inputs, rows[~held], rows[held]):
            return rows[~held], rows[held]
    held = _drawn(rows, wanted, rng)
    return rows[~held], rows[held]


def _drawn(units: Ints, wanted: int, rng: np.random.Generator) -> Bools:
    """[n] rows of units drawn at random, until as many rows as wanted are."""
    distinct, sizes = np.unique(units, return_counts=True)
    order = rng.permutation(len(distinct))
    count = int(np.searchsorted(sizes[order].cumsum(), wanted)) + 1
    return np.isin(units, distinct[order[:count]])


def _covers(inputs: Inputs, rows: Ints, others: Ints) -> bool:
    """Whether every value of every factor among `others` occurs among `rows`."""
    return all(np.isin(column[others], column[rows]).all() for column in inputs.labels.values())


def _loss(judge: Judge, inputs: Inputs, rows: Ints) -> Tensor:
    """Cross-entropy summed over factors, each averaged over the clips whose label is known."""
    device = next(judge.parameters()).device
    logits = judge(read(inputs.real, rows).to(device))
    terms = []
    for name, values in logits.items():
        truth = torch.from_numpy(inputs.labels[name][rows]).to(device)
        known = max(int((truth >= 0).sum()), 1)
        terms.append(F.cross_entropy(values, truth, ignore_index=-1, reduction="sum") / known)
    return torch.stack(terms).sum()


def _held_back_score(judge: Judge, inputs: Inputs, rows: Ints, batch: int) -> tuple[float, float]:
    """Mean accuracy over factors, and minus the mean loss, of the held-back clips."""
    found = look(Judges([judge]), real_clips(inputs, rows, batch)).verdicts
    right, likelihood = [], []
    for name, probabilities in found.items():
        truth = inputs.labels[name][rows]
        known = np.flatnonzero(truth >= 0)
        if len(known):
            right.append(float((probabilities.argmax(-1) == truth)[known].mean()))
            given = probabilities[known, truth[known]]
            likelihood.append(float(np.log(np.maximum(given, 1e-12)).mean()))
    return (float(np.mean(right)), float(np.mean(likelihood))) if right else (0.0, 0.0)
