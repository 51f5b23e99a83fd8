"""How well a pendulum goes on swinging: encode 16 frames, draw 60, compare with the true 60.

python benchmarks/period.py MODEL DATA                     every test clip, d unrolled further
python benchmarks/period.py MODEL DATA --by transition     continued by the prior's Eq. 6

The angle of a frame is that of the line from the pivot, taken to be the middle of what all clips
have in common, to the centre of brightness; the period is where the autocorrelation of the angle
peaks, refined by a parabola. Only frames after the encoded ones count.
"""

import argparse
import json

import numpy as np
import torch

from vdsm import VDSM
from vdsm.data import open_clips
from vdsm.train.batches import as_video

SEEN, DRAWN = 16, 60


def displacement(frames: np.ndarray) -> np.ndarray:
    """[N, T] centre of brightness along the row, in pixels from its average, of [N, T, C, H, W]."""
    light = frames.sum(2).sum(2)
    x = (light * np.arange(light.shape[-1])).sum(-1) / light.sum(-1).clip(1e-6)
    return x - x.mean(1, keepdims=True)


def period(x: np.ndarray) -> float:
    """Frames from peak to peak of the autocorrelation; NaN where there is no peak."""
    lags = np.correlate(x, x, "full")[len(x) - 1 :] / np.arange(len(x), 0, -1)
    below = np.flatnonzero(lags < 0)
    usable = lags[: len(x) * 3 // 4]
    if not len(below) or below[0] + 2 >= len(usable):
        return float("nan")
    k = below[0] + int(usable[below[0] :].argmax())
    if not 0 < k < len(lags) - 1:
        return float("nan")
    a, b, c = lags[k - 1 : k + 2]
    return k + 0.5 * (a - c) / (a - 2 * b + c)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--by", choices=["dynamics", "transition"], default="dynamics")
    options = parser.parse_args()
    model, clips = VDSM.from_pretrained(options.model), open_clips(options.data)
    rows = clips.select("test", min_length=DRAWN)
    true = as_video(clips.batch(rows, np.zeros(len(rows), np.int64), DRAWN))
    with torch.no_grad():
        drawn = model.decode(model.encode(true[:, :SEEN]), DRAWN, options.by)
    expected, found = (
        np.array([period(x) for x in displacement(v[:, SEEN:].numpy())]) for v in (true, drawn)
    )
    error = np.abs(found / expected - 1)
    known = np.isfinite(error)
    label = next(iter(f for f in clips.info.factors if f.role == "action"))
    result = {"clips": len(rows), "with a period": int(known.sum())}
    for value, name in enumerate(label.values):
        here = known & (clips.table.labels[label.name][rows] == value)
        result[name] = {
            "true period, frames": round(float(np.median(expected[here])), 2),
            "median error": round(float(np.median(error[here])), 4),
            "within 5 %": round(float((error[here] <= 0.05).mean()), 3),
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
