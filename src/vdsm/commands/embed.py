"""`vdsm embed`."""

from pathlib import Path

from pydantic import Field

from vdsm.options import A_MODEL, CLIP, Place, position, record


@record
class Options:
    """Write the codes s, d, z of clips to an .npz or a .parquet file."""

    model: Place = position("RUN", A_MODEL)
    input: Place = position("INPUT", f"{CLIP}; a folder of videos; a dataset")
    out: Path = Field(title="FILE", description="a .npz or .parquet file to write")
    window: int | None = Field(
        default=None, description="first frames of a clip to encode, 0: all [as in training]"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, mps")
    ray: str | None = Field(
        default=None, description="encode by the hosts of a Ray cluster: HOST:PORT, auto, or local"
    )


def run(options: Options) -> None:
    """Encode and write."""
    from vdsm.use.embed import embed

    embed(options.model, options.input, options.out, options.window, options.device, options.ray)
