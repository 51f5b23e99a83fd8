"""Numbers that others report, to stand beside: constants and where they come from. Percent."""

from collections.abc import Mapping
from dataclasses import dataclass

VDSM = "Vowels, Camgoz and Bowden, VDSM, CVPR 2021"


@dataclass(frozen=True)
class Row:
    """A factor's row in Table 1 of the paper."""

    consistency: float
    from_s: float
    from_d: float


# Table 1: "Acc. Cons.", "ID Acc.", "Dyn. Acc."
TABLE_1: Mapping[str, Mapping[str, Row]] = {
    "sprites": {
        "body": Row(99.67, 98.67, 52.67),
        "shirt": Row(99.67, 99.67, 47.33),
        "pants": Row(99.00, 97.67, 31.67),
        "hair": Row(100.00, 99.33, 21.00),
        "action": Row(99.33, 45.00, 99.33),
    },
    "mug": {"person": Row(98.67, 99.00, 65.67), "expression": Row(88.00, 57.33, 83.33)},
}

# Table 2: accuracy consistency averaged over factors.
TABLE_2: Mapping[str, Mapping[str, float]] = {
    "sprites": {"VDSM": 99.53, "S3VAE": 99.49, "DSA": 90.73, "MoCoGAN": 92.89},
    "mug": {"VDSM": 93.33, "S3VAE": 70.51, "DSA": 54.29, "MoCoGAN": 63.12},
}

# Table 3: FID on MUG by 3D ResNeXt-101.
TABLE_3: Mapping[str, float] = {
    "VDSM, reconstruction": 17.64,
    "VDSM, generation": 44.12,
    "G3AN": 67.12,
    "MoCoGAN": 87.11,
    "TGAN": 97.07,
    "VGAN": 160.76,
}

# The judge's action where identity is drawn from the prior ("Acc"), as each paper reports it.
PRIOR_ACCURACY: Mapping[str, Mapping[str, float]] = {
    "sprites": {"S3VAE": 99.49, "C-DSVAE": 99.99, "SKD": 100.0, "SPYL": 100.0, "DBSE": 100.0},
}
