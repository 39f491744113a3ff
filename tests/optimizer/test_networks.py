"""The networks have the sizes that their papers print, and adapt to the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.networks import own
from optimizer.networks.contract import NetworkError
from optimizer.networks.shelf import NETWORKS

BYTES = (0.0, 255.0)


@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("report-cnn", (28, 28, 1), 119_652),  # the report's Figure 1
        ("report-cnn", (8, 8, 1), 119_652 - (1024 - 64) * 64),  # 8 → 4 → 2 → 1, so 64 values go into dense1
        ("mlp-128-64", (28, 28, 1), 109_386),  # the licensing paper's Table 1
        ("mlp-128-64", (784,), 109_386),
        ("small-mobilenet", (28, 28, 1), 33_162),
        ("small-mobilenet", (96, 96, 1), 33_162),
    ],
)
def test_parameters(name: str, shape: tuple[int, ...], parameters: int) -> None:
    assert NETWORKS[name].build(shape, 10, BYTES).count_params() == parameters


@pytest.mark.parametrize("name", NETWORKS)
def test_gives_one_probability_a_class_for_raw_values(name: str) -> None:
    model = NETWORKS[name].build((8, 8, 3), 5, BYTES)
    scores = np.asarray(model(np.full((2, 8, 8, 3), 255, np.float32)))
    assert scores.shape == (2, 5)
    assert scores.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_scaling_brings_raw_values_to_0_and_1() -> None:
    model = NETWORKS["mlp-128-64"].build((2,), 2, (-4.0, 12.0))
    scaled = model.get_layer("scaling")(np.array([[-4.0, 12.0], [4.0, 0.0]], np.float32))
    assert np.asarray(scaled) == pytest.approx(np.array([[0, 1], [0.5, 0.25]]))


def test_a_network_for_pictures_refuses_what_is_none() -> None:
    with pytest.raises(NetworkError, match=r"shape \(784,\); take an MLP"):
        NETWORKS["report-cnn"].build((784,), 10, BYTES)


def test_every_network_is_on_the_shelf() -> None:
    folder = Path(own.__file__).parent
    beside = {"__init__", "contract", "shelf", "own"}  # own is brought by the user
    assert {f.stem for f in folder.glob("*.py")} - beside == {
        Path(str(n.build.__code__.co_filename)).stem for n in NETWORKS.values()
    }


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("own") / "mine.keras"
    NETWORKS["mlp-128-64"].build((4,), 3, BYTES).save(file)
    return file


def test_ones_own_model_is_taken_as_it_is(brought: Path) -> None:
    assert own.load(brought, (4,), 3).count_params() == 4 * 128 + 128 + 8256 + 3 * 65


@pytest.mark.parametrize(
    ("shape", "classes", "said"),
    [((5,), 3, r"takes examples of shape \(4,\), and the data have \(5,\)"), ((4,), 7, "gives 3 scores for each")],
)
def test_ones_own_model_must_fit_the_data(brought: Path, shape: tuple[int, ...], classes: int, said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        own.load(brought, shape, classes)


def test_code_in_ones_own_model_is_refused(tmp_path: Path) -> None:
    import keras

    layers: list[Any] = [keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(3)]
    keras.Sequential(layers).save(tmp_path / "code.keras")
    with pytest.raises(NetworkError, match=r"code\.keras cannot be loaded"):
        own.load(tmp_path / "code.keras", (4,), 3)
