"""What looks wrong with a box, and what to do about it."""

from enum import StrEnum


class Remark(StrEnum):
    """As it stands in crops.csv."""

    CAMERA = "the camera moves"
    SEVERAL = "several movers"
    STILL = "nothing moves"
    NOISE = "noise only"
    MOST = "most of the picture"
    SMALL = "very small"
    NOTHING = "nothing found"
    SELDOM = "found seldom"
    OTHERS = "several found"
    LOST = "lost for long"
    CUT = "cut by the edge"


ADVICE = {
    Remark.CAMERA: "the background shifts in the crop: hold the camera still, or leave it out",
    Remark.SEVERAL: "the box is around the one that moves most: look, or give --boxes",
    Remark.STILL: "the middle of the picture is taken: give a box, or another --crop",
    Remark.NOISE: "the middle of the picture is taken: film with more light, or give a box",
    Remark.MOST: "the box is hardly smaller than the picture: does it follow one subject alone?",
    Remark.SMALL: "the subject has fewer pixels than the crop: film it from nearer",
    Remark.NOTHING: "the middle of the picture is taken: give --boxes, or another --crop",
    Remark.SELDOM: "found in less than half of the frames: look whether the box holds",
    Remark.OTHERS: "the box is around one of them: look whether it is the one you mean",
    Remark.LOST: "nothing was found for more than a quarter of the clip: the box stands meanwhile",
    Remark.CUT: "the box reaches beyond the picture: what is not there is black",
}
