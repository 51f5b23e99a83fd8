"""Whatever goes wrong is answered by one line, as JSON: {"error": "..."}."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vdsm.errors import InputError, is_out_of_memory
from vdsm.studio.sessions import Gone
from vdsm.studio.uploads import TooBig
from vdsm.studio.worker import Busy

GONE = "this session is over, and its clips are deleted: reload the page"


def refusals(api: FastAPI) -> None:
    """Tell an app how every kind of error is answered."""
    for kind, status in ((InputError, 422), (Busy, 503)):
        api.add_exception_handler(kind, _its_own_words(status))
    for error, status, line in (
        (Gone, 410, GONE),
        (TooBig, 413, "the file is larger than this studio takes: cut it, or scale it down"),
        (TimeoutError, 408, "the file took too long to arrive: send a smaller one"),
    ):
        api.add_exception_handler(error, _always(status, line))
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _of_http)
    api.add_exception_handler(RuntimeError, _failed)


def line(status: int, text: str) -> JSONResponse:
    """One."""
    return JSONResponse({"error": " ".join(text.split())}, status)


def _its_own_words(status: int) -> Any:
    async def handle(_: Request, error: Exception) -> JSONResponse:
        return line(status, str(error))

    return handle


def _always(status: int, text: str) -> Any:
    async def handle(_: Request, error: Exception) -> JSONResponse:
        return line(status, text)

    return handle


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return line(422, f"{where or 'the request'}: {first['msg']}")


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return line(error.status_code, str(error.detail))


async def _failed(_: Request, error: Exception) -> JSONResponse:
    """Out of memory is nobody's fault; anything else is ours, and is seen in the terminal."""
    if is_out_of_memory(error):
        return line(507, "not enough memory: ask for fewer clips or frames")
    raise error
