"""What a model can be asked by the panel, beside the codes of clips: functions, or None."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from vdsm.evaluate.inputs import Array, Inputs
from vdsm.evaluate.stream import Decode
from vdsm.notation import Video

Generate = Callable[[int, np.random.Generator], Any]
Encode = Callable[[Video], Mapping[str, Any]]  # clips [B, T, C, H, W] -> codes of B clips
Swap = Callable[[Video, Video], Any]  # clips of identity and of action -> clips
Draw = Callable[[int, np.random.Generator], tuple[Any, Any]]  # -> content [n, ...], motion [n, ...]
Render = Callable[[Array, Array], Any]  # content and motion of B clips -> clips

NOT_GIVEN = {
    "labels": "the data say neither who nor what their clips show, so there is nothing to judge by",
    "action": "no action factor",
    "codes": "no codes were given",
    "s": "there is no code of the individual",
    "motion": "there is no code of the motion",
    "truth": "the data do not say how each frame was drawn, as drawn data can (vdsm.data.truth)",
    "redraw": "the true swap is not known: nobody can be drawn in another's take",
    "unseen": "no pair of clips makes a combination that training left out",
    "generate": "no function for it was given",
    "fitted": "no density was fitted to training codes",
    "fitted_identity": "no density was fitted to training codes",
    "swap": "swaps take codes of individual and motion and a decoder, or a function that swaps",
}


@dataclass(frozen=True)
class System:
    """The functions of a model; `lacking` says of those that are None why, one sentence each."""

    decode: Decode | None = None
    encode: Encode | None = None
    swap: Swap | None = None
    sample_identity: Generate | None = None
    generate: Generate | None = None
    fitted_identity: Generate | None = None
    fitted: Generate | None = None
    draw: Draw | None = None
    render: Render | None = None
    lacking: Mapping[str, str] = field(default_factory=dict)

    def lacks(self, inputs: Inputs, *needed: str) -> str | None:
        """Why the first of these that is missing is so; None where all are there.

        needed: names of fields, or "labels", "action", "codes", "s", "motion", "unseen", "swap",
        or "again": clips drawn again, from their codes or by swapping each with itself.
        """
        again = ("codes", "decode") if self.swap is None else ()
        parts = ((name,) if name != "again" else again for name in needed)
        for name in chain.from_iterable(parts):
            if not self._has(inputs, name):
                return self.lacking.get(name, NOT_GIVEN.get(name, f"no {name} was given"))
        return None

    def _has(self, inputs: Inputs, name: str) -> bool:
        codes = inputs.codes
        motion = any(code != "s" for code in codes)
        by_codes = "s" in codes and motion and self.decode is not None
        known = {
            "labels": bool(inputs.labels),
            "action": bool(inputs.factors("action")),
            "codes": bool(codes),
            "s": "s" in codes,
            "motion": motion,
            "unseen": inputs.unseen is not None and len(inputs.unseen) > 0,
            "truth": inputs.truth is not None,
            "redraw": inputs.truth is not None and inputs.truth.draw is not None,
            "swap": by_codes or self.swap is not None,
        }
        return known[name] if name in known else getattr(self, name) is not None
