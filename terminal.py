"""What every verb of the command line needs: settings, files, the knowledge, and events as a person sees them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.events import Event, Finished, Note, Progress, Started
from ontology.settings import Settings

if TYPE_CHECKING:
    from repository.knowledge import Knowledge


class InputError(Exception):
    """A file or an option that cannot be used; the message says which and what to do."""


def settings_of(port: int | None = None) -> Settings:
    """What the environment says. Raises SettingsError."""
    return Settings.from_environment(dict(os.environ) | ({"DLOM_PORT": str(port)} if port is not None else {}))


def knowledge_of(settings: Settings) -> Knowledge:
    """The loaded knowledge; a fresh installation loads the shipped facts first. Raises GraphError."""
    import flow

    return flow.ready(settings, draw)


def set_up(settings: Settings) -> None:
    """Load or update the shipped facts, telling of the progress. Raises InputError when another holds the store."""
    import flow
    from repository.graph import StoreBusy

    try:
        for event in flow.set_up(settings):
            draw(event)
    except StoreBusy as busy:
        raise InputError(
            f"{busy}; is the app running, or another ./dlom at work? Stop it or wait, or set another DLOM_HOME"
        ) from busy


def read(file: Path) -> bytes:
    """The content of a file. Raises InputError when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}; write the path of a file that can be read") from error


def draw(event: Event) -> None:
    """Progress on standard error, so that results can be piped."""
    live = sys.stderr.isatty()
    if isinstance(event, Progress):
        share = f"{event.done}/{event.total}" if event.total else str(event.done)
        text = f"{event.what}: {share} {event.detail}"
        if live:
            sys.stderr.write(f"\r\033[K{text[:110]}")
        elif event.done == event.total:
            sys.stderr.write(f"{text}\n")
    elif isinstance(event, Finished | Note | Started):
        said = event.text if isinstance(event, Note) else event.what
        if isinstance(event, Finished):
            said = f"{said}: done, {event.detail}" if event.detail else f"{said}: done"
        if not isinstance(event, Started):
            sys.stderr.write(("\r\033[K" if live else "") + f"{said}\n")
    sys.stderr.flush()
