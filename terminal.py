"""Events of long work as a person sees them in a terminal."""

from __future__ import annotations

import sys

from ontology.events import Event, Finished, Note, Progress, Started


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
