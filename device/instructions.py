"""Which instructions the processor at hand has: what machine code may be written for it, and what would crash here.

x86-64 has levels that compilers know by name (psABI, https://gitlab.com/x86-psABIs/x86-64-ABI, table 3.1): AVX2 and FMA
are in the third, AVX-512 in the fourth. On 64-bit ARM, NEON is always there.
"""

from __future__ import annotations

import platform
import struct
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

# Each level has the flags of those before it; as Linux writes them (pni is SSE3, abm is LZCNT).
LEVELS: dict[str, frozenset[str]] = {
    "x86-64": frozenset({"cmov", "cx8", "fpu", "fxsr", "mmx", "sse", "sse2"}),
    "x86-64-v2": frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}),
    "x86-64-v3": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    "x86-64-v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}
ARCHITECTURES = ("x86_64", "aarch64")
_SAME = {"amd64": "x86_64", "arm64": "aarch64"}
# e_machine (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html and its registry)
_ELF_MACHINES = {62: "x86_64", 183: "aarch64", 40: "arm", 243: "riscv", 3: "i386"}


def architecture() -> str:
    """Of the machine at hand: x86_64, aarch64 or what else the system calls it."""
    said = platform.machine().lower()
    return _SAME.get(said, said)


def flags(cpuinfo: str) -> frozenset[str]:
    """The processor's features in the text of /proc/cpuinfo: of the line "flags" (x86) or "Features" (ARM)."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def level(features: frozenset[str]) -> str:
    """The highest level of x86-64 whose features are all there; the lowest one where nothing is told."""
    found = "x86-64"
    for name, added in LEVELS.items():
        if not added <= features:
            break
        found = name
    return found


def lacking(name: str, features: frozenset[str]) -> tuple[str, ...]:
    """The features of the level `name` that are not among `features`, sorted; none for another kind of processor."""
    if name not in LEVELS:
        return ()
    names = list(LEVELS)
    needed = frozenset().union(*(LEVELS[n] for n in names[: names.index(name) + 1]))
    return tuple(sorted(needed - features))


def here() -> frozenset[str]:
    """The features of the processor at hand; empty where the system does not tell."""
    try:
        return flags(CPUINFO.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return frozenset()


def elf_architecture(head: bytes) -> str | None:
    """For which processor an ELF file is, by its first 20 bytes; None when it is no ELF file (Linux) at all."""
    if len(head) < 20 or head[:4] != b"\x7fELF" or head[5] not in (1, 2):
        return None
    (machine,) = struct.unpack(("<" if head[5] == 1 else ">") + "H", head[18:20])
    return _ELF_MACHINES.get(machine, f"machine {machine}")
