"""What training shows where the output is no terminal."""

import io
import re

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


@pytest.mark.parametrize("width", [36, 40, 50, 69, 70, 80, 100, 200])
def test_a_narrow_terminal_loses_terms_and_never_the_step(width: int) -> None:
    """On one line, as the bar is drawn last."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    bar = TrainingBar(console)
    with bar.bar:
        terms = {"log_pose": -123.4, "log_likelihood": 12345.6, "kl_z": 33.3, "kl_s": 2.2}
        bar.metrics({"name": "stage1", "step": 1234, "steps": 4000, **terms})
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    drawn = [line for line in re.split(r"[\r\n]", plain) if line.strip()][-1]
    assert "stage1" in drawn
    assert "1234/4000" in drawn
    assert "-:--:--" in drawn or re.search(r"\d:\d\d:\d\d", drawn)
    assert len(drawn.rstrip()) <= width
    assert ("KL s 2.2" in drawn) == (width == 200)
