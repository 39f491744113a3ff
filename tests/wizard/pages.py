"""What the tests of the pages have in common: opening a link, and reading what is shown."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def opened(app: AppTest, link: dict[str, str]) -> AppTest:
    """The page of a link, drawn without a fault."""
    for name, text in link.items():
        app.query_params[name] = text
    app.run()
    assert not app.exception
    return app


def address(app: AppTest) -> dict[str, str]:
    """What the address bar says."""
    return {name: value[0] if isinstance(value, list) else value for name, value in app.query_params.items()}


def html(app: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(str(element.proto.body) for element in app.get("html"))


def text(app: AppTest) -> str:
    """All Markdown, messages and HTML of the page."""
    kinds = (app.markdown, app.caption, app.error, app.success, app.warning, app.info, app.subheader)
    return "\n".join([str(e.value) for kind in kinds for e in kind] + [html(app)])


def widgets(app: AppTest, kind: str) -> list[Any]:
    """Widgets that AppTest has no name of its own for."""
    return list(app.get(kind))


def upload(app: AppTest, key: str, name: str, content: bytes) -> AppTest:
    """A file brought to the uploader with this key."""
    (uploader,) = [w for w in widgets(app, "file_uploader") if w.key == key]
    uploader.set_value((name, content, "application/octet-stream")).run()
    assert not app.exception
    return app
