"""Detectors in files: each usual layout gives the same boxes; others are refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from folders import made
from media import encode
from movers import film, sway
from vdsm.data.crop.asked import Asked
from vdsm.data.crop.detector import fitted, open_detector, overlap
from vdsm.data.crop.find import find_crop
from vdsm.data.crop.remarks import Remark
from vdsm.data.crop.store import read_crops
from vdsm.errors import InputError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
Array = npt.NDArray[Any]

SIDE = 64  # of the network's input
BOX = (8.0, 12.0, 24.0, 40.0)  # left, top, right, bottom in it: class 0, score 0.9
OTHER = (30.0, 4.0, 60.0, 60.0)  # class 1, larger and surer
PICTURE = np.zeros((96, 128, 3), np.uint8)  # twice the input's width


def network(
    path: Path,
    *outputs: Array,
    names: tuple[str, ...] = (),
    dtype: Any = np.float32,
    last: bool = False,
    shape: tuple[int, ...] | None = None,
) -> Path:
    """An ONNX file that gives these arrays whatever it is shown; last: channels come last."""
    from onnx import TensorProto, helper, numpy_helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    shape = shape or ((1, SIDE, SIDE, 3) if last else (1, 3, SIDE, SIDE))
    nodes, shown, kept = [], [], []
    for i, array in enumerate(outputs):
        name = names[i] if names else f"out{i}"
        kept.append(numpy_helper.from_array(array, f"c{i}"))
        nodes.append(helper.make_node("Identity", [f"c{i}"], [name]))
        data = helper.np_dtype_to_tensor_dtype(array.dtype)
        shown.append(helper.make_tensor_value_info(name, data, array.shape))
    taken = helper.make_tensor_value_info("picture", kind, shape)
    nodes.append(helper.make_node("Shape", ["picture"], ["seen"]))
    shown.append(helper.make_tensor_value_info("seen", TensorProto.INT64, [4]))
    graph = helper.make_graph(nodes, "made", [taken], shown[:-1], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def centred(box: tuple[float, ...]) -> list[float]:
    left, top, right, bottom = box
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def yolov8() -> list[Array]:
    """[1, 4 + 3 classes, 84 places]."""
    found = np.zeros((1, 7, 84), np.float32)
    found[0, :, 5] = [*centred(BOX), 0.9, 0, 0]
    found[0, :, 6] = [*centred(BOX), 0.8, 0, 0]  # the same once more
    found[0, :, 9] = [*centred(OTHER), 0, 0.95, 0]
    return [found]


def yolov8_shares() -> list[Array]:
    """As TFLite has it: shares of the picture."""
    (found,) = yolov8()
    found[:, :4] /= SIDE
    return [found]


def yolov5() -> list[Array]:
    """[1, three times as many places, 5 + 3 classes]."""
    found = np.zeros((1, 252, 8), np.float32)
    found[0, 100] = [*centred(BOX), 0.95, 0.95, 0, 0]
    found[0, 101] = [*centred(OTHER), 0.99, 0, 0.99, 0]
    return [found]


def yolox(decoded: bool = False) -> list[Array]:
    """[1, 84 places, 5 + 3 classes]: offsets from places of three grids, sizes as logs."""
    rows: list[list[float]] = []
    for stride in (8, 16, 32):
        for y in range(SIDE // stride):
            for x in range(SIDE // stride):
                cx, cy, w, h = centred(BOX)
                mine = stride == 8 and (x, y) == (2, 3)
                if decoded:
                    where = [cx, cy, w, h] if mine else [x * stride, y * stride, stride, stride]
                else:
                    where = [cx / stride - x, cy / stride - y]
                    where += [np.log(w / stride), np.log(h / stride)] if mine else [-1.0, -1.0]
                rows.append([*where, 0.95, 0.95 if mine else 0, 0, 0])
    return [np.array([rows], np.float32)]


def listed() -> list[Array]:
    """[1, 300, 6] boxes, score, class, after the network's own choice."""
    found = np.zeros((1, 300, 6), np.float32)
    found[0, 0], found[0, 1] = [*OTHER, 0.95, 1], [*BOX, 0.9, 0]
    return [found]


def ssd() -> list[Array]:
    """Boxes top, left, bottom, right as shares; classes; scores; how many."""
    boxes = np.zeros((1, 10, 4), np.float32)
    boxes[0, :2] = np.array([OTHER, BOX])[:, [1, 0, 3, 2]] / SIDE
    classes, scores = np.zeros((2, 1, 10), np.float32)
    classes[0, 0], scores[0, :2] = 1, [0.95, 0.9]
    return [boxes, classes, scores, np.array([2], np.float32)]


def scored() -> list[Array]:
    """Boxes [1, N, 4], and scores of all classes [1, N, 3]."""
    boxes, scores = np.zeros((1, 84, 4), np.float32), np.zeros((1, 84, 3), np.float32)
    boxes[0, 3], boxes[0, 4], scores[0, 3, 0], scores[0, 4, 1] = BOX, OTHER, 0.9, 0.95
    return [boxes, scores]


