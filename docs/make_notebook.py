"""The notebook docs/first-steps.ipynb, run, with what it shows: python docs/make_notebook.py

Needs vdsm[test] (nbformat, nbclient, ipykernel). The models are those that come with the package.
"""

import textwrap
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

OUT = Path(__file__).parent / "first-steps.ipynb"
CELLS = [
    """
    # First steps

    Who is in a clip, and what they do, taken apart and put together anew; by the small models that
    come with the package. Nothing is downloaded. `pip install vdsm`, then run the cells.
    """,
    '''
    import torch
    from PIL import Image

    from vdsm import VDSM
    from vdsm.figures import pixels
    from vdsm.store.shipped import examples, find
    from vdsm.video import read_video, strips


    def clip(name: str, number: int) -> torch.Tensor:
        """An example clip of a model, [1, T, C, H, W] in [0, 1]; of your file: read_video."""
        frames = read_video(examples(find(name))[number], size=models[name].config.size)
        return torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float() / 255


    def show(clips: torch.Tensor, every: int = 1, scale: int = 1) -> Image.Image:
        """A row for each clip, time to the right."""
        return Image.fromarray(strips(pixels(clips)[:, ::every], scale=scale))


    models = {name: VDSM.from_pretrained(name) for name in ("pendulum", "sprites", "faces")}
    for name, model in models.items():
        print(name, model.config.size, "pixels")
    ''',
    """
    ## Codes

    `encode` gives s (who), d (what they do) and z (how they stand in each frame).
    """,
    """
    pendulum = models["pendulum"]
    first, second = clip("pendulum", 0)[:, :16], clip("pendulum", 1)[:, :16]
    codes = pendulum.encode(torch.cat([first, second]))
    print("s", tuple(codes.s.shape), "d", tuple(codes.d.shape), "z", tuple(codes.z.shape))
    """,
    """
    ## A swap

    The pendulum of the first clip swinging as that of the second does. Both, then the swap, which
    goes on for longer than what was seen.
    """,
    """
    swapped = pendulum.swap(identity=first, action=second, frames=40)
    show(torch.cat([first, second, swapped[:, :16]]), scale=2)
    """,
    """
    ## Faces

    Rows: the face of each clip. Columns: what each clip does, in its middle frame. Every face does
    what every other does.
    """,
    """
    faces = models["faces"]
    length = min(clip("faces", i).shape[1] for i in range(3))
    people = torch.cat([clip("faces", i)[:, :length] for i in range(3)])
    n = len(people)
    who, what = people.repeat_interleave(n, 0), people.repeat(n, 1, 1, 1, 1)
    swaps = faces.swap(who, what)
    middle = swaps[:, length // 2].view(n, n, *swaps.shape[2:])
    show(torch.cat([people[:, length // 2][:, None], middle], 1))
    """,
    """
    The left column is what was given; the rest is drawn.

    ## People of nobody

    s and d are sampled, as the clips of training have them.
    """,
    """
    made = models["sprites"].generate(4, frames=8, generator=torch.Generator().manual_seed(0))
    show(made)
    """,
    """
    ## Between two

    Codes are vectors: from one character to another, doing the same.
    """,
    """
    from vdsm import Codes

    sprites = models["sprites"]
    ends = sprites.encode(made[:2])
    share = torch.linspace(0, 1, 5)[:, None]
    s = (1 - share) * ends.s[:1] + share * ends.s[1:]
    between = sprites.decode(Codes(s, ends.d[:1].expand(5, -1), ends.z[:1].expand(5, -1, -1)))
    show(between[:, 2:3].transpose(0, 1))
    """,
    """
    ## Further

    - Your own videos: [your first evening](first-evening.md).
    - How well a model does it: `vdsm evaluate`, `vdsm.evaluate.panel` ([how](evaluation.md)).
    - A page to play with: `vdsm studio sprites` ([studio](studio.md)).
    - Without torch: `vdsm export sprites --to onnx --out programs` ([programs](programs.md)).
    """,
]


def notebook() -> Any:
    """The cells, not run; prose and code take turns where a text begins with # or a word."""
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    for number, text in enumerate(CELLS):
        words = textwrap.dedent(text).strip()
        new = nbformat.v4.new_code_cell if code(text) else nbformat.v4.new_markdown_cell
        made.cells.append(new(words, id=f"cell-{number}"))
    return made


def code(text: str) -> bool:
    """Whether a cell is Python."""
    try:
        compile(textwrap.dedent(text), "cell", "exec")
    except SyntaxError:
        return False
    return True


def executed(made: Any, folder: Path) -> Any:
    """The same, run in a folder; nbclient.exceptions.CellExecutionError where a cell fails."""
    NotebookClient(made, timeout=120, kernel_name="python3").execute(
        cwd=str(folder), cleanup_kc=True
    )
    for cell in made.cells:
        cell.metadata.pop("execution", None)  # when, which is of no use
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop("image/jpeg", None)  # beside the same as PNG
    return made


if __name__ == "__main__":
    done = executed(notebook(), OUT.parent)
    done.metadata.pop("language_info", None)  # the version of Python here
    nbformat.write(done, OUT)
    print(f"{OUT}: {OUT.stat().st_size / 1e3:.0f} kB")
