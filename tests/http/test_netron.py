"""Pictures of kept files: Netron's own files, what is turned off in its page, and who may see which file."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette

from repository.artifacts import ArtifactStore
from repository.http import netron
from repository.http.access import Door
from repository.http.routes import routes
from repository.knowledge import Knowledge
from repository.tokens import issue

CONTENT = bytes(range(256)) * 512  # 128 KiB


@pytest.fixture
def sha256(tmp_path: Path) -> str:
    """A kept file."""
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    return ArtifactStore(tmp_path / "artifacts").add(tmp_path / "net.onnx")


class Asked:
    """The app's routes, served on an address, as a browser on this machine asks them."""

    def __init__(self, home: Path, host: str | None = "127.0.0.1") -> None:
        def nobody() -> Knowledge:
            raise AssertionError("a picture needs no graph")

        door = Door(knowledge=nobody, home=home, facts=home, host=lambda: host, token="the-app's-own")
        self._app = Starlette(routes=routes(door))

    def __call__(self, method: str, address: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8501") as client:
                return await client.request(method, address, headers=headers)

        return asyncio.run(answer())

    def get(self, address: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self("GET", address, headers)


def page(sha256: str, name: str = "net.onnx") -> str:
    return f"/netron/?file={sha256}&name={name}"


def meta(html: str, name: str) -> str:
    (found,) = re.findall(rf'<meta name="{name}" content="([^"]*)">', html)
    return unescape(found)


def test_the_page_opens_the_file_and_has_what_would_call_out_turned_off(tmp_path: Path, sha256: str) -> None:
    asked = Asked(tmp_path)
    answer = asked.get(page(sha256))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert meta(answer.text, "version") == "0.0.0"  # Netron takes itself for unpackaged: no telemetry
    assert meta(answer.text, "date")[:10] == f"{datetime.now(UTC):%Y-%m-%d}"  # and not for half a year old
    assert answer.cookies["consent"]  # nothing to ask for
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self'" in policy and "default-src 'none'" in policy
    assert "http" not in policy and "*" not in policy
    file = asked.get(f"/netron/{unquote(meta(answer.text, 'file'))}")
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, CONTENT, "application/octet-stream")
    assert meta(answer.text, "identifier") == "net.onnx"


def test_a_part_of_a_large_file_can_be_asked_for(tmp_path: Path, sha256: str) -> None:
    asked = Asked(tmp_path)
    address = f"/netron/{meta(asked.get(page(sha256)).text, 'file')}"
    part = asked.get(address, headers={"Range": "bytes=1000-1099"})
    assert (part.status_code, part.content) == (206, CONTENT[1000:1100])
    assert asked("HEAD", address).headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("index.js", "text/javascript"), ("grapher.css", "text/css"), ("onnx-metadata.json", "application/json"),
     ("icon.png", "image/png")],
)  # fmt: skip
def test_the_parts_of_netron_come_from_its_package(tmp_path: Path, name: str, kind: str) -> None:
    answer = Asked(tmp_path, "0.0.0.0").get(f"/netron/{name}")  # they are public
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    folder = netron.folder()
    assert folder is not None
    assert answer.content == (folder / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    ["server.py", "index.html", "..%2f..%2fpyvenv.cfg", "none.js", "__pycache__", "a/b.js"],
)
def test_nothing_else_of_the_disk_does(tmp_path: Path, name: str) -> None:
    answer = Asked(tmp_path).get(f"/netron/{name}")
    assert (answer.status_code, answer.text) == (404, "Netron has no such file\n")


def test_beyond_this_machine_a_link_opens_its_own_file_and_no_other(tmp_path: Path, sha256: str) -> None:
    there = Asked(tmp_path, "0.0.0.0")
    assert there.get(page(sha256)).status_code == 401
    shown = there.get(netron.link(sha256, "net.onnx"))
    assert shown.status_code == 200
    assert there.get(f"/netron/{meta(shown.text, 'file')}").content == CONTENT
    (tmp_path / "other.onnx").write_bytes(b"other")
    other = ArtifactStore(tmp_path / "artifacts").add(tmp_path / "other.onnx")
    assert there.get(netron.link(sha256, "net.onnx").replace(sha256, other)).status_code == 401
    assert there.get(f"/netron/{meta(shown.text, 'file').replace(sha256, other)}").status_code == 401
    token = issue(tmp_path, "analyst", "read")
    assert there.get(page(sha256), headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_link_opens_nothing_for_a_page_of_another_site(tmp_path: Path, sha256: str) -> None:
    here = Asked(tmp_path)
    link = netron.link(sha256, "net.onnx")
    assert here.get(link, headers={"Origin": "http://evil.example"}).status_code == 403
    assert here.get(link, headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("file=" + "0" * 64 + "&name=net.onnx", 404),
        ("file=../../etc/passwd&name=net.onnx", 400),
        ("file={}&name=../net.onnx", 400),
        ('file={}&name="><script>', 400),
        ("", 400),
    ],
)
def test_what_is_no_kept_file_is_told(tmp_path: Path, sha256: str, query: str, status: int) -> None:
    answer = Asked(tmp_path).get(f"/netron/?{query.format(sha256)}")
    assert answer.status_code == status
    assert "script" not in answer.text


def test_a_picture_is_only_looked_at(tmp_path: Path, sha256: str) -> None:
    answer = Asked(tmp_path)("POST", page(sha256))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_without_the_package_it_is_said_to_be_missing(
    tmp_path: Path, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "netron", None)  # as where it is not installed
    netron.folder.cache_clear()
    try:
        answer = Asked(tmp_path).get(page(sha256))
        assert (answer.status_code, "netron is not installed" in answer.text) == (503, True)
    finally:
        netron.folder.cache_clear()
