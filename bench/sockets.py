"""The TCP connections of a process, as Linux shows them: does it call anybody?"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

_LISTENING = "0A"
_EVERY_S = 0.05


def owner(port: int) -> int:
    """The process that listens on a port. Raises LookupError."""
    listening = {inode for local, _, state, inode in _table("self") if state == _LISTENING and local[1] == port}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and _inodes(int(folder.name)) & listening:
            return int(folder.name)
    raise LookupError(f"no process that may be looked at listens on port {port}")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue  # it has ended
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
    return found


def network(pid: int) -> int:
    """The network that a process is in, by the number of its namespace."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


class Sockets:
    """Looks at the connections of the process that serves `port`, and of its children, until the end of the block.

    `outgoing` are those that are neither its listening socket nor one that a client has opened to it.
    """

    def __init__(self, port: int) -> None:
        self.outgoing: set[str] = set()
        self.pid = owner(port)
        self._port = port
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Sockets:
        self._looking.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY_S):
            for pid in (self.pid, *children(self.pid)):
                inodes = _inodes(pid)
                for local, remote, state, inode in _table(str(pid)):
                    if inode in inodes and state != _LISTENING and local[1] != self._port:
                        self.outgoing.add(f"process {pid}: {local[0]}:{local[1]} to {remote[0]}:{remote[1]} ({state})")


def _table(pid: str) -> list[tuple[tuple[str, int], tuple[str, int], str, str]]:
    """(local, remote, state, inode) of each TCP socket in the network that the process is in."""
    found = []
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            found.append((_address(words[1]), _address(words[2]), words[3], words[9]))
    return found


def _address(written: str) -> tuple[str, int]:
    host, _, port = written.partition(":")
    return host, int(port, 16)


def _inodes(pid: int) -> set[str]:
    """The sockets that a process holds open."""
    found = set()
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(file.readlink())
            except OSError:
                continue  # closed meanwhile
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:
        return found
    return found
