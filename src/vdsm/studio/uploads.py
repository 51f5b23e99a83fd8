"""A clip from the outside: received up to a size, decoded elsewhere, deleted at once."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from vdsm.errors import InputError
from vdsm.studio.clips import Clip
from vdsm.studio.decoder import Decoder
from vdsm.studio.limits import Limits
from vdsm.studio.reading import Job
from vdsm.studio.worker import Busy
from vdsm.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES

NAME = 60  # letters of a name that are shown


class TooBig(Exception):
    """More bytes than are taken."""


class Uploads:
    """Receives and decodes; its folder holds nothing but what is being received or decoded."""

    def __init__(self, folder: Path, decoder: Decoder, limits: Limits) -> None:
        self.folder, self.decoder, self.limits = folder, decoder, limits
        self.under_way = 0

    async def take(self, content: AsyncIterator[bytes], name: str, job: Job) -> Clip:
        """The clip in what is sent; `job` says how it is read, but for where it lies.

        Busy, TooBig, TimeoutError; InputError, with the user's name for the file, for what cannot
        be read. `name` is shown, and its ending tells kinds of pictures; no path is made of it.
        """
        if self.under_way >= self.limits.uploads_at_once:
            raise Busy("many clips are being read now: try again in a few seconds")
        self.under_way += 1
        path = self.folder / (secrets.token_hex(8) + suffix(name))
        shown = plain(name)
        try:
            await self._receive(content, path)
            found = await asyncio.to_thread(self.decoder.read, replace(job, path=path))
        except InputError as error:
            raise InputError(str(error).replace(str(path), shown)) from None
        finally:
            self.under_way -= 1
            path.unlink(missing_ok=True)
        note = f"the first {len(found.frames)} frames" if found.more else ""
        said = "; ".join(filter(None, (note, found.doubt)))
        return Clip("u" + secrets.token_urlsafe(9), shown, "upload", found.frames, said)

    async def _receive(self, content: AsyncIterator[bytes], path: Path) -> None:
        size = 0
        async with asyncio.timeout(self.limits.upload_seconds):
            with path.open("xb") as file:
                async for chunk in content:
                    size += len(chunk)
                    if size > self.limits.upload_bytes:
                        raise TooBig
                    file.write(chunk)


def suffix(name: str) -> str:
    """The ending of a name where it is one of a video or a picture, else none."""
    with contextlib.suppress(ValueError):
        found = PurePosixPath(name).suffix.lower()
        return found if found in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES) else ""
    return ""


def plain(name: str) -> str:
    """A name of a file as it is shown: its last part, printable, not too long."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip()
    return printable[:NAME] or "clip"
