"""Files that visitors bring: kept by content, unpacked without leaving their folder, made fit for a model."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from optimizer.data import DataError, image_folder
from wizard import uploads
from wizard.tryout import MOST_EXAMPLES, examples, shape_of
from wizard.uploads import UploadError, keep_data, keep_file, safe_name


def picture(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 4), shade).save(file, "PNG")
    return file.getvalue()


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def pictures(*, within: str = "") -> dict[str, bytes]:
    """Ten dark and ten light pictures, each class in a folder."""
    return {
        f"{within}{name}/{i}.png": picture(shade + i)
        for name, shade in (("dark", 10), ("light", 200))
        for i in range(10)
    }


def files(home: Path) -> list[str]:
    return sorted(str(f.relative_to(home)) for f in home.rglob("*") if f.is_file())


@pytest.mark.parametrize("within", ["", "my pictures/", "a/b/"])
def test_a_zip_of_pictures_becomes_one_folder_for_each_class(tmp_path: Path, within: str) -> None:
    noise = {"__MACOSX/dark/._0.png": b"x", "notes.txt": b"x"}
    archive = packed(pictures(within=within) | noise)  # once: it holds the time of day
    folder = keep_data(tmp_path, "leaves.zip", archive)
    assert sorted(f.name for f in folder.iterdir()) == ["dark", "light"]
    data = image_folder(folder, size=(4, 4))
    assert (len(data.x_train) + len(data.x_test), data.labels, data.name) == (20, ("dark", "light"), "leaves")
    assert keep_data(tmp_path, "leaves.zip", archive) == folder


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"../../evil/0.png": b"x", "dark/0.png": b"x"}, "leads out of its folder"),
        ({"/evil/0.png": b"x", "dark/0.png": b"x"}, "leads out of its folder"),
        ({"..\\evil\\0.png": b"x", "dark/0.png": b"x"}, "leads out of its folder"),
        ({"0.png": b"x", "1.png": b"x"}, "no folders of pictures"),
        ({"dark/readme.txt": b"x"}, "no folders of pictures"),
    ],
)
def test_an_archive_that_is_unfit_leaves_nothing_behind(
    tmp_path: Path, entries: dict[str, bytes], message: str
) -> None:
    home = tmp_path / "home"
    with pytest.raises(UploadError, match=message):
        keep_data(home, "mine.zip", packed(entries))
    assert files(tmp_path) == []


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LARGEST_UNPACKED", 1000)
    with pytest.raises(UploadError, match="at most"):
        keep_data(tmp_path, "mine.zip", packed({"dark/0.png": bytes(2000), "light/0.png": b"x"}))
    assert files(tmp_path) == []


def test_an_archive_of_very_many_files_is_not_even_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python makes an object of each that it lists, be it a picture or not."""
    monkeypatch.setattr(uploads, "MOST_PICTURES", 10)
    within = packed(pictures() | {f"dark/{i}.txt": b"" for i in range(30)})
    with pytest.raises(UploadError, match=r"mine\.zip holds 50 files, and at most 20 are looked at"):
        keep_data(tmp_path, "mine.zip", within)
    with pytest.raises(UploadError, match="in 20 pictures; at most"):
        keep_data(tmp_path, "mine.zip", packed(pictures()))
    assert files(tmp_path) == []


def test_a_damaged_archive_is_refused_or_its_pictures_are_whole(tmp_path: Path) -> None:
    """Each byte changed once, in the names too: what is then called no picture is passed over."""
    whole = packed({"a/0.png": bytes(range(256)) * 2, "b/0.png": b"abcd" * 90}, zipfile.ZIP_DEFLATED)
    for at in range(len(whole)):
        home = tmp_path / f"{at}"
        try:
            folder = keep_data(home, "mine.zip", whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        except UploadError:
            assert not home.exists() or files(home) == []
        else:
            assert {p.stat().st_size for p in folder.rglob("*.png")} <= {512, 360}


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"neither \.npz nor \.zip"):
        keep_data(tmp_path, "mine.tar", b"x")
    with pytest.raises(UploadError, match=r"cannot be read as \.zip"):
        keep_data(tmp_path, "mine.zip", b"x")


def test_the_same_file_is_kept_once_and_another_of_its_name_beside_it(tmp_path: Path) -> None:
    first, same, other = (keep_file(tmp_path, "model.h5", content) for content in (b"a", b"a", b"b"))
    assert first == same != other
    assert (first.read_bytes(), other.read_bytes()) == (b"a", b"b")


@given(st.text(max_size=120))
def test_no_name_leaves_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert Path("/x", safe).parent == Path("/x")
    assert safe not in (".", "..")
    assert not safe.startswith("-")


def test_pictures_become_what_the_model_takes(tmp_path: Path) -> None:
    folder = keep_data(tmp_path, "leaves.zip", packed(pictures()))
    x, y = examples(folder, (8, 6, 3))
    assert x.shape == (20, 8, 6, 3)
    assert (x[..., 0] == x[..., 2]).all()  # grey, three times
    assert sorted(y.tolist()) == [0] * 10 + [1] * 10
    with pytest.raises(DataError, match="size of the model's pictures is not known"):
        examples(folder, None)


def test_of_many_examples_every_nth_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "many.npz"
    np.savez(file, x=np.arange(5 * MOST_EXAMPLES, dtype=np.float64)[:, None], y=np.zeros(5 * MOST_EXAMPLES, dtype=int))
    x, y = examples(file, (1,))
    assert (str(x.dtype), len(x), len(y)) == ("float32", MOST_EXAMPLES, MOST_EXAMPLES)
    assert x[:3, 0].tolist() == [0.0, 5.0, 10.0]


def test_a_test_part_is_preferred_and_grey_pictures_get_their_channel(tmp_path: Path) -> None:
    file = tmp_path / "parts.npz"
    np.savez(
        file, x_train=np.zeros((9, 8, 8)), y_train=np.zeros(9, int), x_test=np.ones((4, 8, 8)), y_test=np.arange(4)
    )
    x, y = examples(file, (8, 8, 1))
    assert (x.shape, y.tolist()) == ((4, 8, 8, 1), [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("text", "shape"), [("8x8x1", (8, 8, 1)), ("64", (64,)), ("1 x 3", (1, 3)), ("any", None), (None, None)]
)
def test_a_shape_is_read_as_it_is_stored(text: str | None, shape: tuple[int, ...] | None) -> None:
    assert shape_of(text) == shape
