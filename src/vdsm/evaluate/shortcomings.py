"""What a result does not yet reach, in plain sentences: the table's last word."""

from collections.abc import Iterator, Mapping
from typing import Any

LEAST_SWAP = 0.99  # joint, identity and action of swaps
LEAST_UNSEEN = 0.95
LEAST_SURE = 0.9  # share of draws
LEAST_PRIOR = 0.999
LEAST_HELD = 0.995  # a factor in the code that should hold it, by the better probe
LEAST_CONSISTENCY = 0.997
MOST_LEAK = 0.05  # above chance, in a code that should not hold it; more than luck of few clips
RARE = 0.002  # p-value of the scan
PROBES = ("linear", "mlp")


def shortcomings(result: Mapping[str, Any], roles: Mapping[str, str]) -> list[str]:
    """Sentences, worst kind first; empty where every target of the panel is met.

    result: of `panel` or `aggregate`. roles: factor -> "identity" or "action".
    """
    return [
        *_swaps(result),
        *_recombined(result),
        *_held(result, roles),
        *_leaks(result, roles),
        *_raw_leaks(result, roles),
        *_judged(result),
    ]


def verdict(result: Mapping[str, Any], roles: Mapping[str, str]) -> str:
    """One line: whether the targets are met, as far as they were measured."""
    if shortcomings(result, roles):
        return "Not yet good:"
    measured = [name in result for name in ("swap", "leakage", "prior", "consistency")]
    if all(measured[:2]):
        return "Every target of the panel is met."
    if any(measured) or "recombination" in result:
        return "Every target that could be measured is met."
    return "No target of the panel could be measured."


def _swaps(result: Mapping[str, Any]) -> Iterator[str]:
    for key, name, least in (
        ("swap", "swaps", LEAST_SWAP),
        ("unseen", "swaps into unseen combinations", LEAST_UNSEEN),
    ):
        value = result.get(key, {}).get("joint")
        if value is not None and value < least:
            yield (
                f"{percent(value)} of {name} are right in every factor; "
                f"the target is {percent(least)}{_weakest(result[key])}"
            )


def _recombined(result: Mapping[str, Any]) -> Iterator[str]:
    """Of a model that swaps its own draws alone."""
    found = result.get("recombination", {})
    if not found or "swap" in result:
        return
    joint, sure = found.get("joint"), found["sure"]
    if sure < LEAST_SURE:
        yield (
            f"the judges are sure of {percent(sure)} of its draws only; "
            f"the target is {percent(LEAST_SURE)}"
        )
    if joint is not None and joint < LEAST_SWAP:
        yield (
            f"{percent(joint)} of recombined draws are judged alike in every factor; "
            f"the target is {percent(LEAST_SWAP)}"
        )


def _weakest(swap: Mapping[str, Any]) -> str:
    on_target = {
        k: v["on_target"] for k, v in swap["factors"].items() if v["on_target"] is not None
    }
    worst = min(on_target, key=lambda name: on_target[name], default=None)
    if worst is None or on_target[worst] == 1:
        return ""
    return f" (weakest: {worst}, {percent(on_target[worst])} on target)"


def _held(result: Mapping[str, Any], roles: Mapping[str, str]) -> Iterator[str]:
    for code, factor, probes in _probed(result):
        if code[0] == "z":  # probes read its average over time, in which motion can cancel
            continue
        best = max(probes[kind]["accuracy"] for kind in PROBES)
        if _belongs(code, roles.get(factor)) and best < LEAST_HELD:
            least = percent(LEAST_HELD)
            yield f"{factor} is read from {code} in {percent(best)} only; the target is {least}"


def _leaks(result: Mapping[str, Any], roles: Mapping[str, str]) -> Iterator[str]:
    for code, factor, probes in _probed(result):
        if factor not in roles or _belongs(code, roles[factor]):
            continue
        said = list(_leak(result, "leakage", code, factor, probes))
        yield from said
        if not said and probes["scan"]["p_value"] <= RARE:
            scan = probes["scan"]
            share = scan["share"]
            which = "all clips" if share == 1 else f"the surest {percent(share)} of clips"
            yield (
                f"{factor} leaks into {code} a little: of {which} it is read in "
                f"{percent(scan['accuracy'])}, by luck in {percent(scan['expected'])}"
            )


def _raw_leaks(result: Mapping[str, Any], roles: Mapping[str, str]) -> Iterator[str]:
    if "leakage_raw" in result.get("notes", {}):  # there is no readout
        return
    for code, factor, probes in _probed(result, "leakage_raw"):
        if factor in roles and not _belongs(code, roles[factor]):
            yield from _leak(result, "leakage_raw", code, factor, probes)


def _leak(
    result: Mapping[str, Any], prefix: str, code: str, factor: str, probes: Mapping[str, Any]
) -> Iterator[str]:
    """One sentence where a probe that is sure of it reads much more than chance."""
    above = {k: probes[k]["accuracy"] - probes[k]["chance"] for k in PROBES}
    sure = [kind for kind in PROBES if _sure(result, f"{prefix}.{code}.{factor}.{kind}.excess")]
    kind = max(sure, key=lambda kind: above[kind], default=None)
    if kind and above[kind] > MOST_LEAK:
        accuracy, chance = probes[kind]["accuracy"], probes[kind]["chance"]
        before = ", before it is read out" if prefix == "leakage_raw" else ""
        yield (
            f"{factor} leaks into {code}{before}: a probe ({kind}) reads it in "
            f"{percent(accuracy)}, chance is {percent(chance)}"
        )


def _sure(result: Mapping[str, Any], key: str) -> bool:
    """Whether a figure's interval lies above 0; one without an interval stands for itself."""
    low = result.get("intervals", {}).get(key, [None])[0]
    return low is None or low > 0


def _judged(result: Mapping[str, Any]) -> Iterator[str]:
    for row, source in (("prior", "the prior"), ("fitted", "the fitted density")):
        value = result.get(row, {}).get("accuracy")
        if value is not None and value < LEAST_PRIOR:
            yield f"with an identity from {source} the action is right in {percent(value)} of clips"
    mean = result.get("paper", {}).get("accuracy_consistency")
    if mean is not None and mean < LEAST_CONSISTENCY:
        yield f"judges say the same of a clip and its reconstruction in {percent(mean)} of cases"


def _probed(
    result: Mapping[str, Any], prefix: str = "leakage"
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for code, factors in result.get(prefix, {}).items():
        for factor, probes in factors.items():
            yield code, factor, probes


def _belongs(code: str, role: str | None) -> bool:
    """Whether a code may hold factors of a role: s identity; d, and z beside it, action."""
    return (code[0] == "s") == (role == "identity")


def percent(value: float | None) -> str:
    """98.7 %, or a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"
