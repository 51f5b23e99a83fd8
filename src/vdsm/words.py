"""Numbers with their nouns, as people write them."""


def counted(number: int, noun: str) -> str:
    """1 clip, 2 clips, 12,000 clips."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
