"""Labels from the names of files, by a pattern such as `{person}_{action}_d*`."""

import re
from dataclasses import dataclass

from vdsm.data.folder.item import Item
from vdsm.data.folder.levels import IGNORED, SPLIT, check_names, split_of
from vdsm.errors import InputError

TYPES = {"": "[^/]+?", "letters": r"[^\W\d_]+", "digits": r"\d+"}  # of a field, as {action:letters}
_TOKEN = re.compile(r"\{([^{}]*)\}|(\*)|(\?)|([{}])")


@dataclass(frozen=True)
class Names:
    """A pattern of file names with named fields: {person}, {-} or * for what is ignored."""

    text: str
    pattern: re.Pattern[str]
    parts: int  # how many of a path's last parts it speaks of

    def labels(self, item: Item) -> dict[str, str] | None:
        """What the name says, with its split in the usual word; None where it does not match.

        The suffix of a file need not be part of the pattern.
        """
        last = "/".join(item.file.split("/")[-self.parts :])
        stem = last if item.path.is_dir() else last.removesuffix(item.path.suffix)
        found = self.pattern.fullmatch(stem) or self.pattern.fullmatch(last)
        if found is None:
            return None
        labels = found.groupdict()
        if SPLIT in labels:
            split = split_of(labels[SPLIT])
            return None if split is None else labels | {SPLIT: split}
        return labels


def parse_names(text: str) -> Names:
    """The pattern of `--names`; InputError for one that cannot be.

    What a field or * stands for ends at the first place where the text after it occurs. Only what
    stands last may go on to a later one, so no name takes long to compare.
    """
    tokens = list(_TOKEN.finditer(text))
    ends = [token.start() for token in tokens[1:]] + [len(text)]
    names: list[str] = []
    expression = re.escape(text[: tokens[0].start()] if tokens else text)
    for token, end in zip(tokens, ends, strict=True):
        part = _part(token, names, text) + re.escape(text[token.end() : end])
        goes_on = token is not tokens[-1] and token.end() < end
        expression += f"(?>{part})" if goes_on else part
    if not names:
        raise InputError(f"--names '{text}' names no field: write one as {{person}}_{{action}}_*")
    whole = re.compile(expression, re.IGNORECASE | re.DOTALL)
    return Names(text, whole, text.count("/") + 1)


def _part(token: re.Match[str], names: list[str], text: str) -> str:
    """The expression of a field or wildcard; a field's name is added to `names`."""
    field, star, one, brace = token.groups()
    if brace:
        raise InputError(f"--names '{text}' has a {brace} alone: write fields as {{person}}")
    if field is None or field == IGNORED:
        return "[^/]*?" if star else "[^/]" if one else "[^/]+?"
    name, _, kind = field.partition(":")
    if kind not in TYPES:
        raise InputError(
            f"--names '{text}': {{{field}}} should be {{{name}}}, {{{name}:letters}} or"
            f" {{{name}:digits}}"
        )
    names.append(name)
    check_names("--names", text, names)
    return f"(?P<{name}>{TYPES[kind]})"
