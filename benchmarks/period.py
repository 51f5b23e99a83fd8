"""How well a pendulum goes on swinging: encode 16 frames, draw 60, compare with the true 60.

python benchmarks/period.py MODEL DATA                     every test clip, d unrolled further
python benchmarks/period.py MODEL DATA --by transition     continued by the prior's Eq. 6

What is followed is how far the centre of brightness lies to the left or right of its average over
the clip: the horizontal swing, whatever draws it. Its period is where the autocorrelation peaks,
refined by a parabola; of a steady swing it peaks again at twice the period, as high but for what is
cut off, so the first peak counts that is nearly as high as the highest. Only frames after the
encoded ones count.

`vdsm.data.pendulum.angle_of` and `period_of` measure pendula more finely, but they know where the
pivot is and that the motion is one sinusoid: a blurred or faltering clip would be measured as the
nearest pendulum. Here it has a poor peak or none.
"""

import argparse
import json

import numpy as np
import torch

from vdsm import VDSM
from vdsm.data import open_clips
from vdsm.device import as_video
from vdsm.errors import InputError

SEEN, DRAWN = 16, 60
NEARLY = 0.8  # of the highest peak


def displacement(frames: np.ndarray) -> np.ndarray:
    """[N, T] centre of brightness along the row, in pixels from its average, of [N, T, C, H, W]."""
    light = frames.sum(2).sum(2)
    x = (light * np.arange(light.shape[-1])).sum(-1) / light.sum(-1).clip(1e-6)
    return x - x.mean(1, keepdims=True)


def period(x: np.ndarray) -> float:
    """Frames from peak to peak of the autocorrelation; NaN where there is no peak."""
    lags = np.correlate(x, x, "full")[len(x) - 1 :] / np.arange(len(x), 0, -1)
    middle, last = lags[1:-1], len(x) * 3 // 4
    peaks = 1 + np.flatnonzero((middle >= lags[:-2]) & (middle > lags[2:]) & (middle > 0))
    below = np.flatnonzero(lags < 0)
    peaks = peaks[(peaks >= below[0]) & (peaks < last)] if len(below) else peaks[:0]
    if not len(peaks):
        return float("nan")
    k = int(peaks[lags[peaks] >= NEARLY * lags[peaks].max()][0])
    a, b, c = lags[k - 1 : k + 2]
    return k + 0.5 * (a - c) / (a - 2 * b + c)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--by", choices=["dynamics", "transition"], default="dynamics")
    options = parser.parse_args()
    try:
        measure(options.model, options.data, options.by)
    except InputError as error:
        parser.error(str(error))


def measure(model_name: str, data: str, by: str) -> None:
    """Print what was found; InputError where no test clip is long enough, or none has a speed."""
    model, clips = VDSM.from_pretrained(model_name), open_clips(data)
    rows = clips.select("test", min_length=DRAWN)
    actions = [factor for factor in clips.info.factors if factor.role == "action"]
    if not len(rows) or not actions:
        raise InputError(f"{data} has no test clips of {DRAWN} frames with an action: name pendula")
    true = as_video(clips.batch(rows, np.zeros(len(rows), np.int64), DRAWN))
    with torch.no_grad():
        drawn = model.decode(model.encode(true[:, :SEEN]), DRAWN, by)
    expected, found = (
        np.array([period(x) for x in displacement(v[:, SEEN:].numpy())]) for v in (true, drawn)
    )
    error = np.abs(found / expected - 1)
    known = np.isfinite(error)
    label = actions[0]
    result = {"clips": len(rows), "with a period": int(known.sum())}
    for value, name in enumerate(label.values):
        of = clips.table.labels[label.name][rows] == value
        here = known & of
        result[name] = {
            "true period, frames": round(float(np.median(expected[here])), 2),
            "median error": round(float(np.median(error[here])), 4),
            "within 5 %": round(float((error[of] <= 0.05).mean()), 3),  # no period is wrong
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
