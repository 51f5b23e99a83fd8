"""The command line from types: an option is a field of a frozen pydantic dataclass.

A field's type reads its words, its constraints refuse the wrong ones, its description and default
are its help. `position` makes a field of a word that stands alone, `others` one of
all flags that no other field has. Flags are spelled with dashes; underscores are taken too.
"""

import textwrap
from collections.abc import Container, Iterable, Mapping, Sequence
from inspect import cleandoc
from os.path import expanduser
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from vdsm.config import STRICT, build, describe, suggest
from vdsm.errors import InputError
from vdsm.store.shipped import shipped

T = TypeVar("T")
WIDTH = 80  # columns of help
FLAG_WIDTH = 24  # of these, for a flag beside its description
TRUTHS = ("true", "false", "yes", "no", "on", "off", "1", "0")
SWITCHES = (bool, bool | None)  # types of fields whose flag may stand without a value

record = dataclass(frozen=True, config=STRICT, kw_only=True)  # what every command has
A_MODEL = "a run, a folder of weights or hf:USER/NAME"
if shipped():
    A_MODEL += f", or a shipped model: {', '.join(shipped())}"
CLIP = "a video, a folder of frames, DATA:NUMBER, or example:NUMBER of the model's own"
Place = Annotated[str, AfterValidator(expanduser)]  # a path, or a name that is none


def others() -> Any:
    """The field, a dict of strings, of flags that are fields of something else."""
    return Field(default_factory=dict, json_schema_extra={"rest": True})


def position(title: str, description: str, **more: Any) -> Any:
    """A field whose word stands alone; of a list, all that are left."""
    return Field(title=title, description=description, json_schema_extra={"position": True}, **more)


def read(cls: type[T], words: Sequence[str], source: str, more: type | None = None) -> T:
    """The record that the words of a command say; InputError in one line.

    more: a class whose fields are flags too; those given are the record's field of `others`.
    """
    fields = {} if more is None else describe(more)
    places, flags = split(words, source, fields | describe(cls))
    return typed(cls, flags, source, places, fields)


def typed(
    cls: type[T],
    flags: Mapping[str, str],
    source: str,
    places: Sequence[str] = (),
    fields: Mapping[str, FieldInfo] | None = None,
) -> T:
    """A record from flags with their values and words that stand alone; fields: as `more`."""
    known = describe(cls)
    own = {n: v for n, v in flags.items() if n in known and not positional(known[n])}
    rest = {n: v for n, v in flags.items() if n not in own}
    for name in rest:
        if name not in (fields or {}):
            named = [n for n, info in known.items() if not positional(info)]
            near = suggest(name, [*named, *(fields or {})], as_flag)
            see = f" (see '{source} --help')"
            raise InputError(f"{source}: unknown option {as_flag(name)}{near or see}")
    values = own | placed(places, known, source)
    for name, info in known.items():
        if has(info, "rest"):
            values[name] = rest
        elif info.is_required() and name not in values:
            raise InputError(f"{source}: {spelled(name, known)} is needed: {info.description}")
    return build(cls, values, source, lambda name: spelled(name, known))


def split(
    words: Sequence[str], source: str, known: Mapping[str, FieldInfo]
) -> tuple[list[str], dict[str, str]]:
    """Words that stand alone, and flags with their values, in whatever order they are given."""
    switches = {n for n, info in known.items() if info.annotation in SWITCHES}
    places: list[str] = []
    flags: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            places.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        if not equals and (value := value_of(name, left, switches)) == "" and name in known:
            raise InputError(f"{source}: {as_flag(name)} needs a value after it")
        flags[name] = value if equals else value or "true"
    return places, flags


def value_of(name: str, left: list[str], switches: Container[str]) -> str:
    """The word after a flag, taken from those left; that of a switch says true or false."""
    if name in switches:
        return left.pop(0) if left and left[0].lower() in TRUTHS else "true"
    return left.pop(0) if left and not left[0].startswith("--") else ""


def parse_flags(words: Sequence[str], source: str) -> dict[str, str]:
    """['--a.b', '3', '--c=x', '--on'] to {'a.b': '3', 'c': 'x', 'on': 'true'}."""
    places, flags = split(words, source, {})
    if places:
        raise InputError(f"{source}: unexpected '{places[0]}': settings are given as --field value")
    return flags


