"""A model file that an engineer brings: what is read, measured and registered of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optimizer.brought import OPTIMIZATIONS, slug
from optimizer.checked import Checked, checked
from optimizer.data import DataError
from optimizer.formats.shelf import FORMATS


def test_precisions_found_in_files_are_called_as_the_formats_shelf_calls_them() -> None:
    read = {name: f for name, f in FORMATS.items() if f.library != "TVM"}  # machine code is not read, only run
    for name, built in read.items():
        assert OPTIMIZATIONS[built.precision] == built.optimization, name


@pytest.mark.parametrize(
    ("said", "name"), [("ResNet-50", "resnet-50"), ("My  Net (v2)!", "my-net-v2"), ("Ünet", "net")]
)
def test_a_new_network_is_named_after_what_it_is_called(said: str, name: str) -> None:
    assert slug(said) == name


@pytest.mark.parametrize("said", ["", "!!!", "漢字"])
def test_nothing_is_no_name(said: str) -> None:
    with pytest.raises(ValueError, match="is no name; write letters and digits"):
        slug(said)


def test_data_are_looked_at_in_a_process_of_its_own(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.random.default_rng(0).random((60, 4, 4, 1)), y=np.arange(60) % 3)
    assert checked(str(tmp_path / "mine.npz")) == Checked((4, 4, 1), "top-1", 3)
    with pytest.raises(DataError, match="is no data: write one of digits"):
        checked("nothing")
