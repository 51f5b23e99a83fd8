"""Who may ask at all: checked before any request is looked at, and what every answer says.

A page elsewhere on the web can make a visitor's browser send requests here. It cannot send the
headers of `vdsm.studio.api` without being asked first (which is refused), nor come under a name of
its own that leads here (DNS rebinding), since names are checked, nor know the token.
"""

import ipaddress
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+))(?::\d*)?")
SESSION, TOKEN = "x-studio-session", "x-studio-token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SAID_ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Rules:
    """Names that this place may be called by, and the token that one needs, if any.

    An address of numbers is a name too where `addresses` says so: no name server leads there.
    """

    names: frozenset[str] = LOOPBACK
    addresses: bool = False
    token: str | None = None

    def refuses(self, path: str, headers: Mapping[str, list[str]]) -> tuple[int, str] | None:
        """Status and one line for what is not let in."""
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self.knows(host_name(hosts[0])):
            return 421, "this studio is not at that address: use the one that it printed"
        origins = headers.get("origin", [])
        if any(origin.partition("://")[2] != hosts[0] for origin in origins):
            return 403, "this request came from another site's page"
        if not path.startswith("/api/"):
            return None
        if not set(headers.get("sec-fetch-site", ["same-origin"])) <= {"same-origin", "none"}:
            return 403, "this request came from another site's page"
        if SESSION not in headers:
            return 403, f"the header {SESSION} is missing: open the page itself"
        given = headers.get(TOKEN, [""])[0].encode()
        if self.token is not None and not secrets.compare_digest(given, self.token.encode()):
            return 401, "the token is missing or wrong: open the address that the studio printed"
        return None

    def knows(self, name: str) -> bool:
        """Whether this place goes by that name."""
        return name in self.names or (self.addresses and is_address(name))


def host_name(host: str) -> str:
    """Of a Host header, without the port and brackets; empty where it is none."""
    found = HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


def is_address(name: str) -> bool:
    """Whether it is one of numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """An ASGI app that lets another one answer what `rules` let in.

    A body of more than `most` bytes is refused, but at the path `unmeasured`.
    """

    def __init__(self, app: App, rules: Rules, most: int, unmeasured: str) -> None:
        self.app, self.rules, self.most, self.unmeasured = app, rules, most, unmeasured

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

        async def saying(message: Message) -> None:
            if message["type"] == "http.response.start":
                always = [(n.encode(), v.encode()) for n, v in SAID_ALWAYS.items()]
                message["headers"] = [*message.get("headers", []), *always]
            await send(message)

        refused = self.rules.refuses(scope["path"], headers)
        if refused is None and scope["path"] != self.unmeasured:
            refused = self.too_long(headers)
        if refused is None:
            await self.app(scope, receive, saying)
        else:
            await answer(saying, *refused)

    def too_long(self, headers: Mapping[str, list[str]]) -> tuple[int, str] | None:
        """Status and one line for a body that is too long, or does not say how long it is."""
        if "transfer-encoding" in headers:
            return 411, "say the length of what you send"
        length = headers.get("content-length", ["0"])[0]
        if not length.isdecimal() or int(length) > self.most:
            return 413, "that is more than a request may say"
        return None


async def answer(send: Send, status: int, line: str) -> None:
    """A refusal: one line, as JSON."""
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps({"error": line}).encode()})
