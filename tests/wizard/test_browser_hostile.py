"""Hostile model files brought to the running app through a browser: each is refused, and the app goes on."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests import browser
from tests.http.served import served
from tests.optimizer.foreign_files import CANARY, folder
from tests.optimizer.hostile_files import REASONS, make


@pytest.mark.browser
@pytest.mark.slow  # half a minute: twenty files, one after the other
def test_every_hostile_file_is_refused_by_the_running_app(tmp_path: Path) -> None:
    home, foreign = tmp_path / "home", tmp_path / "foreign"
    home.mkdir()
    foreign.mkdir()
    files = make(foreign)
    with browser.browser() as chromium, served(home) as app:
        before = app.statements()
        page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{app.client.base_url}?view=register")
        page.get_by_role("tab", name="A model file").click()
        uploader = page.locator(".st-key-file-model input[type=file]")
        for name, path in files.items():
            uploader.set_input_files(path)
            said = page.get_by_role("alert").filter(has_text=f"{name}").filter(has_text="Refused.")
            said.wait_for()
            words = REASONS[name].replace("'", "").split()
            shown = said.inner_text().replace("'", "").replace("’", "")
            assert all(word in shown for word in words), (name, shown)
            assert app.client.get("/").status_code == httpx.codes.OK, name
            assert app.client.get("/_stcore/health").text == "ok", name
        assert app.statements() == before
    assert not (foreign / CANARY).exists()
    assert not (folder() / CANARY).exists()
    assert "Traceback" not in (home / "app.log").read_text()
