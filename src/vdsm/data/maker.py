"""What every dataset maker shares: its entry in the table of makers, and the record it leaves."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vdsm.version import __version__


@dataclass(frozen=True)
class Maker:
    """A dataset that `vdsm data <name>` makes: its options become the command's flags."""

    options: type[Any]  # a frozen pydantic dataclass, every field with a description
    make: Callable[[Path, Any], None]  # writes the dataset folder
    help: str  # one line
    # Most clips that these options can give, where that is known before the work is done.
    most: Callable[[Any], int | None] = lambda _: None


def provenance(
    maker: str, options: Any, *, source: str, licence: str, **more: Any
) -> dict[str, Any]:
    """The record `Info.made`: what made a dataset, from what, with which options.

    Of a path only the last part is kept, so that the same data made from another folder has the
    same record. `more` holds what is particular to a maker, as JSON values.
    """
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    chosen = {name: v.name if isinstance(v, Path) else v for name, v in values.items()}
    record = {"maker": maker, "version": __version__, "source": source, "licence": licence}
    return record | {"options": chosen} | more
