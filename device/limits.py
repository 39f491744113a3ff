"""What a process that runs a foreign model may use, and what it has used. Linux first; macOS as far as it goes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_THREAD_MIB = 80  # address space that a thread reserves: its stack and a heap arena

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
# The same numbers on every architecture (landlock(7)).
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_PATH_BENEATH = 1
# Rights of Landlock's file system by ABI: 13 in the first, one more in 2 (refer), 3 (truncate) and 5 (ioctl).
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_RUNNING, _READING, _LISTING = 0b1, 0b1100, 0b1000  # execute; read a file and list a folder; the latter alone
_OF_A_FILE = 0b1 | 0b10 | 0b100 | 1 << 14 | 1 << 15  # what can be allowed of a single file: also write, truncate, ioctl


def limit_processor(seconds: float) -> None:
    """Ends this process when it has used `seconds` of processor time, and lets it leave no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    whole = max(1, int(seconds) + 1)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (whole, whole + 5) if hard == resource.RLIM_INFINITY else (min(whole, hard), hard)
    )


def limit_file(mib: float) -> None:
    """Allows this process no file that is larger; a smaller limit that is there already is kept."""
    whole = int(mib * 2**20)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    least = whole if hard == resource.RLIM_INFINITY else min(whole, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (least, least))


def written_mib(folder: Path) -> float:
    """What the files in a folder take of the disk, all together, in MiB; links are not followed.

    No single limit of the system bounds that: who waits for a process looks from time to time. What is deleted and
    still open is not seen.
    """
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it went meanwhile
                total += 512 * os.lstat(os.path.join(place, name)).st_blocks  # noqa: PTH118 - many of them, often
    return total / 2**20


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


def leave_network() -> bool:
    """Enters an empty network namespace, before any library is loaded; whether the system permits it (Linux only).

    The process then also ends with the thread that started it, and can gain no privilege.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Where both are refused, Landlock remains.
    return any(libc.unshare(spaces) == 0 for spaces in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def confine(
    read: Iterable[Path] = (), write: Iterable[Path] = (), *, run: bool = True, names: Iterable[Path] = ()
) -> bool:
    """Landlock: nothing may be opened, made or run but below these folders, no TCP port bound or connected (ABI 4).

    Single files may stand among them. Of the folders `names` only names are told, all the way down. Without `run` no
    program may be started, either; libraries can be loaded. Whether the kernel has it (Linux 5.13; ports from 6.7).
    Call `leave_network` first, which it rests on. What is not there is left out. It binds the thread that calls, and
    what that starts later.
    """
    abi = landlock_abi()
    if abi < 1:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    syscall = libc.syscall
    syscall.restype = ctypes.c_long
    # struct landlock_ruleset_attr: handled_access_fs, handled_access_net (ABI 4), scoped (ABI 6: sockets, signals)
    every = (1 << _FILE_RIGHTS.get(abi, 16)) - 1
    rights = [every]
    rights += [0b11] if abi >= 4 else []
    rights += [0b11] if abi >= 6 else []
    handled = (ctypes.c_uint64 * len(rights))(*rights)
    rules = syscall(_LANDLOCK_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), 0)
    if rules < 0:
        return False
    running = _RUNNING if run else 0
    for paths, allowed in ((read, _READING | running), (write, every & ~_RUNNING | running), (names, _LISTING)):
        for path in paths:
            if path.exists():
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
                fitting = allowed if path.is_dir() else allowed & every & _OF_A_FILE
                rule = struct.pack("=Qi", fitting, opened)  # struct landlock_path_beneath_attr
                syscall(_LANDLOCK_ADD_RULE, ctypes.c_int(rules), _LANDLOCK_PATH_BENEATH, rule, 0)
                os.close(opened)
    closed = syscall(_LANDLOCK_RESTRICT_SELF, ctypes.c_int(rules), 0) == 0
    os.close(rules)
    return bool(closed)


def landlock_abi() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    return max(0, int(syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def limit_address_space(mib: float) -> None:
    """Allows this process `mib` of address space in all, its libraries included; macOS refuses, and has none."""
    whole = int(mib * 2**20)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (whole if hard == resource.RLIM_INFINITY else min(whole, hard), hard))
    except (ValueError, OSError):
        return


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
