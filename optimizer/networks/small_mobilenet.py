"""A small network of depthwise separable convolutions (Howard et al. 2017, MobileNets, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.networks.contract import NetworkSpec, ValueRange, needs_pictures, scaling

if TYPE_CHECKING:
    import keras

# (filters, stride) of each separable block
_BLOCKS = ((32, 2), (64, 2), (128, 1), (128, 1))
_MOMENTUM = 0.9  # Keras' 0.99 needs hundreds of steps before the running means are right
_LARGE_PX = 64  # from this height on the first convolution halves the picture, as in the paper


def build(input_shape: tuple[int, ...], classes: int, value_range: ValueRange = (0.0, 255.0)) -> keras.Model:
    """33,162 parameters for 28×28×1 and 10 classes, 31,946 of them trained; the rest are running means.

    It takes pictures of any size, because it takes the mean over all positions at its end.
    """
    import keras
    from keras import layers

    needs_pictures("small-mobilenet", input_shape)
    inputs = keras.Input(input_shape, name="picture")
    x = scaling(value_range)(inputs)
    x = layers.Conv2D(
        16, 3, strides=2 if input_shape[0] >= _LARGE_PX else 1, padding="same", use_bias=False, name="stem"
    )(x)
    x = layers.ReLU(6.0, name="stem_relu")(layers.BatchNormalization(momentum=_MOMENTUM, name="stem_norm")(x))
    for k, (filters, stride) in enumerate(_BLOCKS, start=1):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"depthwise{k}")(x)
        x = layers.ReLU(6.0, name=f"depthwise{k}_relu")(
            layers.BatchNormalization(momentum=_MOMENTUM, name=f"depthwise{k}_norm")(x)
        )
        x = layers.Conv2D(filters, 1, use_bias=False, name=f"pointwise{k}")(x)
        x = layers.ReLU(6.0, name=f"pointwise{k}_relu")(
            layers.BatchNormalization(momentum=_MOMENTUM, name=f"pointwise{k}_norm")(x)
        )
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = layers.Dense(classes, activation="softmax", name="dense_output")(x)
    return keras.Model(inputs, outputs, name="small_mobilenet")


SMALL_MOBILENET = NetworkSpec(
    name="small-mobilenet",
    label="Small MobileNet",
    family="MobileNet",
    why="nine convolutions of the MobileNet kind, 33,162 parameters and 1.65 million multiplications for a "
    "28×28 picture: the fewest parameters on the shelf",
    light_rank=1,
    accurate_rank=1,
    pictures_only=True,
    build=build,
)
