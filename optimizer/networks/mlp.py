"""The multi-layer perceptron of the dynamic licensing paper (784-128-64-10, 109,386 parameters in its Table 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.networks.contract import NetworkSpec, ValueRange, scaling

if TYPE_CHECKING:
    import keras


def build(input_shape: tuple[int, ...], classes: int, value_range: ValueRange = (0.0, 255.0)) -> keras.Model:
    """109,386 parameters for 28×28 and 10 classes: 784·128 + 128, 128·64 + 64, 64·10 + 10. Takes any shape."""
    import keras
    from keras import layers

    inputs = keras.Input(input_shape, name="example")
    x = scaling(value_range)(inputs)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="dense1")(x)
    x = layers.Dense(64, activation="relu", name="dense2")(x)
    outputs = layers.Dense(classes, activation="softmax", name="dense_output")(x)
    return keras.Model(inputs, outputs, name="mlp_128_64")


MLP = NetworkSpec(
    name="mlp-128-64",
    label="MLP with 128 and 64 units",
    family="MLP",
    why="three dense layers, 109,386 parameters and 0.11 million multiplications for a 28×28 picture: the least to "
    "compute on the shelf",
    light_rank=0,
    accurate_rank=2,
    pictures_only=False,
    build=build,
)
