"""Netron in a real browser on a file of each format: it draws the graph, and no request leaves this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from repository.artifacts import ArtifactStore
from tests import browser
from tests.http.served import served

ROOT = Path(__file__).parent.parent.parent
# Each with a kind of node that its picture shows.
FILES = {
    "net.h5": "Dense", "net.keras": "Dense", "net.pb": "MatMul", "float.tflite": "FullyConnected",
    "int8.onnx": "QuantizeLinear",
}  # fmt: skip


@pytest.mark.browser
@pytest.mark.slow  # about a minute: TensorFlow writes the files
def test_every_format_is_drawn_and_nothing_is_asked_of_the_outside(tmp_path: Path) -> None:
    if find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed (./dlom build installs it)")
    from playwright.sync_api import expect

    subprocess.run(
        [sys.executable, "-c", "import sys; from pathlib import Path; from tests.device.nets import make;"
         " make(Path(sys.argv[1]))", str(tmp_path)],
        cwd=ROOT, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    home = tmp_path / "home"
    home.mkdir()
    store = ArtifactStore(home / "artifacts")
    kept = {name: store.add(tmp_path / name) for name in FILES}
    with served(home) as running, browser.browser() as chromium:
        context = chromium.new_context(viewport={"width": 900, "height": 700})
        context.set_default_timeout(20_000)
        asked: list[str] = []
        faults: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        for name, sha256 in kept.items():
            page = context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(str(running.client.base_url.join(f"/netron/?file={sha256}&name={name}")))
            # Netron takes eval away, which Playwright's own functions in a page need: so only locators.
            page.locator("g.node").first.wait_for(state="attached")
            assert page.locator("g.node", has_text=FILES[name]).count() >= 1, name
            expect(page).to_have_title(name)
            assert not page.locator("#message-button").is_visible()  # it asks for nothing
            page.close()
    assert {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}
    assert faults == []
