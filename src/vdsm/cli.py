"""The command line. A user's mistake is one line and exit code 2; nothing is lost.

A command is a module of `vdsm.commands` with a record `Options`, whose docstring says what it does,
and `run(options)`. A module may say which options are seldom needed (`HIDDEN`), or have its own
`read(words)` and `help(words, all)`, where the words decide which options there are.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from vdsm.config import suggest
from vdsm.errors import InputError, is_out_of_memory
from vdsm.files import is_disk_full, no_room
from vdsm.options import command_help, entry, read
from vdsm.version import __version__

COMMANDS = {
    "demo": "make pendulum clips, train, evaluate, write a report",
    "data": "make a dataset: 'vdsm data NAME --help' has its options",
    "train": "train a method on a dataset, or resume",
    "embed": "write the codes of clips to an .npz or .parquet file",
    "swap": "the person of one clip doing the action of another",
    "generate": "sample new clips",
    "evaluate": "measure runs: judges, swaps, leakage, intervals",
    "compare": "runs of several methods on one dataset, side by side",
    "studio": "a page in the browser: pick who, pick what, watch the swap",
    "figures": "draw the paper's figures",
    "report": "write one HTML page about a run",
    "info": "what a dataset, a run or a model is",
    "export": "weights at half the size, with a model card",
    "ablate": "App. G: the bank of decoders against a single one",
    "fetch": "get the network of the Fréchet video distance",
    "bench": "time a training step beside what this machine could do",
}
HELP, HELP_ALL = ("-h", "--help"), "--help-all"


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Entry point of `vdsm`; exits with 0, 1 (training diverged), 2 (bad input) or 128 + signal."""
    sys.exit(run(sys.argv[1:] if words is None else words))


def run(words: Sequence[str]) -> int:
    """Run a command; the exit code."""
    escape_what_has_no_letter()
    try:
        carry_out(list(words))
    except InputError as error:
        return complain(str(error), 2)
    except KeyboardInterrupt:
        return complain("interrupted", 130)
    except BrokenPipeError:
        return 0
    except OSError as error:
        if is_disk_full(error):
            return complain(no_room(error, error.filename or "the output"), 2)
        if error.filename:
            return complain(f"{error.filename}: {error.strerror}", 2)
        raise
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            return complain("not enough memory: ask for fewer clips or frames, or for less", 2)
        raise
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def carry_out(words: list[str]) -> None:
    """Say the help or the version that is asked for, or run the command."""
    if words[:1] == ["--version"]:
        print(f"vdsm {__version__}")
    elif words and words[0] in (*HELP, HELP_ALL):
        print(overview())
    elif (all := HELP_ALL in words) or any(word in HELP for word in words):
        print(help_of(words, all))
    else:
        module, options = options_of(words)
        module.run(options)


def options_of(words: Sequence[str]) -> tuple[ModuleType, Any]:
    """The module of a command, and the record of its options that the words after it say."""
    module = module_of(words)
    if hasattr(module, "read"):
        return module, module.read(list(words[1:]))
    return module, read(module.Options, words[1:], f"vdsm {words[0]}")


def help_of(words: Sequence[str], all: bool = False) -> str:
    """The help of a command, as short as it may be, or with all options."""
    module, rest = module_of(words), [w for w in words[1:] if w not in (*HELP, HELP_ALL)]
    if hasattr(module, "help"):
        return str(module.help(rest, all))
    hidden = () if all else getattr(module, "HIDDEN", ())
    return command_help(module.Options, f"vdsm {words[0]}", hidden)


def module_of(words: Sequence[str]) -> ModuleType:
    """The module of the command that is named first. None is imported before it is asked for."""
    if not words:
        raise InputError(f"COMMAND is needed, one of {', '.join(COMMANDS)} (see 'vdsm --help')")
    if words[0] not in COMMANDS:
        near = suggest(words[0], list(COMMANDS))
        raise InputError(f"no command '{words[0]}'{near} (see 'vdsm --help')")
    return import_module(f"vdsm.commands.{words[0]}")


def overview() -> str:
    """What commands there are."""
    return "\n".join(
        [
            "usage: vdsm COMMAND ...\n",
            "Who is in a clip, what they do, how they stand: learned from video.\n",
            "commands:",
            *(entry(name, text, 10) for name, text in COMMANDS.items()),
            "\nvdsm COMMAND --help    its options; --help-all for those seldom needed too",
            "vdsm --version         which version this is\n",
            "Start with 'vdsm demo', or see the README.",
        ]
    )


def escape_what_has_no_letter() -> None:
    """Print a letter that the terminal's encoding lacks as \\uXXXX, not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def complain(message: str, code: int) -> int:
    """Print one line to standard error; the exit code."""
    line = " ".join(message.split())
    print(line if line.startswith(("vdsm ", "vdsm:")) else f"vdsm: {line}", file=sys.stderr)
    return code
