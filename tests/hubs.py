"""A server that speaks the few calls of Hugging Face that a model needs; it keeps all in memory."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


@dataclass
class Hub:
    """What repositories hold, and which requests came."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)  # by repository and path
    objects: dict[str, bytes] = field(default_factory=dict)  # large files, by SHA-256
    asked: list[str] = field(default_factory=list)
    url: str = ""
    down: bool = False  # whether it answers nobody

    def sha(self, name: str) -> str:
        """Of what a repository holds, in the place of a commit."""
        said = [f"{path} {hashlib.sha1(data).hexdigest()}" for path, data in self.held(name)]
        return hashlib.sha1("\n".join(said).encode()).hexdigest()

    def held(self, name: str) -> list[tuple[str, bytes]]:
        """Paths and contents."""
        return sorted(self.files[name].items())


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    """Answers for a hub."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def parse_request(self) -> bool:
            if hub.down:
                self.close_connection = True
                return False
            return super().parse_request()

        def answer(self, content: Any, status: int = 200, **headers: str) -> None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for key, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def body(self) -> bytes:
            """Of a request: as long as it says, or in chunks."""
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def do_GET(self) -> None:
            path = unquote(self.path.partition("?")[0])
            hub.asked.append(f"{self.command} {path}")
            parts = path.strip("/").split("/")
            name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
            if name not in hub.files:
                return self.answer(b"", 404, X_Error_Code="RepoNotFound")
            sha = hub.sha(name)
            if parts[:2] == ["api", "models"]:
                if "revision" in parts and parts[5] not in ("main", sha):
                    return self.answer(b"", 404, X_Error_Code="RevisionNotFound")
                if "tree" in parts:
                    return self.answer(
                        [
                            {"type": "file", "path": p, "size": len(d), "oid": etag(d)}
                            for p, d in hub.held(name)
                        ]
                    )
                known = [{"rfilename": p} for p, _ in hub.held(name)]
                return self.answer({"id": name, "sha": sha, "siblings": known})
            content = hub.files[name].get("/".join(parts[4:]))
            if content is None:
                return self.answer(b"", 404, X_Error_Code="EntryNotFound")
            return self.answer(content, X_Repo_Commit=sha, ETag=f'"{etag(content)}"')

        do_HEAD = do_GET

        def do_PUT(self) -> None:
            data = self.body()
            hub.objects[hashlib.sha256(data).hexdigest()] = data
            self.answer(b"")

        def do_POST(self) -> None:
            path, body = self.path, self.body()
            hub.asked.append(f"POST {path}")
            if "Bearer good" not in self.headers.get("Authorization", ""):
                return self.answer({"error": "who are you"}, 401)
            if path == "/api/validate-yaml":
                return self.answer({"errors": [], "warnings": []})
            if path == "/api/repos/create":
                told = json.loads(body)
                name = f"{told['organization']}/{told['name']}"
                hub.files.setdefault(name, {})
                return self.answer({"url": f"{hub.url}/{name}", "name": name})
            if "/preupload/" in path:
                modes = [
                    {
                        "path": f["path"],
                        "uploadMode": "lfs" if f["path"].endswith(".safetensors") else "regular",
                        "shouldIgnore": False,
                    }
                    for f in json.loads(body)["files"]
                ]
                return self.answer({"files": modes})
            if path.endswith("/objects/batch"):
                objects = [
                    {**o, "actions": {"upload": {"href": f"{hub.url}/objects/{o['oid']}"}}}
                    for o in json.loads(body)["objects"]
                ]
                return self.answer({"transfer": "basic", "objects": objects})
            name = "/".join(path.split("/")[3:5])
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    hub.files[name][value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    hub.files[name][value["path"]] = hub.objects[value["oid"]]
            sha = hub.sha(name)
            url = f"{hub.url}/{name}/commit/{sha}"
            return self.answer({"commitUrl": url, "commitOid": sha, "success": True})

        def log_message(self, *_: Any) -> None:
            """Nothing to the screen."""

    return Handler


def etag(content: bytes) -> str:
    """Names what a file holds."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub, for as long as it is open."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
