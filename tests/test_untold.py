"""`benchmarks/untold.py`: what each measurement says of a run becomes a cell."""

import pytest

from benchmark import load

untold = load("untold")


def probe(accuracy: float, chance: float) -> dict[str, dict[str, float]]:
    return {"linear": {"accuracy": accuracy, "chance": chance}, "mlp": {"accuracy": accuracy / 2}}


def test_what_judges_say() -> None:
    read = {"s": {"who": probe(1.0, 0.1), "what": probe(0.5, 0.25)}}
    read["d"] = {"who": probe(0.2, 0.1), "what": probe(1.0, 0.25)}
    found = {
        "roles": {"who": "identity", "what": "action"},
        "swap": {"joint": 0.9, "identity": 0.95, "action": 0.92},
        "intervals": {"swap.joint": [0.8, 0.97]},
        "n": 30,
        "reconstruction": {"psnr": 21.5},
        "leakage": read,
        "leakage_raw": {code: {f: probe(0.8, 0.1) for f in of} for code, of in read.items()},
    }
    cell = untold.measured(found)
    assert cell["right"] == pytest.approx(90)
    assert cell["interval"] == pytest.approx([80, 97])
    assert cell["parts"] == pytest.approx({"who": 95, "what": 92})
    assert cell["leaks"]["what from s"] == pytest.approx([80, 50, 25])
    assert cell["leaks"]["who from d"] == pytest.approx([80, 20, 10])
    assert set(cell["leaks"]) == {"what from s", "who from d"}


def test_what_true_clips_say() -> None:
    sprites = {"swaps": 300, "nearest_is_true": 0.96, "psnr": 27.0}
    digits = sprites | {"nearest_is_of_its_class": 0.8, "pixels_off": 0.4}
    assert untold.measured(sprites)["right"] == pytest.approx(96)
    assert untold.measured(digits)["right"] == pytest.approx(80)
    assert untold.measured(digits)["parts"] == {"pixels off": 0.4}


def test_what_renderings_say_the_worst_factors_are_named() -> None:
    read = {"moves": 50.0, "hue": 100.0, "form": 40.0, "size": 90.0, "all": 30.0}
    cell = untold.measured({"swap.read": read, "swaps": 60})
    assert (cell["right"], cell["n"]) == (30.0, 60)
    assert list(cell["parts"]) == ["form", "moves", "size"]
