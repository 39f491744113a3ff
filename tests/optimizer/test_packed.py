"""SavedModels in a .zip: unpacked and read as the folder that was packed; archives that would do harm are refused.

The hostile ones are real: links, bombs, entries that lie on each other, sizes and names that are not what they say.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.formats.chain import entry_of
from optimizer.inspect import Limits, RefusedFile, inspect, unpacked
from optimizer.networks.own import copied
from tests.optimizer import protobuf as pb

RELU = pb.node("y", "Relu", "x")
MODEL = pb.saved_model(pb.graph(pb.placeholder("x", -1, 2), RELU), serving_default=pb.signature(y="y:0"))
PARTS = {"saved_model.pb": MODEL, "fingerprint.pb": b"\x08\x01", "assets/words.txt": b"yes\nno\n" * 40}
BOMB = bytes(40_000_000)  # zeros, which deflate packs a thousandfold


def packed(path: Path, parts: dict[str, bytes] = PARTS, within: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(within + name, content)
    return path


def refused(path: Path, limits: Limits | None = None) -> str:
    """Why; nothing is left of it then."""
    room = path.parent / "room"
    room.mkdir()
    with pytest.raises(RefusedFile) as found:
        unpacked(path, room, limits=limits)
    assert list(room.iterdir()) == []
    with pytest.raises(RefusedFile, match=path.name):
        inspect(path, limits=limits)
    return str(found.value)


@pytest.mark.parametrize("within", ["", "net/", "models/net/"])
def test_a_packed_model_is_read_as_its_folder(tmp_path: Path, within: str) -> None:
    """Packed from inside the folder or with it, and with what a Mac adds."""
    noise = {"__MACOSX/net/._saved_model.pb": b"x", f"{within}.DS_Store": b"x", f"{within}assets/.DS_Store": b"x"}
    path = tmp_path / "net.zip"
    packed(path, {**noise, **{within + name: content for name, content in PARTS.items()}})
    with zipfile.ZipFile(path, "a") as archive:
        archive.mkdir(f"{within}variables")
    folder = unpacked(path, tmp_path)
    assert folder == tmp_path / "net"
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == PARTS
    found = inspect(path)
    assert (found.format, found.nodes, found.size_kib) == ("savedmodel", 2, sum(map(len, PARTS.values())) / 1024)
    assert found == inspect(folder)
    assert entry_of(path) == entry_of(folder) == "pb"
    copy = copied(path, found, tmp_path / "copy")
    assert (copy / "saved_model.pb").read_bytes() == MODEL


def test_what_is_no_zip_is_left_as_it_is(tmp_path: Path) -> None:
    for name in ("net.tflite", "nothing-there.onnx"):
        assert unpacked(tmp_path / name, tmp_path) == tmp_path / name


def test_a_graph_with_a_harmful_operator_is_refused_packed_too(tmp_path: Path) -> None:
    bad = pb.text("where", str(tmp_path / "canary")), pb.node("bad", "WriteFile", "where", "where")
    graph = pb.graph(pb.placeholder("x", -1, 2), RELU, *bad)
    content = pb.saved_model(graph, serving_default=pb.signature(y="y:0"))
    with pytest.raises(RefusedFile, match="it holds the operator 'WriteFile'"):
        inspect(packed(tmp_path / "net.zip", {"saved_model.pb": content}))
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil", "would unpack to '../evil', which may lie outside"),
        ("net/../../evil", "which may lie outside"),
        ("/etc/cron.d/evil", "would unpack to '/etc/cron.d/evil'"),
        ("c:evil", "would unpack to 'c:evil'"),
        ("..\\evil", "which may lie outside"),
        ("assets//evil", "which may lie outside"),
        ("hook.py", "it holds the program 'hook.py'"),
        ("weights.pkl", "'weights.pkl', which is no part of a SavedModel"),
        ("variables/variables.data-00000-of-00001/x", "which is no part of a SavedModel"),
        ("assets/" + "x" * 300, "which is no part of a SavedModel"),
        ("assets/\x1b[2J", "which is no part of a SavedModel"),
    ],
)
def test_a_name_that_has_no_place_in_it(tmp_path: Path, name: str, reason: str) -> None:
    assert reason in refused(packed(tmp_path / "net.zip", PARTS | {name: b"x"}))
    assert not (tmp_path.parent / "evil").exists()


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.mark.parametrize(
    ("mode", "reason"),
    [(stat.S_IFLNK, "is a symbolic link"), (stat.S_IFIFO, "no plain file"), (stat.S_IFCHR, "no plain")],
)
def test_links_and_devices(tmp_path: Path, mode: int, reason: str) -> None:
    path = packed(tmp_path / "net.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry("assets/passwd", mode | 0o777), "/etc/passwd")
    assert reason in refused(path)


def test_an_archive_that_is_a_link_itself(tmp_path: Path) -> None:
    packed(tmp_path / "real.zip")
    (tmp_path / "net.zip").symlink_to(tmp_path / "real.zip")
    assert "net.zip is a symbolic link" in refused(tmp_path / "net.zip")


def test_bombs(tmp_path: Path) -> None:
    path = packed(tmp_path / "net.zip", PARTS | {"assets/zeros": BOMB})
    assert path.stat().st_size < 60_000
    assert "'assets/zeros' in it grows from" in refused(path)
    shutil.rmtree(tmp_path / "room")
    stored = PARTS | {f"assets/{i}": os.urandom(300_000) for i in range(4)}
    assert "it would unpack to 1 MiB, more than the 1 allowed" in refused(packed(path, stored), Limits(unpacked_mib=1))


def test_files_that_lie_on_each_other(tmp_path: Path) -> None:
    """As in the best bombs (Fifield, WOOT 2019): one stream, listed many times under other names."""
    path = packed(tmp_path / "net.zip", PARTS | {"assets/stream": os.urandom(10_000)})
    with zipfile.ZipFile(path, "a") as archive:
        stream = archive.getinfo("assets/stream")
        for i in range(50):
            again = replace_name(stream, f"assets/{i}")
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
        archive.writestr("assets/last", b"")  # so that the list is written
    assert "overlaps another file within the archive: a zip bomb" in refused(path)


def replace_name(info: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    twin = zipfile.ZipInfo(name)
    for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset", "external_attr"):
        setattr(twin, field, getattr(info, field))
    return twin


def changed(path: Path, change: Callable[[bytearray, int], None]) -> Path:
    """The archive after a change to the list's line of assets/words.txt, which begins at a position."""
    content = bytearray(path.read_bytes())
    at = content.rindex(b"assets/words.txt") - 46  # the fixed part of a line
    assert content[at : at + 4] == b"PK\x01\x02"
    change(content, at)
    path.write_bytes(content)
    return path


