"""Command-line flags from the fields of frozen pydantic dataclasses: one place, typed errors."""

import argparse
from typing import Any, TypeVar

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from vdsm.config import build, describe, suggest
from vdsm.errors import InputError

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line.

    Where it `has_fields`, it hands back every `--field value` that it does not know, in pairs.
    """

    has_fields = False

    def error(self, message: str) -> Any:
        raise InputError(f"{self.prog}: {message} (see '{self.prog} --help')")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if not self.has_fields:
            return super().parse_known_args(args, namespace)
        own, fields = self.split(list(args))
        namespace, rest = super().parse_known_args(own, namespace)
        return namespace, rest + fields

    def split(self, words: list[str]) -> tuple[list[str], list[str]]:
        """The parser's own words, and fields with their values, wherever they stand."""
        values = {flag: a.nargs != 0 for a in self._actions for flag in a.option_strings}
        own: list[str] = []
        fields: list[str] = []
        while words:
            word = words.pop(0)
            flag = word.partition("=")[0]
            target = fields if word.startswith("--") and flag not in values else own
            target.append(word)
            takes_value = word.startswith("-") and "=" not in word and values.get(flag, True)
            if takes_value and words and not words[0].startswith("--"):
                target.append(words.pop(0))
        return own, fields


def parse_flags(words: list[str], source: str) -> dict[str, str]:
    """['--a.b', '3', '--c=x', '--on'] to {'a.b': '3', 'c': 'x', 'on': 'true'}."""
    flags: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise InputError(f"{source}: unexpected '{word}': settings are given as --field value")
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        flags[name.replace("-", "_")] = value
    return flags


def from_flags(cls: type[T], words: list[str], source: str) -> T:
    """An options object of flat fields from command-line words."""
    flags = parse_flags(words, source)
    known = describe(cls)
    for name in flags:
        if name not in known:
            near = suggest(name, list(known), as_flag)
            raise InputError(f"{source}: unknown option {as_flag(name)}{near}")
    missing = [n for n, info in known.items() if info.is_required() and n not in flags]
    if missing:
        what = known[missing[0]].description
        raise InputError(f"{source}: {as_flag(missing[0])} is needed: {what}")
    return build(cls, flags, source, as_flag)


def as_flag(name: str) -> str:
    """A field as it is typed: test_share as --test-share."""
    return "--" + name.replace("_", "-")


def flag_help(cls: type, values: Any = None) -> str:
    """The fields as lines of help: flag, description, default (or the value in `values`)."""
    rows = [(as_flag(name), _line(name, info, values)) for name, info in describe(cls).items()]
    width = max(len(flag) for flag, _ in rows)
    return "\n".join(f"  {flag:<{width}}  {line}" for flag, line in rows)


def _line(name: str, info: FieldInfo, values: Any) -> str:
    default = info.default
    for part in name.split("."):
        values = getattr(values, part, PydanticUndefined)
    shown = default if values is PydanticUndefined else values
    if shown is PydanticUndefined or shown is None:
        return str(info.description)
    return f"{info.description} [{shown}]"
