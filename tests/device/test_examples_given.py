"""The forms in which examples come, and what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from device.data import Examples, fitted, load_data, picture_size, sha256
from device.runtimes.contract import MeasureError
from tests.device.nets import inputs

X = inputs(4)
BOX = [0, 1, 0, 0, 2, 2]


@pytest.mark.parametrize(
    ("arrays", "metric", "judged_by"),
    [
        ({}, None, None),
        ({"y": np.array([0, 1, 2, 1])}, None, "top-1"),
        ({"y": np.array([3, -1, 3, 3])}, "rmse", "rmse"),  # whole numbers can be numbers, too
        ({"y": np.array([0.5, 1, 2, 1])}, None, "rmse"),
        ({"y": np.array([[0.5, 1], [2, 1], [2, 3], [4, 5]])}, "mard", "mard"),
        ({"y": np.array([[0, 1], [1, 1], [0, 0], [1, 0]])}, None, "map"),
        ({"boxes": np.array([BOX, [3, 0, 1, 1, 5, 5]])}, None, "map"),
    ],
)
def test_the_metric_follows_from_the_data(
    tmp_path: Path, arrays: dict[str, Any], metric: str | None, judged_by: str | None
) -> None:
    np.savez(tmp_path / "d.npz", x=X, **arrays)
    found = load_data(tmp_path / "d.npz", metric)
    assert (found.metric, len(found)) == (judged_by, 4)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.arange(4)}, "has no array x"),
        ({"x": X.astype(np.float64)}, "x is float64 of shape 4×4"),
        ({"x": X[:0]}, "x is float32 of shape 0×4"),
        ({"x": X * np.nan}, "NaN or infinite"),
        ({"x": X, "y": np.zeros(4, int)}, "every label is 0; accuracy on one class says nothing"),
        ({"x": X, "y": np.arange(3)}, "one whole number for each of 4 samples"),
        ({"x": X, "y": np.array(["a", "b", "a", "b"])}, "y is <U1"),
        ({"x": X, "y": np.array([-1, 0, 1, 1])}, "has a label -1"),
        ({"x": X, "y": np.array([1, np.inf, 2, 3])}, "y holds NaN or infinite"),
        ({"x": X, "y": np.full((4, 2), 3)}, "y of shape 4×2 must hold 0 and 1"),
        ({"x": X, "y": np.zeros((4, 2), int)}, "no sample has any label"),
        ({"x": X, "y": np.arange(4), "boxes": np.array([BOX])}, "both y and boxes"),
        ({"x": X, "boxes": np.array([[0, 1, 2, 3, 4]])}, "boxes is int64 of shape 1×5"),
        ({"x": X, "boxes": np.array([[4, *BOX[1:]]])}, "a box belongs to sample 4, but x has 0 to 3"),
        ({"x": X, "boxes": np.array([[0.5, *BOX[1:]]])}, "sample and class of each box must be whole"),
        ({"x": X, "boxes": np.array([[0, 1, 2, 2, 2, 4]])}, "a box has no area"),
        ({"x": np.array([{}, {}])}, "cannot be read as npz"),
    ],
)
def test_data_that_cannot_be_used_are_refused(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(MeasureError, match=said):
        load_data(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("y", "metric", "said"),
    [
        (np.arange(4), "map", "cannot be judged by map; what it holds allows top-1, rmse, mard"),
        (np.array([0.5, 1, 2, 3]), "top-1", "cannot be judged by top-1; what it holds allows rmse, mard"),
        (np.arange(4), "mard", "y has a 0, of which no difference is a share"),
        (np.arange(4), "f1", "there is no metric 'f1'; there are: top-1, map, rmse, mard"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(tmp_path: Path, y: np.ndarray, metric: str, said: str) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=y)
    with pytest.raises(MeasureError, match=said):
        load_data(tmp_path / "d.npz", metric)


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_text("x,y\n1,2\n")
    with pytest.raises(MeasureError, match=r"d\.npz cannot be read as npz"):
        load_data(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("at", "noise", "said"),
    [
        (b"PK\x03\x04", dict.fromkeys(range(60, 90), 255), "Error -3 while decompressing"),
        (b"PK\x01\x02", {8: 1}, "is encrypted"),
        (b"PK\x01\x02", {10: 97}, "compression method is not supported"),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, at: bytes, noise: dict[int, int], said: str) -> None:
    np.savez_compressed(tmp_path / "d.npz", x=np.random.default_rng(1).random((50, 4)).astype(np.float32))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    for offset, byte in noise.items():
        content[content.index(at) + offset] = byte
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(MeasureError, match=rf"d\.npz cannot be read as npz \(.*{said}"):
        load_data(tmp_path / "d.npz")


def test_an_array_that_is_said_to_be_larger_than_any_memory_is_refused(tmp_path: Path) -> None:
    """10¹³ rows of 16 bytes, more than an address of 47 bits can tell apart; the file holds none."""
    said = b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000, 4), }"
    header = said.ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(MeasureError, match=r"d\.npz cannot be read as npz \(Unable to allocate"):
        load_data(tmp_path / "d.npz")


def test_an_archive_that_unpacks_to_more_than_memory_is_refused(tmp_path: Path) -> None:
    """A zip bomb: three files of 4 GiB, said to be so in the archive's own directory; nothing of it is unpacked."""
    file = tmp_path / "bomb.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(1000))
    raw = file.read_bytes()
    at = raw.index(b"PK\x01\x02") + 24  # the size unpacked, in the central directory (APPNOTE.TXT 4.3.12)
    many = (0xFFFFFFFE).to_bytes(4, "little")
    entry = raw[at - 24 : raw.index(b"PK\x05\x06")].replace(raw[at : at + 4], many)
    end = raw[raw.index(b"PK\x05\x06") :]
    counts = (3).to_bytes(2, "little") * 2 + (3 * len(entry)).to_bytes(4, "little")
    file.write_bytes(raw[: at - 24] + 3 * entry + end[:8] + counts + end[16:])
    with pytest.raises(MeasureError, match=r"bomb\.npz unpacks to 12\.0 GiB, more than the 8 GiB that are read"):
        load_data(file)


