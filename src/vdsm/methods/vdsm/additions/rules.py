"""What the recipe `auto` takes from the data: everything that has to differ between datasets.

| what | rule |
|---|---|
| frames of stage 2 | 16, or as many as nine clips of ten have |
| likelihood | Bernoulli for frames of black and bright; else Gaussian, as it says more of greys |
| λ_z of stage 1 | ends at 3 with the Gaussian, for which no z is exact enough |
| who is who | as looks tell (`vdsm.who`), softly; whoever is found once has one clip |
| decoders | eight where a hundred individuals or more were found twice; else one |
"""

from dataclasses import replace

import numpy as np

from vdsm.data.clips import Clips
from vdsm.methods.vdsm.config import Config
from vdsm.train.batches import individuals

LOOKED_AT = 64  # clips, for their brightness
FRAMES = 16  # of a segment, where clips are that long
LONG_ENOUGH = 0.1  # share of clips that may be shorter than a segment
DEMANDING, RISEN = 3.0, 0.8  # λ_z at its end, and the share of stage 1 at which it is there
GREY = 0.2  # mean of 4 x (1 - x) from which on a Gaussian is taken
MANY = 100  # individuals found twice, for several decoders
DECODERS = 8


def fit(config: Config, clips: Clips) -> Config:
    """The recipe with what follows from the training clips; a function of these and the seed."""
    frames = segment(clips)
    config = replace(config, stage2=replace(config.stage2, frames=frames))
    if grey(clips):
        config = replace(
            config,
            model=replace(config.model, likelihood="gaussian"),
            stage1=replace(config.stage1, lambda_z_to=DEMANDING, lambda_z_until=RISEN),
        )
    return known(config, clips)


def segment(clips: Clips) -> int:
    """Frames of a segment of stage 2."""
    lengths = clips.table.length[clips.select("train")]
    if len(lengths) == 0:
        return FRAMES
    return int(np.clip(np.quantile(lengths, LONG_ENOUGH, method="lower"), 2, FRAMES))


def grey(clips: Clips) -> bool:
    """Whether frames are more than black and bright, as photographs are."""
    return greyness(clips) > GREY


def greyness(clips: Clips) -> float:
    """Mean of 4 x (1 - x) over pixels: 0 where all are black or bright, 1 for middle grey."""
    train = clips.select("train")
    chosen = train[np.linspace(0, len(train) - 1, min(len(train), LOOKED_AT)).astype(int)]
    means = []
    for clip in chosen:
        x = clips.read(int(clip), 0, 1) / 255
        means.append(float((4 * x * (1 - x)).mean()))
    return float(np.mean(means)) if means else 0.0


def known(config: Config, clips: Clips) -> Config:
    """With what is possible once individuals are found in several clips."""
    twice = [
        members for members in individuals(clips, config, config.who).members if len(members) > 1
    ]
    if len(twice) < MANY:
        return config
    return replace(config, model=replace(config.model, experts=DECODERS))
