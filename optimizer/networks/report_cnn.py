"""The convolutional network of the Deep Neural Network Optimization report (its Figure 1, 119,652 parameters)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.networks.contract import NetworkSpec, ValueRange, needs_pictures, scaling

if TYPE_CHECKING:
    import keras


def build(input_shape: tuple[int, ...], classes: int, value_range: ValueRange = (0.0, 255.0)) -> keras.Model:
    """119,652 parameters for 28×28×1 and 10 classes, layer by layer as the report prints them.

    The report prints no count for dense2; 32 units follow from the 330 parameters of the output (33 × 10).
    Its pooling is "same": 28 → 14 → 7 → 4, which also takes 8×8.
    """
    import keras
    from keras import layers

    needs_pictures("report-cnn", input_shape)
    inputs = keras.Input(input_shape, name="picture")
    x = scaling(value_range)(inputs)
    for k, filters in enumerate((25, 64, 64), start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{k}")(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"maxpool{k}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="dense1")(x)
    x = layers.Dense(32, activation="relu", name="dense2")(x)
    outputs = layers.Dense(classes, activation="softmax", name="dense_output")(x)
    return keras.Model(inputs, outputs, name="report_cnn")


REPORT_CNN = NetworkSpec(
    name="report-cnn",
    label="CNN of the optimization report",
    family="Report CNN",
    why="three convolutions and three dense layers, 119,652 parameters and 4.87 million multiplications for a "
    "28×28 picture: the largest of the shelf, so the first to try where accuracy counts",
    light_rank=2,
    accurate_rank=0,
    pictures_only=True,
    build=build,
)
