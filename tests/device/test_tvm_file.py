"""A .tvm file is read as data until it is trusted: whatever is wrong with it is said, and nothing of it is loaded."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.instructions import LEVELS, elf_architecture, flags, lacking, level
from device.runtimes import tvm_file
from device.runtimes.tvm_file import Header, Tensor

# The first 20 bytes of an ELF file: little-endian, a shared object (3), for x86-64 (62) or AArch64 (183).
X86, ARM = (b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) for machine in (62, 183))
HEADER = Header(
    version=1, input=Tensor("x", (1, 28, 28, 1), "float32"), output=Tensor("y", (1, 10), "float32"),
    target="x86-64-v3", architecture="x86_64", threads=1, tuned=True, trials=64, operators_tuned=5, operators=6,
    tuning_seconds=56.7, arithmetic="float32", source_sha256="0" * 64, versions={"apache-tvm": "0.27.0"},
)  # fmt: skip


def made(folder: Path, header: Header = HEADER, library: bytes = X86 + bytes(100)) -> Path:
    (folder / "lib.so").write_bytes(library)
    tvm_file.write(folder / "net.tvm", header, folder / "lib.so")
    return folder / "net.tvm"


def zipped(folder: Path, entries: Sequence[tuple[str, bytes]], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(folder / "net.tvm", "w", kind) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return folder / "net.tvm"


def text(**changed: Any) -> bytes:
    return json.dumps(asdict(HEADER) | changed).encode()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    assert tvm_file.read(made(tmp_path)) == HEADER
    (tmp_path / "out").mkdir()
    library = tvm_file.extract(tmp_path / "net.tvm", tmp_path / "out")
    assert (library.name, library.read_bytes()) == ("lib.so", X86 + bytes(100))


def test_the_same_content_is_the_same_file(tmp_path: Path) -> None:
    """Whenever it is written."""
    first = made(tmp_path).read_bytes()
    assert made(tmp_path).read_bytes() == first
    with zipfile.ZipFile(tmp_path / "net.tvm") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


HOSTILE: dict[str, tuple[list[tuple[str, bytes]], int, str]] = {
    "a third entry": (
        [("dlom-tvm.json", text()), ("lib.so", X86), ("more.so", X86)],
        zipfile.ZIP_STORED,
        "it has 3 entries or more",
    ),
    "one entry": ([("lib.so", X86)], zipfile.ZIP_STORED, "it has 1 entries or more"),
    "a path in a name": (
        [("dlom-tvm.json", text()), ("../lib.so", X86)],
        zipfile.ZIP_STORED,
        "it holds ../lib.so, dlom-tvm.json instead of dlom-tvm.json and lib.so",
    ),
    "a zip bomb": (
        [("dlom-tvm.json", text()), ("lib.so", X86 + bytes(2**24))],
        zipfile.ZIP_DEFLATED,
        "its dlom-tvm.json is compressed",
    ),
    "a long header": (
        [("dlom-tvm.json", text() + b" " * 2**16), ("lib.so", X86)],
        zipfile.ZIP_STORED,
        "its dlom-tvm.json has more than 64 KiB",
    ),
    "no JSON": ([("dlom-tvm.json", b"[" * 60_000), ("lib.so", X86)], zipfile.ZIP_STORED, "is not JSON"),
    "a list": ([("dlom-tvm.json", b"[]"), ("lib.so", X86)], zipfile.ZIP_STORED, "is not of version 1"),
    "a script": ([("dlom-tvm.json", text()), ("lib.so", b"#!/bin/sh\n")], zipfile.ZIP_STORED, "is no library"),
    "code of another processor": (
        [("dlom-tvm.json", text()), ("lib.so", ARM)],
        zipfile.ZIP_STORED,
        "its lib.so is for aarch64, although it says x86_64",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_is_put_together_otherwise_is_refused(tmp_path: Path, what: str) -> None:
    entries, kind, said = HOSTILE[what]
    assert said in str(tvm_file.fault(zipped(tmp_path, entries, kind)))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("version", 2, "is not of version 1"),
        ("input", {"name": "x", "shape": [1, -1], "dtype": "float32"}, "the shape of its input is [1, -1]"),
        ("input", {"name": "x", "shape": [1, 2.5], "dtype": "float32"}, "the shape of its input is [1, 2.5]"),
        ("input", {"name": "x", "shape": [True], "dtype": "float32"}, "the shape of its input is [True]"),
        ("input", {"name": "x", "shape": [10**5, 10**5], "dtype": "float32"}, "more than 268,435,456 numbers"),
        ("output", {"name": "y", "shape": [1], "dtype": "object"}, "its dtype is 'object'; known are float32"),
        ("output", None, "tells no output"),
        ("architecture", "x86_64; rm -rf /", "its architecture is 'x86_64; rm -rf /'; known are x86_64, aarch64"),
        ("target", "\x1b[2J", "its target is"),
        ("tuned", 1, "its tuned is '1', not true or false"),
        ("trials", -1, "its trials is '-1', not a count"),
        ("threads", "1", "its threads is '1', not a count"),
        ("tuning_seconds", float("nan"), "its tuning_seconds is 'nan', not a time"),
        ("versions", ["1"], "its versions are not those"),
    ],
)
def test_a_header_with_a_senseless_value_is_refused(tmp_path: Path, key: str, value: Any, said: str) -> None:
    assert said in str(tvm_file.fault(zipped(tmp_path, [("dlom-tvm.json", text(**{key: value})), ("lib.so", X86)])))


def test_other_files_are_refused(tmp_path: Path) -> None:
    file = made(tmp_path)
    whole = file.read_bytes()
    for content, said in {
        b"": "it is too short",
        b"Dear colleague, the model follows by post.": "it is no zip archive of DLOM",
        whole[:-30]: "it is no zip archive of DLOM",
        whole + b"and more": "it is no zip archive of DLOM",
        b"before" + whole: "it has 2 entries or more",
    }.items():
        file.write_bytes(content)
        assert said in str(tvm_file.fault(file))


def test_a_directory_announced_a_second_time_in_64_bits_is_not_read(tmp_path: Path) -> None:
    """Its 1,000 entries would be taken for the two of which the last 22 bytes tell (APPNOTE.TXT 4.3.14, 4.3.15)."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, *[0] * 8, 1, *[0] * 6) + b"x"
    directory = 1000 * entry
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1000, 1000, len(directory), 0)
    body = directory + record + struct.pack("<4sLQL", b"PK\x06\x07", 0, len(directory), 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, 500, len(body) - 500, 0)
    (tmp_path / "net.tvm").write_bytes(body + end)
    with zipfile.ZipFile(tmp_path / "net.tvm") as archive:
        assert len(archive.infolist()) == 1000
    assert tvm_file.fault(tmp_path / "net.tvm") == "it is a zip archive in 64 bits, which DLOM does not write"


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_noticed_at_the_latest_when_the_library_is_taken_out(at: int, change: int) -> None:
    """Or it changed nothing: the attributes and dates of a zip's entries, which nobody reads, are covered by no sum."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = made(folder, library=X86 + bytes(range(100)))
        content = bytearray(file.read_bytes())
        content[at % len(content)] ^= change
        file.write_bytes(content)
        (folder / "out").mkdir()
        try:
            library = tvm_file.extract(file, folder / "out")
        except ValueError:
            return
        assert library.read_bytes() == X86 + bytes(range(100))
        assert tvm_file.read(file) == HEADER


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "net.tvm"
        file.write_bytes(content)
        assert tvm_file.fault(file)


@pytest.mark.parametrize("name", ["../evil.o", "/etc/evil.o", "evil.sh", "link.o"])
def test_objects_with_other_names_are_not_unpacked(tmp_path: Path, name: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(X86)
        if name == "link.o":
            entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0
        tar.addfile(entry, io.BytesIO(X86))
    (tmp_path / "lib.tar").write_bytes(packed.getvalue())
    with pytest.raises(ValueError, match=r"its lib\.tar holds .*, which is no object file"):
        tvm_file.link(tmp_path / "lib.tar", tmp_path / "lib.so", tvm_file.COMPILERS)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["lib.tar"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tvm_file.write(tmp_path / "net.tvm", HEADER, tmp_path / "gone.so")
    assert list(tmp_path.iterdir()) == []


def test_the_level_of_a_processor_is_the_highest_whose_features_are_all_there() -> None:
    old = frozenset().union(LEVELS["x86-64"], LEVELS["x86-64-v2"], {"avx"})
    new = frozenset().union(*LEVELS.values())
    assert level(frozenset()) == "x86-64"
    assert level(old) == "x86-64-v2"
    assert level(new) == "x86-64-v4"
    assert level(new - {"ssse3"}) == "x86-64", "a feature of the second level is not there, so none above it counts"


def test_features_that_are_lacking_are_named_and_arm_has_no_levels() -> None:
    avx2 = frozenset().union(*(LEVELS[name] for name in ("x86-64", "x86-64-v2", "x86-64-v3")))
    assert lacking("x86-64-v4", avx2) == ("avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
    assert lacking("x86-64-v3", avx2) == ()
    assert lacking("cortex-a72", frozenset()) == ()


def test_features_are_read_from_cpuinfo_of_both_kinds() -> None:
    assert flags("processor\t: 0\nflags\t\t: fpu sse2 avx\nbugs\t\t: \n") == {"fpu", "sse2", "avx"}
    assert flags("Features\t: fp asimd crc32\n") == {"fp", "asimd", "crc32"}
    assert flags("") == frozenset()


def test_an_elf_file_tells_its_processor() -> None:
    assert elf_architecture(X86) == "x86_64"
    assert elf_architecture(ARM) == "aarch64"
    assert elf_architecture(X86[:18] + b"\xff\xff") == "machine 65535"
    assert elf_architecture(b"PK\x03\x04" + bytes(20)) is None
