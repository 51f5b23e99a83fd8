"""How often the judges name real test clips rightly: `judge.<factor>.accuracy`, and its floor.

It comes first: nothing else is measured unless every judge passes.
"""

from vdsm.data.clips import Ints
from vdsm.errors import InputError
from vdsm.evaluate.context import Context
from vdsm.evaluate.inputs import Inputs
from vdsm.evaluate.intervals import Bootstrap
from vdsm.evaluate.judge import Verdicts
from vdsm.evaluate.metric import Metric
from vdsm.evaluate.result import Numbers
from vdsm.words import counted


def accuracies(found: Verdicts, inputs: Inputs, rows: Ints, bootstrap: Bootstrap) -> Numbers:
    """Share of clips whose factor the judge names rightly, among those whose label is known."""
    numbers = {}
    for name, probabilities in found.items():
        truth = inputs.labels[name][rows]
        known = truth >= 0
        right = probabilities.argmax(-1) == truth
        numbers[name] = bootstrap.share(right[known], inputs.groups[rows][known])
    return numbers


def require_floor(numbers: Numbers, floor: float) -> None:
    """InputError that names every judge whose accuracy on real test clips is below the floor."""
    low = [
        f"'{name}' {100 * number.value:.1f} %"
        for name, number in numbers.items()
        if number.value < floor
    ]
    if low:
        count = max(number.n for number in numbers.values())
        raise InputError(
            f"judge below its floor of {100 * floor:.1f} % on {counted(count, 'real test clip')}: "
            f"{', '.join(low)}; give it more training clips or steps, or lower the floor"
        )


def measure(context: Context) -> Numbers:
    """On every real test clip; InputError below the floor."""
    inputs = context.inputs
    verdicts = context.real().seen.verdicts
    found = accuracies(verdicts, inputs, inputs.test, context.bootstrap)
    require_floor(found, context.settings.floor)
    return {f"{name}.accuracy": number for name, number in found.items()}


METRIC = Metric("judge", measure, ("labels",))
