"""Who is who, found from looks alone: which clips show the same individual."""

from vdsm.who.looks import looks_of
from vdsm.who.pairs import Found, find, score

__all__ = ["Found", "find", "looks_of", "score"]
