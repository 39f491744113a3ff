"""What a process that runs a foreign model may use, and what it has used. Linux first; macOS as far as it goes."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_THREAD_MIB = 80  # address space that a thread reserves: its stack and a heap arena


def limit_processor(seconds: float) -> None:
    """Ends this process when it has used `seconds` of processor time, and lets it leave no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    whole = max(1, int(seconds) + 1)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (whole, hard if hard != resource.RLIM_INFINITY else whole + 5))


def limit_memory(mib: float, threads: int) -> None:
    """Allows this process `mib` more address space than it has now, and what `threads` reserve besides.

    Libraries reserve gigabytes that they never touch, so a limit from zero would say nothing about the model. Does
    nothing where the system does not tell its address space (macOS).
    """
    now = _kib("VmSize")
    if now is None:
        return
    whole = int((now / 1024 + mib + _THREAD_MIB * threads) * 2**20)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (whole if hard == resource.RLIM_INFINITY else min(whole, hard), hard))


def end_with_parent(parent: int) -> None:
    """Ends this process when the one with id `parent`, which started it, is gone (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it went before we could ask
        sys.exit("the process that asked for this measurement is gone")


def forget_peak() -> float:
    """Lets the peak start afresh where the system allows it; gives the memory in use now, in MiB."""
    try:
        _CLEAR.write_text("5")  # proc(5): resets the peak resident set size
    except OSError:
        return peak_mib()
    resident = _kib("VmRSS")
    return peak_mib() if resident is None else resident / 1024


def peak_mib() -> float:
    """The largest resident set so far, in MiB (VmHWM; on macOS ru_maxrss, which is in bytes there)."""
    high = _kib("VmHWM")
    if high is not None:
        return high / 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 2**20 if sys.platform == "darwin" else largest / 1024


def _kib(name: str) -> int | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)
