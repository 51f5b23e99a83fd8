"""What the page asks over HTTP. Every answer that is no file is JSON; a refusal is one line.

All of /api/ needs the header of a session ("new" to begin one), which no page elsewhere can send.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from vdsm.studio.asked import Download, Draw, Sample
from vdsm.studio.clips import Clip
from vdsm.studio.guard import SESSION, Guard, Rules
from vdsm.studio.pages import pages
from vdsm.studio.reading import Crop, Job
from vdsm.studio.refusals import refusals
from vdsm.studio.sessions import Session, Sessions
from vdsm.studio.sheet import TYPES, movie, sheet
from vdsm.studio.uploads import Uploads
from vdsm.studio.usual import crops
from vdsm.studio.work import Studio
from vdsm.video.limits import Frames

T = TypeVar("T")
UPLOAD = "/api/clips"


@dataclass(frozen=True)
class Place:
    """What requests are answered from."""

    studio: Studio
    uploads: Uploads
    sessions: Sessions


async def _place(request: Request) -> Place:
    place: Place = request.app.state.place
    return place


Here = Annotated[Place, Depends(_place)]


async def _session(place: Here, known: Annotated[str, Header(alias=SESSION)]) -> Session:
    return place.sessions.find(known)


Mine = Annotated[Session, Depends(_session)]
router = APIRouter()


def app(place: Place, rules: Rules) -> Guard:
    """The whole of it, guarded."""
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    api.state.place, api.state.files = place, pages()
    api.include_router(router)
    refusals(api)
    return Guard(api, rules, place.studio.limits.body_bytes, unmeasured=UPLOAD)


# -- the page --------------------------------------------------------------------------------------


@router.get("/")
async def index(request: Request) -> Response:
    """The page itself, which holds nothing of anybody."""
    return await page(request, "index.html")


@router.get("/page/{name}")
async def page(request: Request, name: str) -> Response:
    """A file of the page."""
    file = request.app.state.files.get(name)
    if file is None:
        raise HTTPException(404, "there is no such page")
    return Response(file.content, media_type=file.type)


# -- sessions and clips ----------------------------------------------------------------------------


@router.post("/api/session")
async def begin(place: Here) -> dict[str, Any]:
    """A new session, and all that the page needs to begin."""
    studio = place.studio
    return {
        "session": place.sessions.begin().id,
        "model": studio.about(),
        "clips": [clip.public() for clip in studio.shelf.values()],
        "roles": studio.roles,
        "verdict": studio.verdict,
        "limits": asdict(studio.limits),
    }


@router.delete("/api/session")
async def end(place: Here, session: Mine) -> dict[str, Any]:
    """Forget it."""
    place.sessions.end(session.id)
    return {}


@router.post(UPLOAD)
async def upload(
    request: Request,
    place: Here,
    session: Mine,
    name: Annotated[str, Query(max_length=500)],
    fps: Annotated[float | None, Query(ge=0.1, le=240, allow_inf_nan=False)] = None,
    start: Annotated[float | None, Query(ge=0, le=86400, allow_inf_nan=False)] = None,
    crop: Annotated[Crop | None, Query()] = None,
) -> dict[str, Any]:
    """A clip in the body: decoded, taken apart, the session's own from then on.

    crop: what is seen of its frames; without, as the clips of the dataset were cropped.
    """
    studio = place.studio
    place.sessions.room(session)
    config = studio.model.config
    usual = studio.usual
    how = crop if crop in crops() else usual.crop
    job = Job(config.size, config.channels == 1, studio.window, fps=fps, start=start)
    job = replace(job, crop=how, margin=usual.room(how))
    clip = await place.uploads.take(request.stream(), name, job)
    await _asked(studio, session, lambda: studio.apart([clip]))
    place.sessions.add(session, clip)
    return clip.public()


@router.delete("/api/clips/{name}")
async def remove(session: Mine, name: str) -> dict[str, Any]:
    """Forget a clip of the session."""
    session.clips.pop(name, None)
    return {}


@router.get("/api/clips/{name}/sheet")
async def seen(place: Here, session: Mine, name: str) -> Response:
    """What the model sees of a clip."""
    return await _pictures(place.studio.find(session, name).frames[None])


@router.post("/api/samples")
async def samples(place: Here, session: Mine, asked: Sample) -> list[dict[str, Any]]:
    """New clips of the model, the session's own."""
    studio = place.studio
    place.sessions.room(session, asked.count)
    clips: list[Clip] = await _asked(studio, session, lambda: studio.sample(session, asked.count))
    for clip in clips:
        place.sessions.add(session, clip)
    return [clip.public() for clip in clips]


# -- what is drawn ---------------------------------------------------------------------------------


@router.post("/api/draw")
async def draw(place: Here, session: Mine, asked: Draw) -> Response:
    """Swaps, and what lies between."""
    studio = place.studio
    return await _pictures(await _asked(studio, session, lambda: studio.draw(session, asked)))


@router.post("/api/download")
async def download(place: Here, session: Mine, asked: Download) -> Response:
    """The same as a file that plays."""
    studio = place.studio
    drawn = await _asked(studio, session, lambda: studio.draw(session, asked))
    made = asyncio.to_thread(movie, drawn, asked.columns, asked.scale, asked.fps, asked.kind)
    return Response(await made, media_type=TYPES[asked.kind])


@router.get("/api/map")
async def where(place: Here, session: Mine) -> dict[str, Any]:
    """Where clips lie by their codes."""
    return await asyncio.to_thread(place.studio.map, session)


async def _asked(studio: Studio, session: Session, function: Callable[[], T]) -> T:
    """What the model's thread makes of a function, when it is its turn."""
    return await asyncio.wrap_future(studio.worker.ask(session.id, function))


async def _pictures(clips: Frames) -> Response:
    """Clips [N, T, H, W, C] as one PNG, with where its tiles are."""
    made = await asyncio.to_thread(sheet, clips)
    layout = {"x-sheet": json.dumps(made.layout())}
    return Response(made.content, media_type="image/png", headers=layout)
