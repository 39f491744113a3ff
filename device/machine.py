"""The machine at hand: what it is called, how large it is, and a fingerprint by which it is known again."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from pathlib import Path

from device.measured import Machine

CPUINFO = Path("/proc/cpuinfo")
BOARD = Path("/proc/device-tree/model")  # of ARM and RISC-V boards: "Raspberry Pi 4 Model B Rev 1.4"
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time in a period, or "max"


def this_machine() -> Machine:
    """The machine that runs this process, on Linux or macOS; the same in every process and after every restart."""
    cpu = _cpu()
    cores = usable_cores()
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Machine(
        fingerprint=fingerprint(cpu, cores, memory_mib),
        cpu=cpu,
        cores=cores,
        memory_mib=round(memory_mib, 1),
        system=f"{platform.system()} {platform.release()}",
    )


def fingerprint(cpu: str, cores: int, memory_mib: float) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of "cpu|cores|memory in whole GiB".

    Memory is rounded because a kernel keeps a little of it for itself, more or less from one version to the next.
    """
    return hashlib.sha256(f"{cpu}|{cores}|{round(memory_mib / 1024)}".encode()).hexdigest()[:12]


def usable_cores() -> int:
    """Cores that this process may use: those it is bound to, and no more than its container's share, rounded up."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = QUOTA.read_text().split()
    except (OSError, ValueError):
        return bound
    return bound if allowed == "max" else max(1, min(bound, -(-int(allowed) // int(period))))


def cpu_model(cpuinfo: str, board: str, machine: str) -> str:
    """The processor's name on Linux, from the texts of /proc/cpuinfo and /proc/device-tree/model (empty: absent).

    x86 says "model name". ARM says at most "ARMv7 Processor", which is no name, so there the board's name is taken,
    then the maker's part number, then the instruction set, `machine`.
    """
    found: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if value.strip():
            found.setdefault(key.strip(), value.strip())
    board = board.strip("\0 \n") or found.get("Model", "")
    part = f"{machine} implementer {found.get('CPU implementer')} part {found.get('CPU part')}"
    named = " ".join(found.get("model name", "").split())
    if named and not named.startswith(("ARMv", "AArch64")):
        return named
    return board or (part if "CPU part" in found else "") or named or machine


def _cpu() -> str:
    if platform.system() == "Darwin":
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() or platform.machine()
    return cpu_model(_text(CPUINFO), _text(BOARD), platform.machine())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
