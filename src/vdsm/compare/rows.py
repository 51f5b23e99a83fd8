"""Which figures stand in the table of a comparison, in which unit, beside which chance."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vdsm.compare.gather import COSTS, Compared
from vdsm.evaluate.readings import NONE, Readings

NULLS = {
    "action_clip": "null: action's clip",
    "still": "null: identity held still",
    "mean_clip": "null: mean clip",
    "whole_clip": "null: whole clip as code",
    "random": "null: random code",
}


@dataclass(frozen=True)
class Figure:
    """A figure of the panel."""

    label: str
    key: str
    percent: bool = True
    chance: str = ""  # key of what luck would give
    null: str = ""  # key in null systems, where it is another
    digits: int = 1

    def shown(self, readings: Readings) -> str:
        """As it is printed, with its spread over runs or its interval."""
        if self.percent:
            return readings.percent(self.key)
        return readings.number(self.key, self.digits)

    def value(self, readings: Readings) -> float | None:
        """The bare number, in its unit."""
        return self.in_unit(readings.value(self.key))

    def of_null(self, readings: Readings, name: str) -> float | None:
        """The number of a system that learned nothing."""
        return self.in_unit(readings.value(f"null.{name}.{self.null or self.key}"))

    def in_unit(self, value: float | None) -> float | None:
        """Percent of a share."""
        return None if value is None else value * (100 if self.percent else 1)


@dataclass(frozen=True)
class Row:
    """One line: what it says, a cell for each method, for each null system, and chance."""

    label: str
    cells: tuple[str, ...]
    nulls: tuple[str, ...]
    chance: str
    values: tuple[float | None, ...]  # of the methods

    @property
    def short(self) -> list[str]:
        """The cells without their intervals."""
        return [cell.split(" [")[0] for cell in self.cells]


def table(systems: Sequence[Compared]) -> tuple[list[str], list[Row]]:
    """Column heads, and the rows of which some system has a figure."""
    nulls = [n for n in NULLS if any(s.readings.children(f"null.{n}") for s in systems)]
    heads = [*(s.head for s in systems), *(NULLS[n] for n in nulls), "chance"]
    asked = [{figure.label: figure for figure in of(s)} for s in systems]
    labels = dict.fromkeys(label for one in asked for label in one)
    rows = [row([one[label] for one in asked], systems, nulls) for label in labels]
    told = [r for r in rows if any(v is not None for v in r.values)]
    return heads, told + [cost(name, systems, len(nulls)) for name in COSTS]


def of(system: Compared) -> Iterator[Figure]:
    """The figures that are asked of a system."""
    roles: Mapping[str, str] = system.result["roles"]
    yield Figure("swaps right in all factors, %", "swap.joint")
    yield Figure("swaps: identity right, %", "swap.identity")
    yield Figure("swaps: action right, %", "swap.action")
    for name, said in (("joint", "all factors"), ("identity", "identity"), ("action", "action")):
        yield Figure(f"own draws recombined: {said} kept, %", f"recombination.{name}")
    for factor in roles:
        key = f"recombination.factors.{factor}.h_y"
        yield Figure(f"H(y) of own draws: {factor}, nats", key, False, digits=3)
    for factor, role in roles.items():
        yield from leaks(system.readings, factor, role)
    yield Figure("Acc: action right, identity from the prior, %", "prior.accuracy")
    yield Figure("H(y) of these, nats", "prior.h_y", False, digits=3)
    yield Figure("H(y|x) of these, nats", "prior.h_y_given_x", False, digits=3)
    yield Figure("H(y) of new clips, nats", "paper.h_y", False, digits=3)
    yield Figure("H(y|x) of new clips, nats", "paper.h_y_given_x", False, digits=3)
    yield Figure("accuracy consistency, %", "paper.accuracy_consistency")
    for features in ("judge", "pixels", "resnext101"):
        for end, said in (("", "reconstructions"), ("_generated", "new"), ("_fitted", "fitted")):
            label = f"Fréchet distance by {features}, {said}"
            yield Figure(label, f"frechet.{features}{end}", False, digits=2)
    yield Figure("PSNR of reconstructions, dB", "reconstruction.psnr", False, digits=2)
    for code in ("s", "d", "z"):
        yield Figure(f"numbers in {code}", f"sizes.{code}", False, digits=0)


def leaks(readings: Readings, factor: str, role: str) -> Iterator[Figure]:
    """What can be read of a factor from both codes, raw and through the readout."""
    wrong = "s" if role == "action" else readings.motion()
    right = readings.motion() if role == "action" else "s"
    for code, said in ((wrong, "leak: "), (right, "")):
        for prefix, how in (("leakage_raw", "raw"), ("leakage", "read out")):
            key = readings.better(code, factor, prefix)
            probe = key.split(".")[-2]
            yield Figure(
                f"{said}{factor} from {wanted(code)}, {how}, %",
                key,
                chance=f"{key.removesuffix('.accuracy')}.chance",
                null=f"leakage.{'s' if code == 's' else 'd'}.{factor}.{probe}.accuracy",
            )


def wanted(code: str) -> str:
    """What a code should hold; d, or z of a method without d."""
    return "the identity's code" if code == "s" else "the motion's code"


def row(figures: Sequence[Figure], systems: Sequence[Compared], nulls: Sequence[str]) -> Row:
    """A figure of every system; nulls and chance as the first one that has them says."""
    pairs = [(f, s.readings) for f, s in zip(figures, systems, strict=True)]
    digits = figures[0].digits
    chance = first(r.value(f.chance) for f, r in pairs)
    return Row(
        figures[0].label,
        tuple(f.shown(r) for f, r in pairs),
        tuple(plain(first(f.of_null(r, null) for f, r in pairs), digits) for null in nulls),
        plain(None if chance is None else 100 * chance, 1),
        tuple(f.value(r) for f, r in pairs),
    )


def first(values: Iterable[float | None]) -> float | None:
    """The first that there is."""
    return next((value for value in values if value is not None), None)


def plain(value: float | None, digits: int) -> str:
    """A number as it is printed, nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def cost(name: str, systems: Sequence[Compared], nulls: int) -> Row:
    """What a method took: the mean over its runs and its spread."""
    cells = []
    for system in systems:
        mean, sd = system.cost(name)
        spread = f" ± {sd:,.0f}" if sd else ""
        cells.append(NONE if mean is None else f"{mean:,.0f}{spread}")
    values = tuple(system.cost(name)[0] for system in systems)
    return Row(COSTS[name], tuple(cells), ("",) * nulls, "", values)
