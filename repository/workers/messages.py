"""What goes between this process and its workers: a JSON header, then bytes."""

from __future__ import annotations

import json
import os
import selectors
import struct
import time
from typing import IO, Any

_LENGTHS = struct.Struct(">IQ")


class Silence(Exception):
    """No whole message came in time."""


class Gone(Exception):
    """The other side ended before its message was whole."""


def send(pipe: IO[bytes], header: dict[str, Any], body: bytes = b"") -> None:
    """Write one message. Raises OSError when the other side is gone."""
    head = json.dumps(header).encode()
    pipe.write(_LENGTHS.pack(len(head), len(body)) + head)
    pipe.write(body)
    pipe.flush()


def received(pipe: IO[bytes], seconds: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Read one message, within `seconds`. Raises Silence or Gone."""
    until = None if seconds is None else time.monotonic() + seconds
    head, body = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size, until))
    header: dict[str, Any] = json.loads(_exactly(pipe, head, until))
    return header, _exactly(pipe, body, until)


def _exactly(pipe: IO[bytes], size: int, until: float | None) -> bytes:
    data = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(pipe, selectors.EVENT_READ)
        while len(data) < size:
            if until is not None and not ready.select(max(0.0, until - time.monotonic())):
                raise Silence
            piece = os.read(pipe.fileno(), min(size - len(data), 2**20))  # the pipe is not buffered
            if not piece:
                raise Gone
            data += piece
    return bytes(data)
