from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from device.machine import cpu_model, fingerprint, this_machine
from tests.device.conftest import ROOT

XEON = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)  CPU @ 2.20GHz\nflags\t\t: fpu\n"
PI4 = """processor\t: 0
BogoMIPS\t: 108.00
CPU implementer\t: 0x41
CPU part\t: 0xd08

Hardware\t: BCM2835
Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""
PI3_32BIT = "processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\nCPU part\t: 0xd03\n"
GRAVITON = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"


@pytest.mark.parametrize(
    ("cpuinfo", "board", "machine", "name"),
    [
        (XEON, "", "x86_64", "Intel(R) Xeon(R) CPU @ 2.20GHz"),
        (PI4, "", "aarch64", "Raspberry Pi 4 Model B Rev 1.4"),
        (PI3_32BIT, "Raspberry Pi 3 Model B Plus Rev 1.3\0", "armv7l", "Raspberry Pi 3 Model B Plus Rev 1.3"),
        (GRAVITON, "", "aarch64", "aarch64 implementer 0x41 part 0xd40"),
        ("", "", "riscv64", "riscv64"),
    ],
)
def test_the_processor_has_a_name_also_where_the_kernel_gives_none(
    cpuinfo: str, board: str, machine: str, name: str
) -> None:
    assert cpu_model(cpuinfo, board, machine) == name


def test_the_fingerprint_is_the_start_of_a_sha256() -> None:
    whole = hashlib.sha256(b"AMD EPYC|2|24").hexdigest()
    assert fingerprint("AMD EPYC", 2, 24105.6) == whole[:12]


def test_a_kernel_that_keeps_a_little_more_memory_changes_nothing() -> None:
    assert fingerprint("AMD EPYC", 2, 24105.6) == fingerprint("AMD EPYC", 2, 24080.0)


def test_another_number_of_cores_is_another_machine() -> None:
    assert fingerprint("AMD EPYC", 2, 24105.6) != fingerprint("AMD EPYC", 4, 24105.6)


def test_another_process_sees_the_same_machine() -> None:
    code = "from device.machine import this_machine; print(this_machine())"
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == repr(this_machine())
