"""The order of files whose names hold numbers: frame2 before frame10, t0.15 before t0.2."""

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

DECIMAL = re.compile(r"(?<![0-9.])[0-9]+\.[0-9]+(?![0-9]|\.[0-9])")
Key = list[tuple[Decimal, str]]
TEXT = Decimal(-1)  # sorts before every number


def natural_key(name: str) -> Key:
    """Sorts numbers inside names by their value: a2 before a10. Digits after a dot too: 1.2, 1.10.

    Names with numbers of one value (a1, a01) are told apart by their text.
    """
    return _key(re.split(r"([0-9]+)", name), name)


def _key(parts: list[str], name: str) -> Key:
    """Parts are text and numbers by turns."""
    values = [(Decimal(part), "") if i % 2 else (TEXT, part) for i, part in enumerate(parts)]
    return [*values, (TEXT, name)]


def in_order(files: Iterable[Path]) -> list[Path]:
    """Files in natural order of their names, with decimals by value where the names hold some."""
    found = list(files)
    if _has_decimals([file.stem for file in found]):
        number = re.compile(f"({DECIMAL.pattern}|[0-9]+)")
        return sorted(found, key=lambda f: (_key(number.split(f.stem), f.stem), f.suffix))
    return sorted(found, key=lambda f: (natural_key(f.stem), f.suffix))


def _has_decimals(names: list[str]) -> bool:
    """Whether 1.10 is 1.1 in these names, and not what comes after 1.9.

    Decimals differ in length only where none ends in 0 (t0.1, t0.15, t1.0), since whoever writes
    the zeros writes all numbers of one length, and then both readings sort alike. Versions and
    sections that go beyond 9 hold a 10.
    """
    fractions = [found.group().split(".")[1] for name in names for found in DECIMAL.finditer(name)]
    ends_in_zero = any(len(digits) > 1 and digits.endswith("0") for digits in fractions)
    return len({len(digits) for digits in fractions}) > 1 and not ends_in_zero
