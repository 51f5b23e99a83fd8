"""Options that say how clips are cropped: checked before hours of decoding."""

from vdsm.data.crop.asked import SUBJECTS
from vdsm.data.crop.seeing import look_with
from vdsm.data.folder.boxes import read_boxes
from vdsm.data.folder.cropping import NO_CROPPING, Cropping
from vdsm.data.folder.item import Item
from vdsm.data.folder.options import FolderOptions
from vdsm.errors import InputError
from vdsm.video import parse_crop


def check_crop(options: FolderOptions) -> None:
    """InputError for options that do not go together, or a crop that is none."""
    if options.crop not in SUBJECTS:
        try:
            parse_crop(options.crop)
        except InputError as error:
            more = "" if "," in options.crop else f", or {', '.join(SUBJECTS)}"
            raise InputError(f"{error}{more}") from None
    if options.boxes is not None and options.crop != "centre":
        raise InputError(f"--boxes and --crop {options.crop} both say where to crop: give one")
    if options.follow and options.asked is None:
        raise InputError(f"--follow needs a subject: give --crop {', '.join(SUBJECTS)}, or --boxes")
    if options.crop == "person" and options.detector is None:
        raise InputError(
            "--crop person needs a detector: name an ONNX or TFLite file by --detector (the page"
            " on your own videos, docs/data-folder.md, names a public one)"
        )
    if options.detector is not None and options.crop != "person":
        raise InputError("--detector is for --crop person: give both, or neither")


def cropping_of(options: FolderOptions, items: list[Item]) -> tuple[Cropping, list[str]]:
    """What is asked for all clips, and remarks; InputError where it cannot be done.

    Boxes are read, and a detector is opened, here: what is wrong with either is said at once.
    """
    asked = options.asked
    if asked is None:
        return NO_CROPPING, []
    if options.boxes is not None:
        given, told = read_boxes(options.boxes, items, options.likelihood)
        return Cropping(asked, given), told
    look_with(asked.by, asked.detector, asked.label)
    return Cropping(asked), []
