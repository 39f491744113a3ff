"""A process that is shut in tries to get out, for real."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from device.limits import landlock_abi
from tests.device.conftest import ROOT

# What it tries, and the error it meets, if any. `own` is its folder, `given` the file that it may read.
ATTEMPTS = """
import json, os, pathlib, socket, subprocess, sys
from device.seal import seal
given, own, other, secret, port = pathlib.Path(sys.argv[1]), *map(pathlib.Path, sys.argv[2:5]), int(sys.argv[5])
said = {"sealed": seal([given], [own])}
def attempt(name, act):
    try:
        act()
        said[name] = "done"
    except OSError as error:
        said[name] = type(error).__name__
attempt("connect", lambda: socket.create_connection(("127.0.0.1", port), timeout=5).close())
attempt("send", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9)))
attempt("read what was given", given.read_bytes)
attempt("read a secret", secret.read_bytes)
attempt("list a folder", lambda: os.listdir(secret.parent))
attempt("write beside it", lambda: (other / "new").write_text("x"))
attempt("write what was given", lambda: given.write_text("x"))
attempt("remove a secret", secret.unlink)
attempt("write its own", lambda: (own / "new").write_text("x"))
attempt("start a program", lambda: subprocess.run(["/bin/ls"], stdout=subprocess.DEVNULL))
attempt("look at who started it", lambda: pathlib.Path(f"/proc/{os.getppid()}/environ").read_bytes())
attempt("load a library", lambda: __import__("sqlite3").connect(":memory:"))
attempt("forget its peak", lambda: pathlib.Path("/proc/self/clear_refs").write_text("5"))
print(json.dumps(said))
"""


@pytest.fixture
def tried(tmp_path: Path) -> dict[str, Any]:
    for name in ("own", "other", "secrets"):
        (tmp_path / name).mkdir()
    (tmp_path / "secrets" / "key").write_text("secret")
    (tmp_path / "given.txt").write_text("given")
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = [tmp_path / "given.txt", tmp_path / "own", tmp_path / "other", tmp_path / "secrets" / "key"]
        made = subprocess.run(
            [sys.executable, "-c", ATTEMPTS, *map(str, places), str(server.getsockname()[1])],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=60, env=os.environ | {"HOME": str(tmp_path)},
        )  # fmt: skip
    return dict(json.loads(made.stdout))


def test_what_is_shut_stays_shut(tried: dict[str, Any], tmp_path: Path) -> None:
    """Only what `seal` said that it could do is asked for: a system may permit less."""
    sealed = tried.pop("sealed")
    done = {name for name, how in tried.items() if how == "done"}
    allowed = {"read what was given", "write its own", "load a library", "forget its peak"}
    assert allowed <= done
    if "own files only" in sealed:
        assert done <= allowed | {"connect", "send"}
        assert (tmp_path / "secrets" / "key").read_text() == "secret"
        assert (tmp_path / "given.txt").read_text() == "given"
    if "no network" in sealed:
        assert not {"connect", "send"} & done
    if "no tcp" in sealed:
        assert "connect" not in done


@pytest.mark.skipif(landlock_abi() < 1, reason="this kernel has no Landlock")
def test_a_kernel_with_landlock_shuts_the_files(tried: dict[str, Any]) -> None:
    assert "own files only" in tried["sealed"]