def pictures(folder: Path, **colours: str) -> Path:
    """Sub-folders named as the arguments, each with one picture of that colour, 4 wide and 2 high."""
    for name, colour in colours.items():
        (folder / name).mkdir()
        Image.new("RGB", (4, 2), colour).save(folder / name / "1.png")
    return folder


def test_pictures_are_examples_of_their_folders(tmp_path: Path) -> None:
    found = load_data(pictures(tmp_path, blue="#0000ff", amber="#ff8000"))
    assert found.y is not None
    assert (found.metric, found.y.tolist()) == ("top-1", [0, 1])  # amber before blue
    assert found.arrays((None, 2, 2, 3)).shape == (2, 2, 2, 3)
    assert found.first((None, 2, 2, 3))[0, 0, 0].tolist() == [255, 128, 0]
    assert found.arrays((None, 3, 2, 4))[0, :, 0, 0].tolist() == [255, 128, 0]  # channels first
    assert found.first((1, 5, 5, 1))[0, 0, 0, 0] == pytest.approx(0.299 * 255 + 0.587 * 128, abs=1)  # ITU-R 601 grey


@pytest.mark.parametrize("shape", [(None, 4), (None, None, None, 3), (None, 8, 8, 7), ()])
def test_pictures_need_a_model_that_takes_pictures(shape: tuple[int | None, ...]) -> None:
    with pytest.raises(MeasureError, match="not pictures of one size; bring arrays"):
        picture_size(shape)


def test_folders_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="has 1 sub-folders; make one for each class"):
        load_data(pictures(tmp_path, red="red"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MeasureError, match="empty has no pictures"):
        load_data(tmp_path)
    (tmp_path / "empty" / "2.png").write_bytes(b"no picture")
    with pytest.raises(MeasureError, match="a picture cannot be read"):
        load_data(tmp_path).first((1, 2, 2, 3))


def test_a_folders_digest_knows_names_and_contents(tmp_path: Path) -> None:
    before = sha256(pictures(tmp_path, red="red", blue="blue"))
    assert sha256(tmp_path) == before
    (tmp_path / "red" / "1.png").rename(tmp_path / "red" / "2.png")
    assert sha256(tmp_path) != before


def test_channels_move_only_where_the_model_wants_them_first() -> None:
    x = np.zeros((7, 5, 6, 3), np.float32)
    assert fitted(x, (None, 3, 5, 6)).shape == (7, 3, 5, 6)
    assert fitted(x, (None, 3, None, None)).shape == (7, 3, 5, 6)
    assert fitted(x, (None, 5, 6, 3)) is x
    assert fitted(x, (None, 9, 9, 9)) is x  # refused later, with both shapes
    assert Examples(x, (), None, None, None).first((1, 3, 5, 6)).shape == (1, 3, 5, 6)
