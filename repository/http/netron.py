"""Pictures of kept model files by Netron, from its package's own files: no second server, and no call to the outside.

`/netron/?file=SHA256&name=model.onnx&key=…` is a page of Netron with that file opened. What Netron 9 would do beyond
showing it is turned off here: the version 0.0.0 keeps its telemetry from starting, the cookie `consent` keeps it from
asking ipinfo.io for the country and the visitor for leave, and today's date from demanding an update. Should another
version of it try all the same, the content security policy lets its page ask nobody but this app.

Files are handed out as downloads are. A page of the wizard shows a file to whoever may see that page, without a token:
so the links that it draws (`link`) carry a key of this process, which opens that one file, until the app is started
again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from repository.artifacts import ArtifactMissing, ArtifactStore
from repository.http.access import Door, said

ROOT = "/netron/"
MISSING = "the package netron is not installed; ./dlom installs it, or: pip install netron"
SHOWN = frozenset({".h5", ".keras", ".pb", ".tflite", ".onnx"})
"""Endings of the names of files that are worth a picture."""
_KINDS = {
    ".css": "text/css", ".js": "text/javascript", ".json": "application/json", ".png": "image/png",
    ".ico": "image/x-icon",
}  # fmt: skip
_STATIC = re.compile(r"[A-Za-z0-9_-]+\.[a-z]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SECRET = secrets.token_bytes(32)  # of this process: the pages and these routes are one
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def link(sha256: str, name: str) -> str:
    """The address, on this app, of the picture of a kept file. `name` is what it is called, with its ending."""
    return f"{ROOT}?{urlencode({'file': sha256, 'name': name, 'key': _key(sha256)})}"


@cache
def folder() -> Path | None:
    """Where Netron's own files lie; None where the package is not installed. Nothing of it is imported."""
    found = find_spec("netron")
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places and (Path(places[0]) / "index.html").is_file() else None


async def netron(request: Request, door: Door) -> Response:
    """Netron's page for a file, the file itself, or a part of Netron."""
    if request.method not in ("GET", "HEAD"):
        return said(405, "GET a picture of a file", {"Allow": "GET, HEAD"})
    path = request.path_params.get("path", "")
    if path.startswith("data/"):
        return _data(request, door, path)
    package = folder()
    if package is None:
        return said(503, MISSING)
    return _part(package, path) if path else _page(request, door, package)


def _page(request: Request, door: Door, package: Path) -> Response:
    asked = request.query_params
    sha256, name = asked.get("file", ""), asked.get("name", "")
    refusal = _refusal(request, door, sha256, asked.get("key", ""))
    if refusal is not None:
        return refusal
    if not _SHA256.fullmatch(sha256) or not _NAME.fullmatch(name):
        return said(400, f"say which file: {ROOT}?file=SHA256&name=model.onnx")
    if not ArtifactStore(door.home / "artifacts").has(sha256):
        return said(404, f"no file {sha256} is kept here; build or register the model again")
    answer = HTMLResponse(
        _html((package / "index.html").read_text(encoding="utf-8"), f"data/{_key(sha256)}/{sha256}/{name}", name),
        headers={**_HEADERS, "Content-Security-Policy": _POLICY, "Cache-Control": "no-store"},
    )
    answer.set_cookie("consent", "not-needed", path=ROOT, samesite="strict")
    return answer


def _html(page: str, file: str, name: str) -> str:
    """Netron's page with what to open, and what keeps it at home."""
    wanted = {
        "version": f'<meta name="version" content="0.0.0">\n<meta name="file" content="{escape(quote(file))}">\n'
        f'<meta name="identifier" content="{escape(name)}">\n<meta name="name" content="{escape(name)}">',
        "date": f'<meta name="date" content="{datetime.now(UTC):%Y-%m-%d %H:%M:%S}">',
    }
    for meta, text in wanted.items():
        page, found = re.subn(rf'<meta name="{meta}" content="[^"]*">', lambda _, text=text: text, page, count=1)  # type: ignore[misc]
        if not found:
            raise RuntimeError(f"this version of Netron has no meta {meta} in its page; install netron 9.3.3")
    return page


def _data(request: Request, door: Door, path: str) -> Response:
    """The file, streamed, so that its size does not matter here; parts of it where a range is asked for."""
    key, _, rest = path.removeprefix("data/").partition("/")
    sha256 = rest.partition("/")[0]
    refusal = _refusal(request, door, sha256, key)
    if refusal is not None:
        return refusal
    try:
        file = ArtifactStore(door.home / "artifacts").path(sha256)
    except ArtifactMissing as error:
        return said(404, str(error))
    return FileResponse(file, media_type="application/octet-stream", headers={**_HEADERS, "Cache-Control": "no-store"})


def _part(package: Path, name: str) -> Response:
    """A file of the package, which is public; of its folder only, and only what a page loads."""
    kind = _KINDS.get(Path(name).suffix)
    file = package / name
    if kind is None or not _STATIC.fullmatch(name) or not file.is_file():
        return said(404, "Netron has no such file")
    return FileResponse(file, media_type=kind, headers={**_HEADERS, "Cache-Control": "max-age=3600"})


def _refusal(request: Request, door: Door, sha256: str, key: str) -> Response | None:
    """Why the file is not shown. A key stands in for a token, and for nothing else that the door asks."""
    refusal = door.refusal(request, "read")
    has_key = hmac.compare_digest(key.encode("utf-8", "surrogateescape"), _key(sha256).encode())
    if refusal is not None and refusal.status_code == 401 and has_key:
        return None
    return refusal


def _key(sha256: str) -> str:
    return hmac.digest(_SECRET, sha256.encode("utf-8", "surrogateescape"), hashlib.sha256).hex()[:32]
