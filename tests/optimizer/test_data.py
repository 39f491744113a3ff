"""Data are checked before anything is trained, and every refusal says what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from optimizer.data import Data, DataError, checked, image_folder, load, npz

RANDOM = np.random.default_rng(1)
X = RANDOM.random((40, 6, 5), dtype=np.float32)
Y = np.arange(40) % 4


def archive(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "own.npz", **arrays)
    return folder / "own.npz"


def test_the_digits_are_1797_of_which_a_fifth_is_held_out() -> None:
    data = load("digits")
    assert (len(data.x_train), len(data.x_test)) == (1437, 360)
    assert (data.input_shape, data.classes, data.value_range) == ((8, 8, 1), 10, (0.0, 16.0))
    assert data.sha256 == load("digits").sha256, "the split is the same every time"


def test_x_and_y_are_split_by_class(tmp_path: Path) -> None:
    data = npz(archive(tmp_path, x=X, y=Y))
    assert (len(data.x_train), len(data.x_test)) == (32, 8)
    assert np.bincount(data.y_test).tolist() == [2, 2, 2, 2]
    assert data.input_shape == (6, 5, 1), "grey pictures get an axis of channels"


def test_a_split_of_ones_own_is_kept(tmp_path: Path) -> None:
    data = npz(archive(tmp_path, x_train=X[:30], y_train=Y[:30], x_test=X[30:], y_test=Y[30:]))
    assert np.array_equal(data.x_test[..., 0], X[30:])
    assert data.name == "own"


def test_another_seed_is_another_split_and_another_digest(tmp_path: Path) -> None:
    file = archive(tmp_path, x=X, y=Y)
    assert npz(file, seed=0).sha256 == npz(file, seed=0).sha256 != npz(file, seed=1).sha256


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(5, 20), min_size=2, max_size=5), st.integers(0, 9))
def test_splitting_loses_nothing_and_keeps_every_class(counts: list[int], seed: int) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    if len(y) < 20:
        return
    x = np.arange(len(y), dtype=np.float32)[:, None]  # each example is its own number
    data = _split_of(x, y, seed)
    assert sorted([*data.x_train[:, 0], *data.x_test[:, 0]]) == x[:, 0].tolist()
    assert set(data.y_test) == set(data.y_train) == set(range(len(counts)))
    assert all(y[int(example[0])] == label for example, label in zip(data.x_test, data.y_test, strict=True))


def _split_of(x: Any, y: Any, seed: int) -> Data:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        return npz(archive(Path(folder), x=x, y=y), seed=seed)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": X}, "own.npz holds x; needed are x_train"),
        ({"x": X, "y": Y[:-1]}, "x has 40 examples and y 39 labels"),
        ({"x": X, "y": Y / 1.0}, "y has the type float64; labels are whole numbers"),
        ({"x": X, "y": np.eye(4)[Y]}, r"y has the shape \(40, 4\); .*argmax"),
        ({"x": X, "y": Y * 0}, "all examples are of one class"),
        ({"x": X, "y": Y - 1}, "y has the label -1"),
        ({"x": X, "y": Y + 1}, "labels up to 4, but no example of 0"),
        ({"x": np.where(X > 0.99, np.nan, X), "y": Y}, "values that are NaN or infinite"),
        ({"x": X[:, 0, 0], "y": Y}, r"x has the shape \(40,\)"),
        ({"x": np.full(X.shape, 7.0), "y": Y}, "every value of x_train is 7"),
        ({"x": X.astype(str), "y": Y}, "it must hold numbers"),
        ({"x": X[:8], "y": Y[:8]}, "too few to hold a fifth out: at least 20"),
        ({"x": np.zeros((40, 3, 9, 9)), "y": Y}, "channels come last"),
        ({"x": X.astype(object), "y": Y}, "it holds Python objects"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        npz(archive(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x_test": X[:, :, :2]}, r"shape \(6, 5\) and x_test of \(6, 2\)"),
        ({"y_test": Y + 2}, "y_test has the label 5, which y_train never shows"),
        ({"y_test": Y * 0}, "the test are of one class"),
    ],
)
def test_training_and_test_must_fit_together(change: dict[str, Any], said: str) -> None:
    arrays: dict[str, Any] = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y} | change
    with pytest.raises(DataError, match=said):
        checked("mine", **arrays, description="")


def test_a_pickle_in_the_archive_is_not_opened(tmp_path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "it-ran",)

    with pytest.raises(DataError, match="Python objects"):
        npz(archive(tmp_path, x=np.array([Canary()] * 40, dtype=object), y=Y))
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"hello"])
def test_what_is_no_archive_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.npz").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        npz(tmp_path / "own.npz")


def test_a_name_that_means_nothing_lists_what_there_is() -> None:
    with pytest.raises(DataError, match="'digit' is no data: write one of digits, mnist"):
        load("digit")


NUMBERS = np.sin(np.arange(40.0))


def test_real_numbers_are_judged_by_rmse_and_split_without_classes(tmp_path: Path) -> None:
    data = load(str(archive(tmp_path, x=X[:, 0], y=NUMBERS)), metric=None)
    assert (data.metric, data.outputs, data.has_classes) == ("rmse", 1, False)
    assert sorted([*data.y_train, *data.y_test]) == sorted(NUMBERS)
    assert (len(data.x_train), len(data.x_test), data.input_shape) == (32, 8, (5,))
    assert data.description.endswith("32 to learn from, 8 to test, 1 number to predict")
    with pytest.raises(DataError, match=r"judged by rmse and has no classes; bring a network of your own"):
        _ = data.classes


def test_a_series_to_predict_from_stays_as_it_is(tmp_path: Path) -> None:
    """Six readings of five sensors are no grey picture: no axis of channels is added."""
    several = np.stack([NUMBERS, -NUMBERS], axis=1)
    data = load(str(archive(tmp_path, x=X, y=several)), metric=None)
    assert (data.input_shape, data.outputs) == ((6, 5), 2)


def test_whole_numbers_are_classes_unless_a_metric_says_otherwise(tmp_path: Path) -> None:
    file = str(archive(tmp_path, x=X, y=Y + 1))
    with pytest.raises(DataError, match="labels up to 4, but no example of 0"):
        load(file, metric=None)
    assert load(file, metric="mard").y_test.dtype == np.float64


def test_columns_of_0_and_1_are_labels(tmp_path: Path) -> None:
    y = np.stack([Y % 2 == 0, Y > 0], axis=1).astype(int)  # the first of four has one label, the third both
    data = load(str(archive(tmp_path, x=X, y=y)), metric=None)
    assert (data.metric, data.outputs) == ("map", 2)
    one_each = archive(tmp_path, x=X, y=np.eye(4, dtype=int)[Y])
    with pytest.raises(DataError, match=r"exactly one of 4 labels; write y as \(n,\) with y.argmax"):
        load(str(one_each), metric=None)
    assert load(str(one_each), metric="map").outputs == 4


@pytest.mark.parametrize(
    ("arrays", "metric", "said"),
    [
        ({"x": X, "y": Y - 1.0}, "mard", "y has a 0, of which no difference is a share"),
        ({"x": X, "y": NUMBERS}, "map", "y cannot be judged by map; what it holds allows rmse, mard"),
        ({"x": X, "y": NUMBERS * np.nan}, None, "y holds NaN"),
        ({"x": X, "y": NUMBERS * 0 + 7}, None, "every value of y_train is 7; there is nothing to predict"),
        ({"x": X[:9], "y": NUMBERS[:9]}, None, "9 examples are too few to hold a fifth out"),
        ({"x": X, "y": NUMBERS}, "mae", "there is no metric 'mae'; there are: top-1, map, rmse, mard"),
        ({"x": X, "boxes": np.zeros((9, 6))}, None, "holds boxes. A detector .* ./dlom measure"),
        (
            {"x_train": X, "y_train": NUMBERS, "x_test": X, "y_test": np.stack([NUMBERS] * 2, axis=1)}, None,
            r"y_train has the shape \(40,\) and y_test \(40, 2\)",
        ),
    ],
)  # fmt: skip
def test_answers_that_cannot_be_judged_are_refused(
    tmp_path: Path, arrays: dict[str, Any], metric: str | None, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        load(str(archive(tmp_path, **arrays)), metric=metric)


def test_known_sets_have_classes() -> None:
    with pytest.raises(DataError, match="digits has classes, which are judged by top-1, not by rmse"):
        load("digits", metric="rmse")


def pictures(folder: Path, mode: str = "RGB", each: int = 15) -> Path:
    for label, level in (("cat", 40), ("dog", 200)):
        (folder / label).mkdir(parents=True)
        for k in range(each):
            colour = (level, k, 0) if mode == "RGB" else level + k
            Image.new(mode, (12 + k, 9), colour).save(folder / label / f"{k}.png")
    return folder


def test_a_folder_of_pictures_has_a_class_for_each_sub_folder(tmp_path: Path) -> None:
    data = image_folder(pictures(tmp_path / "pets"), size=(8, 10))
    assert (data.name, data.labels, data.input_shape) == ("pets", ("cat", "dog"), (8, 10, 3))
    assert (len(data.x_train), len(data.x_test)) == (24, 6)
    assert {float(x[0, 0, 0]) for x, y in zip(data.x_test, data.y_test, strict=True) if y == 0} == {40.0}


def test_pictures_that_are_all_grey_have_one_channel(tmp_path: Path) -> None:
    assert load(str(pictures(tmp_path, "L"))).input_shape == (32, 32, 1)


def test_a_folder_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 0 sub-folders"):
        image_folder(tmp_path)
    pictures(tmp_path)
    (tmp_path / "fox").mkdir()
    with pytest.raises(DataError, match="fox has no pictures"):
        image_folder(tmp_path)
    (tmp_path / "fox" / "a.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"a\.png is not a picture"):
        image_folder(tmp_path)
