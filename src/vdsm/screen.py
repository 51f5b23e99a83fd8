"""Where commands print: names of users are printed as they are, square brackets and all."""

from rich.console import Console


def screen(stderr: bool = False, quiet: bool = False) -> Console:
    """A console that takes nothing in a text for markup, nor colours numbers in it."""
    return Console(stderr=stderr, quiet=quiet, markup=False, highlight=False)
