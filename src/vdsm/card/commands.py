"""The `vdsm data` command that made a dataset, from the record that the dataset keeps."""

import shlex
from typing import Any

from vdsm.config import describe
from vdsm.data import MAKERS
from vdsm.data.clips import Info


def data_command(info: Info) -> list[str]:
    """One line with every option that is not the default; none if the maker is not known.

    Of paths a dataset keeps the last part only: they appear as SOURCE or the option's name.
    """
    name, options = str(info.made.get("maker")), info.made.get("options")
    if name not in MAKERS or not isinstance(options, dict):
        return []
    words = ["vdsm", "data", name]
    for option, field in describe(MAKERS[name].options).items():
        value = options.get(option)
        if value is None or (not field.is_required() and value == plain(field.get_default())):
            continue
        is_path = "Path" in str(field.annotation)
        words += [f"--{option.replace('_', '-')}", option.upper() if is_path else plain_word(value)]
    return [f"{shlex.join(words)} --out DATA"]


def plain(value: Any) -> Any:
    """A default as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value


def plain_word(value: Any) -> str:
    """A value as a flag takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