def smaller(content: bytearray, at: int) -> None:
    struct.pack_into("<L", content, at + 24, 10)  # its size unpacked, which is 280


def larger(content: bytearray, at: int) -> None:
    struct.pack_into("<L", content, at + 24, 1000)


def encrypted(content: bytearray, at: int) -> None:
    content[at + 8] |= 1


def other_method(content: bytearray, at: int) -> None:
    struct.pack_into("<H", content, at + 10, zipfile.ZIP_BZIP2)


def other_sum(content: bytearray, at: int) -> None:
    content[at + 16] ^= 0xFF


def other_name(content: bytearray, at: int) -> None:
    content[at + 46 : at + 62] = b"assets/wordz.txt"  # in the list alone: two readers see two files


def null_in_name(content: bytearray, at: int) -> None:
    content[at + 46 : at + 62] = b"assets/w.txt\0.py"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (smaller, "Bad CRC-32"),
        (larger, "smaller than the list says"),
        (encrypted, "in it is encrypted"),
        (other_method, "is compressed by method 12"),
        (other_sum, "Bad CRC-32"),
        (other_name, "cannot be unpacked .File name in directory"),
        (null_in_name, "which may lie outside"),
    ],
)
def test_an_entry_that_is_not_what_the_list_says(
    tmp_path: Path, change: Callable[[bytearray, int], None], reason: str
) -> None:
    assert re.search(reason, refused(changed(packed(tmp_path / "net.zip"), change)))


def test_an_archive_of_very_many_files_is_not_even_listed(tmp_path: Path) -> None:
    parts = {f"assets/{i}": b"" for i in range(1001)}
    assert "an archive of 1,001 files or more" in refused(packed(tmp_path / "net.zip", parts))


def test_the_same_name_twice(tmp_path: Path) -> None:
    path = packed(tmp_path / "net.zip")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("saved_model.pb", b"another")
    assert "holds 'saved_model.pb' twice" in refused(path)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, "holds nothing, and no saved_model.pb"),
        ({"net.tflite": b"x"}, "holds net.tflite, and no saved_model.pb; pack the folder of a SavedModel"),
        ({"a/saved_model.pb": MODEL, "b/saved_model.pb": MODEL}, "holds a/saved_model.pb, b/saved_model.pb, and no"),
        ({"config.json": b"{}", "metadata.json": b"{}"}, "is a .keras file under another name"),
    ],
)
def test_other_archives(tmp_path: Path, parts: dict[str, bytes], reason: str) -> None:
    assert reason in refused(packed(tmp_path / "net.zip", parts))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_an_archive_that_is_cut_off(tmp_path: Path, share: float) -> None:
    path = packed(tmp_path / "net.zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    reason = refused(path)
    assert "is empty" in reason if not share else "cannot be unpacked (File is not a zip file)" in reason


def test_a_model_in_an_archive_in_an_archive(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("saved_model.pb", MODEL)
    assert "holds net.zip, and no saved_model.pb" in refused(packed(tmp_path / "x.zip", {"net.zip": inner.getvalue()}))


def test_a_large_archive_is_refused_by_its_size(tmp_path: Path) -> None:
    path = packed(tmp_path / "net.zip", PARTS | {"assets/noise": os.urandom(2_000_000)})
    assert "more than the 1 allowed" in refused(path, replace(Limits(), file_mib=1))


def test_a_damaged_archive_is_refused_or_whole(tmp_path: Path) -> None:
    """Each byte changed once: what still opens holds what was packed, the names of its files apart."""
    whole = packed(tmp_path / "net.zip", {"saved_model.pb": MODEL, "assets/words.txt": b"yes\nno\n" * 40}).read_bytes()
    refusals = 0
    for at in range(len(whole)):
        room = tmp_path / f"{at}"
        room.mkdir()
        path = room / "net.zip"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            folder = unpacked(path, room)
        except RefusedFile:
            refusals += 1
            assert [p.name for p in room.iterdir()] == ["net.zip"]
        else:
            assert (folder / "saved_model.pb").read_bytes() == MODEL
    assert refusals > len(whole) / 2
