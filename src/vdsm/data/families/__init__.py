"""Small families of procedural clips, of which everything is known: who, what, every pixel.

Eight worlds on which nothing needs to be tuned: settings are chosen on `CHOSEN_ON` alone, the
others are for reports.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vdsm.data.families import bodies, objects, parts
from vdsm.data.families.factors import Params, Varies
from vdsm.data.families.paint import Array


@dataclass(frozen=True)
class Family:
    """What varies, and how it is drawn."""

    factors: tuple[Varies, ...]
    draw: Callable[[Params, int, int], Array]  # (params, frames, size) -> [N, T, H, W, C] in [0, 1]
    channels: int = 3
    shift: float = 0.0  # of the side, by which single frames may be off: a shake nobody can foresee
    # Individuals that differ in the one have no counterpart of the others: what phase of a wheel of
    # three blades is that of one of two?
    unlike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


FAMILIES: dict[str, Family] = {
    "curves": Family(objects.CURVED, objects.curved),
    "textures": Family(objects.TEXTURED, objects.textured),
    "grey": Family(objects.GREY, objects.greyed, channels=1),
    "figures": Family(bodies.FIGURE, bodies.figure),
    "wheels": Family(bodies.WHEEL, bodies.wheel, unlike={"blades": ("phase", "turns")}),
    "shake": Family(objects.SHAKEN, objects.shaken, shift=objects.SHAKE),
    "arms": Family(parts.ARM, parts.arm),
    "tiles": Family(parts.TILE, parts.tile),
}
CHOSEN_ON = (
    "curves",
    "textures",
    "grey",
    "wheels",
)  # settings are chosen on these; the rest are reported
