"""`vdsm export`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from vdsm.errors import InputError
from vdsm.options import A_MODEL, Place, position, record


@record
class Options:
    """Write a run's weights at half the size, with a model card; or programs for other runtimes."""

    model: Place = position("RUN", f"a folder made by 'vdsm train'; with --to onnx {A_MODEL}")
    data: Path | None = position("DATA", "the run's dataset if it has moved", default=None)
    to: Literal["weights", "onnx", "torch"] = Field(
        default="weights",
        description="onnx, torch: encode, decode and unroll as .onnx or .pt2 files (vdsm[onnx])",
    )
    out: Path = Field(title="FOLDER", description="a new folder")
    evaluation: Path | None = Field(
        default=None, title="FILE.json", description="of 'vdsm evaluate' [the run's own]"
    )
    examples: int = Field(default=0, title="N", description="test clips, of pendula only")
    licence: str | None = Field(
        default=None, title="ID", description="of the weights [as the data asks]"
    )
    push: str | None = Field(
        default=None,
        title="USER/NAME",
        description="send the folder to Hugging Face too (vdsm[hub]; 'hf auth login' first)",
    )


def run(options: Options) -> None:
    """Export and say how large it is."""
    if options.to != "weights":
        refuse_others(options)
        from vdsm.programs.write import write

        return write(options.model, options.to, options.out)
    from vdsm.card.export import export

    if options.push:
        from vdsm.store.hub import library, split

        library(), split(options.push)  # before the work is done, not after
    export(
        Path(options.model),
        options.data,
        options.out,
        options.evaluation,
        options.examples,
        options.licence,
    )
    if options.push:
        from vdsm.store.hub import push

        print(push(options.out, options.push))


def refuse_others(options: Options) -> None:
    """InputError for options that speak of weights and their card."""
    for name in ("data", "evaluation", "licence", "examples", "push"):
        if getattr(options, name):
            said = "DATA" if name == "data" else f"--{name}"
            raise InputError(f"{said} goes with the weights of a run: leave out --to {options.to}")
