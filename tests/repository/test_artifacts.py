"""Content in is content out: once each, read-only, whole after a kill, and damage is noticed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository.artifacts import ArtifactDamaged, ArtifactError, ArtifactMissing, ArtifactStore

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc": FIPS 180-2, appendix B.1


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def given_file(folder: Path, content: bytes, name: str = "net.tflite") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def files(folder: Path) -> list[Path]:
    return [f for f in folder.rglob("*") if f.is_file()]


def test_a_file_is_named_by_its_content(store: ArtifactStore, tmp_path: Path) -> None:
    assert store.add(given_file(tmp_path, b"abc")) == ABC
    assert store.has(ABC)
    assert store.path(ABC).read_bytes() == b"abc"
    assert store.path(ABC).stat().st_mode & 0o777 == 0o444


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=4))
def test_content_in_is_content_out(contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = ArtifactStore(folder / "artifacts")
        names = [store.add(given_file(folder, content)) for content in contents]
        for sha256, content in zip(names, contents, strict=True):
            with store.open(sha256) as kept:
                assert kept.read() == content
            assert sha256 == hashlib.sha256(content).hexdigest()
            store.verify(sha256)
        assert len(files(folder / "artifacts")) == len(set(contents))


def test_the_same_content_twice_is_one_file_that_nobody_touches(store: ArtifactStore, tmp_path: Path) -> None:
    first = store.path(store.add(given_file(tmp_path, b"abc", "one.h5")))
    before = first.stat()
    assert store.add(given_file(tmp_path, b"abc", "other.h5")) == ABC
    after = first.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert files(tmp_path / "artifacts") == [first]


def test_a_file_of_several_chunks(store: ArtifactStore, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8200  # 2,099,200 bytes
    assert store.path(store.add(given_file(tmp_path, content))).read_bytes() == content


def test_a_damaged_file_is_noticed_and_not_silently_healed(store: ArtifactStore, tmp_path: Path) -> None:
    kept = store.path(store.add(given_file(tmp_path, b"abc")))
    kept.chmod(0o644)
    kept.write_bytes(b"abd")
    with pytest.raises(ArtifactDamaged, match=rf"kept file {ABC} has the content a52d159f.*add the model's file again"):
        store.verify(ABC)
    with pytest.raises(ArtifactDamaged):
        store.add(given_file(tmp_path, b"abc"))
    assert kept.read_bytes() == b"abd"
    assert files(tmp_path / "artifacts") == [kept]


@pytest.mark.parametrize("name", ["f" * 64, "", "../secret", ABC.upper(), ABC + "\n", "..", "/etc/passwd"])
def test_what_is_not_kept_is_told(store: ArtifactStore, tmp_path: Path, name: str) -> None:
    store.add(given_file(tmp_path, b"abc"))
    given_file(tmp_path, b"", "secret")
    assert not store.has(name)
    with pytest.raises(ArtifactMissing, match="is kept here; build or register"):
        store.open(name)
    with pytest.raises(ArtifactMissing):
        store.verify(name)


def test_a_file_that_is_not_there_leaves_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"there is no file gone\.h5"):
        store.add(tmp_path / "gone.h5")
    with pytest.raises(ArtifactError):
        store.add(tmp_path)
    assert files(tmp_path) == []


def test_many_that_add_at_once(store: ArtifactStore, tmp_path: Path) -> None:
    file = given_file(tmp_path, b"abc" * 100_000)
    threads = [threading.Thread(target=store.add, args=(file,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (kept,) = files(tmp_path / "artifacts")
    store.verify(kept.name)


def test_a_kill_leaves_only_whole_files(tmp_path: Path) -> None:
    program = (
        "import itertools, os, pathlib, sys\n"
        "from repository.artifacts import ArtifactStore\n"
        "folder = pathlib.Path(sys.argv[1]); store = ArtifactStore(folder / 'artifacts')\n"
        "for i in itertools.count():\n"
        "    (folder / 'net').write_bytes(str(i).encode() * 500_000)\n"
        "    store.add(folder / 'net'); print(i, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    for _ in range(4):
        assert process.stdout.readline()
    process.kill()
    process.communicate()
    store = ArtifactStore(tmp_path / "artifacts")
    found = [f.name for f in files(tmp_path / "artifacts") if not f.name.startswith(".unfinished-")]
    assert len(found) >= 4
    for sha256 in found:
        store.verify(sha256)
