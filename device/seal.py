"""Shuts in the process that runs a foreign model: no network, no files but its own, no programs.

What holds depends on the system, and `seal` tells it:

- "no network": an empty network namespace (Linux, as root or where users may make namespaces).
- "no tcp": where that is refused, Landlock still closes TCP (Linux 6.7); other kinds of sockets stay open.
- "own files only": Landlock (Linux 5.13): the process reads the interpreter, its libraries, device/, the model, the
  data, /sys, and of /proc itself and what tells of the machine; it writes its own scratch folder and its own
  entries of /proc; it starts no program (but see `run`).

macOS and older kernels have none of these: there the process has limits on memory and time, and runs with the rights
of the user. Nothing here keeps native code (TVM) from trying a hole in the kernel, so such files need trust as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from device import limits

OWN = Path(__file__).resolve().parent  # device/, which needs nothing else of the checkout
CHECKOUT = OWN.parent  # a folder, or the archive that carries this
_SYSTEM = ("/usr", "/lib", "/lib64", "/sys", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")
# Not all of /proc: the environment of the user's other processes, with their keys, could be read there.
_PROC = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "sys", "uptime", "version", "vmstat")
_SCRATCH = ("/dev/null", "/proc/self")


def seal(
    read: Iterable[Path], write: Iterable[Path], *, run: bool = False, names: Iterable[Path] = ()
) -> tuple[str, ...]:
    """Closes everything but these, for good; what could be closed. Call it while the process has one thread.

    With `run` it may start programs (a compiler), which are shut in likewise. Folders in `names` can be listed and not
    read: Python looks there for what it imports.
    """
    libraries = [sys.prefix, sys.base_prefix, *sys.path, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)]
    system = [*_SYSTEM, *(f"/proc/{name}" for name in _PROC)]
    libraries = [path for path in libraries if path and Path(path) != CHECKOUT]
    readable = [OWN if OWN.is_dir() else CHECKOUT, *(Path(path) for path in (*system, *libraries)), *read]
    alone = limits.leave_network()
    shut = limits.confine(readable, [*(Path(path) for path in _SCRATCH), *write], run=run, names=names)
    network = ["no network"] if alone else ["no tcp"] if shut and limits.landlock_abi() >= 4 else []
    return (*network, *(["own files only"] if shut else []))
