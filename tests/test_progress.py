"""What training shows where the output is no terminal."""

import io

import pytest
from rich.console import Console

from vdsm.progress import LINES_PER_STAGE, TrainingBar


@pytest.mark.parametrize(("steps", "every", "lines"), [(150, 10, 15), (2000, 10, 20), (7, 1, 7)])
def test_at_most_twenty_lines_of_a_stage_and_the_last(steps: int, every: int, lines: int) -> None:
    """As many as are logged, where these are fewer; evenly over the stage."""
    out = io.StringIO()
    bar = TrainingBar(Console(file=out))
    logged = sorted({*range(every, steps, every), steps})
    for step in logged:
        bar.metrics({"name": "stage1", "step": step, "steps": steps, "kl_z": 1.0})
    shown = [int(line.split()[1].split("/")[0]) for line in out.getvalue().splitlines()]
    assert len(shown) == lines <= LINES_PER_STAGE
    assert shown[-1] == steps
