"""The run-time type checker: numbers count as they do for mypy and NumPy."""

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

checked = beartype(
    conf=BeartypeConf(
        is_pep484_tower=True,  # an int is a float, a float is complex
        hint_overrides=FrozenDict({int: int | np.integer}),
    )
)