def labelled() -> list[Array]:
    """Boxes with scores [1, N, 5], and labels [1, N]."""
    found = np.zeros((1, 20, 5), np.float32)
    found[0, 0], found[0, 1] = [*OTHER, 0.95], [*BOX, 0.9]
    return [found, np.array([[1] + [0] * 19], np.int64)]


LAYOUTS = {
    "yolov8": (yolov8(), {}),
    "shares": (yolov8_shares(), {"last": True}),
    "yolov5": (yolov5(), {}),
    "yolox": (yolox(), {}),
    "yolox decoded": (yolox(decoded=True), {}),
    "listed": (listed(), {}),
    "ssd": (ssd(), {"dtype": np.uint8, "last": True}),
    "ssd by name": (
        [ssd()[2], ssd()[0], ssd()[1]],
        {"names": ("detection_scores", "detection_boxes", "detection_classes"), "last": True},
    ),
    "scored": (scored(), {}),
    "labelled": (labelled(), {}),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_gives_the_box_in_the_frame(name: str, tmp_path: Path) -> None:
    outputs, how = LAYOUTS[name]
    spots = open_detector(network(tmp_path / "d.onnx", *outputs, **how), 0)(PICTURE)
    assert len(spots.weight) == 1
    assert spots.boxes[0] == pytest.approx([2 * value for value in BOX], abs=1e-3)
    if name not in ("yolox", "yolox decoded"):
        other = open_detector(tmp_path / "d.onnx", 1)(PICTURE)
        assert other.boxes[0] == pytest.approx([60, 8, 120, 96], abs=1e-3)  # cut at the edge


def test_pictures_fill_the_input_from_its_corner() -> None:
    image = np.full((50, 100, 3), 200, np.uint8)
    picture, scale = fitted(image, 64, 64)
    assert scale == pytest.approx(0.64)
    assert (picture[:32] == 200).all()
    assert (picture[32:] == 114).all()


def test_overlap_is_that_of_counted_pixels() -> None:
    one, other = np.zeros((2, 40, 40), bool)
    one[5:20, 5:25], other[10:30, 0:15] = True, True
    boxes = np.array([5.0, 5, 25, 20]), np.array([0.0, 10, 15, 30])
    assert overlap(*boxes) == pytest.approx((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    ("outputs", "how", "said"),
    [
        ([np.zeros((1, 1000), np.float32)], {}, r"gives \[1, 1000\], a layout that is not known"),
        ([np.zeros((1, 64, 16, 16), np.float32)], {}, "a layout that is not known"),
        (yolov8(), {"shape": (1, 1, 64, 64)}, r"takes an input of shape \[1, 1, 64, 64\]"),
        (yolov8(), {"dtype": np.int32}, r"takes picture tensor\(int32\)"),
    ],
)
def test_other_networks_are_refused(
    outputs: list[Array], how: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        open_detector(network(tmp_path / "d.onnx", *outputs, **how), 0)


def test_files_that_are_no_detector_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        open_detector(tmp_path / "d.onnx", 0)
    (tmp_path / "d.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a detector is an \.onnx or \.tflite file"):
        open_detector(tmp_path / "d.pt", 0)
    (tmp_path / "d.onnx").write_bytes(b"not a network")
    with pytest.raises(InputError, match=r"d\.onnx cannot be opened as a detector"):
        open_detector(tmp_path / "d.onnx", 0)
    with pytest.raises(InputError, match="has classes 0 to 2, no 5: see --detector-class"):
        open_detector(network(tmp_path / "d.onnx", *yolov8()), 5)


@pytest.mark.parametrize("follow", [False, True])
def test_a_dataset_is_cropped_to_what_a_detector_finds(follow: bool, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    encode(tmp_path / "in" / "a.mp4", film(sway(60, 50, 20), frames=8))
    file = network(tmp_path / "d.onnx", *yolov8())
    how = {"crop": "person", "detector": file, "follow": follow, "margin": 0.0}
    clips = made(tmp_path / "out", tmp_path / "in", **how)
    (row,) = read_crops(tmp_path / "out")
    assert (row.side, row.doubtful) == (70, "")  # 28 of 64 pixels, of a picture of 160
    assert (row.x, row.y) == (5, 30)
    assert clips.table.length.tolist() == [8]


def test_a_subject_that_is_not_found_is_said(tmp_path: Path) -> None:
    empty = np.zeros((1, 7, 84), np.float32)
    file = network(tmp_path / "d.onnx", empty)
    asked = Asked("person", False, 0.1, file, 0)
    clip = film(sway(60, 50, 20), frames=4)
    crop = find_crop(asked, lambda: enumerate(clip), None, True, 32)
    assert crop.remarks == (Remark.NOTHING,)
    assert crop.square(0) == (20, 0, 120)
    two = yolov8()[0]
    two[0, :, 20] = [50, 30, 16, 28, 0.8, 0, 0]  # a second one, as large
    asked = Asked("person", False, 0.1, network(tmp_path / "two.onnx", two), 0)
    crop = find_crop(asked, lambda: enumerate(clip), None, True, 32)
    assert crop.remarks == (Remark.OTHERS,)
