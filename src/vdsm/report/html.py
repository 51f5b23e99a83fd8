"""HTML from text, tables and pictures. Everything that is text is escaped here."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from PIL import Image
from rich.console import Group
from rich.table import Table
from rich.text import Text

from vdsm.data.clips import Frames
from vdsm.video.write import gif_bytes

Row = Sequence[str]


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; kind: a class of the style sheet."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def section(anchor: str, title: str, *parts: str) -> str:
    """A part of the page with a heading that can be linked to."""
    return (
        f'<section id="{anchor}">\n<h2>{escape(title)}</h2>\n' + "\n".join(parts) + "\n</section>"
    )


def details(summary: str, *parts: str) -> str:
    """What opens when it is asked for."""
    return f"<details><summary>{escape(summary)}</summary>\n" + "\n".join(parts) + "\n</details>"


def table(header: Row, rows: Iterable[Row], caption: str = "", kind: str = "") -> str:
    """A table that scrolls sideways where the screen is narrow. The first column names the row."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "\n".join(_row(row) for row in rows)
    first = f"<thead><tr>{head}</tr></thead>" if header else ""
    said = f'<p class="caption">{escape(caption)}</p>\n' if caption else ""
    return (
        f'{said}<div class="scroll"><table class="{kind}">{first}\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _row(row: Row) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>'


def of_rich(group: Group) -> Iterator[str]:
    """Tables made for the terminal, as HTML; other lines of text than titles are passed over.

    A table's title is its own, or the line of text before it.
    """
    before: Any = None
    for part in group.renderables:
        if isinstance(part, Table):
            columns = [[_plain(cell) for cell in column.cells] for column in part.columns]
            rows = list(zip(*columns, strict=True))
            title = _plain(part.title or before).strip()
            yield table([_plain(c.header) for c in part.columns], rows, title)
        before = part if isinstance(part, Text) else None


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    return cell.plain if isinstance(cell, Text) else str(cell)


def picture(image: Frames, alt: str, width: int | None = None) -> str:
    """A still [H, W, C] inside the page, as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    return _image("image/png", buffer.getvalue(), image, alt, width)


def moving_picture(clip: Frames, alt: str, fps: float, scale: int = 1) -> str:
    """A clip [T, H, W, C] inside the page, as GIF, shown `scale` times as large."""
    images = clip.repeat(3, axis=-1) if clip.shape[-1] == 1 else clip
    content = gif_bytes(images, fps)
    return _image("image/gif", content, clip[0], alt, scale * clip.shape[2], "moving")


def _image(
    kind: str, content: bytes, image: Frames, alt: str, width: int | None, style: str = "still"
) -> str:
    height, natural = image.shape[:2]
    shown = width or natural
    data = base64.b64encode(content).decode()
    return (
        f'<img class="{style}" alt="{escape(alt)}" width="{shown}" '
        f'height="{round(height * shown / natural)}" src="data:{kind};base64,{data}">'
    )


def figure(body: str, caption: str, title: str = "") -> str:
    """Pictures with a caption; wide ones scroll sideways."""
    heading = f"<h3>{escape(title)}</h3>\n" if title else ""
    return f"{heading}<figure>{body}<figcaption>{escape(caption)}</figcaption></figure>"


def scroll(body: str) -> str:
    """What may be wider than the screen."""
    return f'<div class="scroll">{body}</div>'
