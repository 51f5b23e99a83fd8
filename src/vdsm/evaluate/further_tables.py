"""Tables of what models of any kind can be asked, and of systems that learned nothing."""

from collections.abc import Iterator

from rich.table import Table

from vdsm.evaluate.readings import Readings, bare, table

NULLS = {
    "action_clip": "the action's clip itself",
    "still": "first frame held still",
    "mean_clip": "average training clip",
    "whole_clip": "the whole clip",
    "random": "random numbers",
}
CYCLE = {  # figure of `unlabelled.cycle.<code>`, what it says, its chance
    "nearest": ("of swaps encoded again is nearest to the right clip", "chance"),
    "between": ("is nearer to the right one of the two clips", "50.0"),
    "rank": ("other clips are farther than the right one", "50.0"),
}
TRUE_SWAPS = {
    "person": "nearest of all people in this take, percent",
    "take": "nearest of the takes by this person, percent",
    "action": "a take of the right action is nearest, percent",
    "both": "person and take, percent",
}
TAUGHT = {"shuffled": "taught other clips' poses", "individual": "knowing who it is"}


def recombination(figures: Readings) -> Table | None:
    """Draws of the model's own; never to be read without H(y)."""
    if not figures.children("recombination"):
        return None
    shown = table(
        "Recombination: the model's own draws exchange content and motion, percent",
        *("factor", "judged alike", "chance", "H(y), nats", "sure draws"),
    )
    for factor in figures.children("recombination.factors"):
        key = f"recombination.factors.{factor}"
        shown.add_row(
            factor,
            figures.percent(f"{key}.agreement"),
            bare(figures, f"{key}.chance"),
            figures.number(f"{key}.h_y"),
            bare(figures, f"{key}.sure"),
        )
    shown.add_section()
    for name, label in (("identity", "every identity factor"), ("action", "every action factor")):
        shown.add_row(label, figures.percent(f"recombination.{name}"))
    shown.add_row(
        "all together",
        figures.percent("recombination.joint"),
        "",
        figures.number("recombination.h_y"),
        bare(figures, "recombination.sure"),
    )
    return shown


def alone(figures: Readings) -> Table | None:
    """What one code draws with the average of the others."""
    if not figures.children("alone"):
        return None
    shown = table(
        "One code alone, the other at its average: the clip's own value is judged, percent",
        *("factor", "s alone", "motion alone", "chance"),
    )
    for factor in figures.children("alone.s.factors"):
        shown.add_row(
            factor,
            *(figures.percent(f"alone.{c}.factors.{factor}.accuracy") for c in ("s", "motion")),
            bare(figures, f"alone.s.factors.{factor}.chance"),
        )
    shown.add_row("PSNR, dB", *(figures.number(f"alone.{c}.psnr", 2) for c in ("s", "motion")))
    return shown


def codes(figures: Readings) -> Table | None:
    """Size, verification and retrieval of every code, and of null codes."""
    parts = ("sizes", "verification", "retrieval")
    names = list(dict.fromkeys(name for part in parts for name in figures.children(part)))
    if not names:
        return None
    shown = table(
        "Codes: error of telling individuals apart (chance 50), what the nearest other clip shows",
        *("code", "numbers", "error", "action", "chance", "individual", "chance"),
    )
    rows = [(name, "", name) for name in names]
    rows += [
        (f"null: {NULLS[null]}", f"null.{null}.", "s")
        for null in ("whole_clip", "random")
        if figures.children(f"null.{null}")
    ]
    for label, prefix, name in rows:
        key = f"{prefix}retrieval.{name}"
        shown.add_row(
            label,
            figures.number(f"{prefix}sizes.{name}", 0),
            figures.percent(f"{prefix}verification.{name}.eer"),
            figures.percent(f"{key}.action.accuracy"),
            bare(figures, f"{key}.action.chance"),
            figures.percent(f"{key}.individual.accuracy"),
            bare(figures, f"{key}.individual.chance"),
        )
    return shown


