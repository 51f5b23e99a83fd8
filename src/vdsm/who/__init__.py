"""Who is who, found from looks alone: which clips show the same individual."""

from weakref import WeakKeyDictionary

from vdsm.data.clips import Clips, Ints
from vdsm.who.found import Found
from vdsm.who.looks import looks_of, without_commonest
from vdsm.who.pairs import find, pairs, score

_KNOWN: WeakKeyDictionary[Clips, dict[bytes, Found]] = WeakKeyDictionary()


def found_among(clips: Clips, chosen: Ints) -> Found:
    """Who is who among some clips: a function of their frames alone, found once."""
    known = _KNOWN.setdefault(clips, {})
    key = chosen.tobytes()
    if key not in known:
        looks = looks_of(clips, chosen)
        known[key] = find(looks, without_commonest(looks))
    return known[key]


__all__ = ["Found", "find", "found_among", "looks_of", "pairs", "score", "without_commonest"]