def placed(words: Sequence[str], known: Mapping[str, FieldInfo], source: str) -> dict[str, Any]:
    """Words that stand alone by the fields that take them, in order."""
    values: dict[str, Any] = {}
    left = list(words)
    for name, info in known.items():
        if not has(info, "position") or not left:
            continue
        if get_origin(info.annotation) in (list, tuple):
            values[name], left = left, []
        else:
            values[name] = left.pop(0)
    if left:
        raise InputError(
            f"{source}: unexpected '{left[0]}': settings are given as --field value "
            f"(see '{source} --help')"
        )
    return values


def has(info: FieldInfo, mark: str) -> bool:
    """Whether a field bears a mark of this module."""
    return isinstance(info.json_schema_extra, dict) and bool(info.json_schema_extra.get(mark))


def positional(info: FieldInfo) -> bool:
    """Whether no flag gives the field."""
    return has(info, "position") or has(info, "rest")


def spelled(name: str, known: Mapping[str, FieldInfo]) -> str:
    """A field as the user knows it."""
    first = name.split(".")[0]  # of a list, the rest of the name is a number
    if first in known and positional(known[first]):
        return known[first].title or first
    return as_flag(name)


def as_flag(name: str) -> str:
    """A field as it is typed: test_share as --test-share."""
    return "--" + name.replace("_", "-")


# -- help ------------------------------------------------------------------------------------------


def command_help(cls: type, prog: str, hidden: Iterable[str] = (), end: str = "") -> str:
    """Usage, what the command does, its words, its flags but for those hidden; what ends it."""
    known = describe(cls)
    words = {n: i for n, i in known.items() if has(i, "position")}
    shown = [n for n, i in known.items() if not positional(i) and n not in set(hidden)]
    parts = [usage(prog, known), *paragraphs(cls.__doc__ or "")]
    if words:
        parts.append("\n".join(entry(i.title or n, str(i.description)) for n, i in words.items()))
    shown.sort(key=lambda n: not known[n].is_required())
    if shown:
        parts.append("options [default]:\n" + flag_help(cls, only=shown))
    more = len([n for n in known if not positional(known[n])]) - len(shown)
    if more:
        parts.append(f"{more} more, seldom needed: {prog} --help-all")
    return "\n\n".join([*parts, *([end] if end else [])])


def paragraphs(text: str) -> list[str]:
    """Those of a docstring, each within the width."""
    return [textwrap.fill(part, WIDTH) for part in cleandoc(text).split("\n\n")]


def usage(prog: str, known: Mapping[str, FieldInfo]) -> str:
    """What must be given, in one line or as few as it takes."""
    parts = []
    for name, info in known.items():
        several = get_origin(info.annotation) in (list, tuple)
        if has(info, "position"):
            word = f"{info.title}" + (f" [{info.title} ...]" if several else "")
            parts.append(word if info.is_required() else f"[{word}]")
        elif info.is_required():
            parts.append(f"{as_flag(name)} {info.title or name.upper()}")
    if any(not positional(i) and not i.is_required() for i in known.values()):
        parts.append("[options]")
    start = f"usage: {prog} "
    return textwrap.fill(
        " ".join(parts), WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
    )


def flag_help(cls: type, values: Any = None, only: Iterable[str] | None = None) -> str:
    """The fields as lines of help: flag, description, default (or the value in `values`)."""
    known = describe(cls)
    chosen = known if only is None else only
    return "\n".join(entry(as_flag(name), described(name, known[name], values)) for name in chosen)


def wrapped(text: str) -> str:
    """A line of help, within the width; lines that are indented stay."""
    return "\n".join(
        line if line.startswith(" ") else textwrap.fill(line, WIDTH, subsequent_indent="  ")
        for line in text.split("\n")
    )


def entry(name: str, text: str, width: int = FLAG_WIDTH) -> str:
    """One name and what it is, within the width."""
    start = f"  {name:<{width}}"
    start += " " if start[-1] != " " else ""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * (width + 2),
        break_on_hyphens=False,
    )


def described(name: str, info: FieldInfo, values: Any) -> str:
    """A field's description, and its default, or the value in `values`."""
    shown = info.default if values is None else values
    for part in name.split(".") if values is not None else ():
        shown = getattr(shown, part)
    plain = shown is PydanticUndefined or shown is None or shown == ""
    if plain or (values is None and info.annotation is bool):
        return str(info.description)
    return f"{info.description} [{shown}]"