def unlabelled(figures: Readings) -> Table | None:
    """What needs no label."""
    if not figures.children("unlabelled"):
        return None
    shown = table("Measured without labels", "", "value", "beside")
    for code in figures.children("unlabelled.cycle"):
        key = f"unlabelled.cycle.{code}"
        for name, (label, chance) in CYCLE.items():
            usual = bare(figures, f"{key}.chance") if chance == "chance" else chance
            shown.add_row(f"{code} {label}, percent", figures.percent(f"{key}.{name}"), usual)
    for part, whose, what in (
        ("motion", "action", "where and how much it moves, correlation with the action's clip"),
        ("motion.displaced", "action", "the same, cosine wherever in the frame it fits best"),
        ("colours", "identity", "colours shared with the identity's clip"),
    ):
        key = f"unlabelled.{part}"
        if figures.children(key):
            usual = f"a stranger's {figures.number(f'{key}.stranger').split(' ')[0]}"
            shown.add_row(f"swap: {what}", figures.number(f"{key}.{whose}"), usual)
    if figures.children("unlabelled.diversity"):
        value = figures.number("unlabelled.diversity.ratio", 2)
        shown.add_row("new clips: how much they differ, of real clips' 1", value, "1 is real")
    return shown


def true_swaps(figures: Readings) -> Table | None:
    """Swaps beside the true ones, of drawn data."""
    if not figures.children("truth.swap"):
        return None
    n = figures.counts.get("truth.swap.psnr", "")
    shown = table(f"True swaps, drawn anew, beside {n} swaps", "", "value", "beside")
    for name, what in TRUE_SWAPS.items():
        key = f"truth.swap.nearest.{name}"
        shown.add_row(what, figures.percent(key), bare(figures, f"truth.swap.chance.{name}"))
    for name, label, digits in (("psnr", "PSNR to the true swap, dB", 2), ("ssim", "SSIM", 3)):
        own = figures.number(f"truth.swap.action_clip.{name}", digits).split(" ")[0]
        value = figures.number(f"truth.swap.{name}", digits)
        shown.add_row(label, value, f"{own}, the action's own clip")
    return shown


def true_poses(figures: Readings) -> Table | None:
    """What a linear read-out says of the true pose: the mean, and what is said best and worst."""
    codes = figures.children("truth.pose")
    if not codes:
        return None
    shown = table(
        "The true pose, read linearly from each code: R²", "from", "mean", "best", "worst"
    )
    for code in codes:
        names = [name for name in figures.children(f"truth.pose.{code}") if name != "mean"]
        values = sorted((figures.value(f"truth.pose.{code}.{n}") or 0.0, n) for n in names)
        cells = (f"{name} {value:.2f}" for value, name in (values[-1], values[0]))
        shown.add_row(TAUGHT.get(code, code), figures.number(f"truth.pose.{code}.mean"), *cells)
    return shown


def nulls(figures: Readings) -> Iterator[Table | None]:
    """The ends of the scales: of swaps and reconstructions, and of what is read from codes."""
    drawn = [n for n in NULLS if figures.children(f"null.{n}.swap")]
    drawn += [n for n in NULLS if figures.children(f"null.{n}.reconstruction") and n not in drawn]
    if drawn:
        shown = table(
            "Systems that learned nothing: swaps in percent, and reconstructions",
            *("", "all factors", "identity", "action", "PSNR, dB", "SSIM"),
        )
        for name in drawn:
            key = f"null.{name}"
            shown.add_row(
                NULLS[name],
                *(
                    figures.percent(f"{key}.swap.{part}")
                    for part in ("joint", "identity", "action")
                ),
                figures.number(f"{key}.reconstruction.psnr", 2),
                figures.number(f"{key}.reconstruction.ssim"),
            )
        yield shown
    factors = figures.children("null.random.leakage.s")
    if factors:
        both = ("whole_clip", "random")
        shown = table(
            "Null codes: what is read from them, percent",
            "factor",
            *(NULLS[name] for name in both),
            "chance",
        )
        for factor in factors:
            read = [figures.better("s", factor, f"null.{name}.leakage") for name in both]
            chance = f"null.random.leakage.s.{factor}.mlp.chance"
            shown.add_row(factor, *map(figures.percent, read), bare(figures, chance))
        yield shown
