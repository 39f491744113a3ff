"""Examples in the layout that a user's model takes: PyTorch has the channels first, the data have them last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from device.runtimes.contract import shown
from optimizer.data import Data
from optimizer.inspect import ModelFile
from optimizer.networks.contract import NetworkError
from optimizer.networks.own import check_outputs

Shape = tuple[int, ...]


def model_shape(file: ModelFile, name: str) -> tuple[int | None, ...] | None:
    """The shape of one example that a model file takes, None where it does not say. Raises NetworkError.

    Also for a file with several inputs or outputs.
    """
    if len(file.inputs) != 1 or len(file.outputs) != 1:
        raise NetworkError(
            f"{name} has {len(file.inputs)} inputs and {len(file.outputs)} outputs; one of each is needed: export "
            "the part that is to run on a device"
        )
    shape = file.inputs[0].shape
    if shape is not None and shape[:1] not in ((None,), (1,)):
        raise NetworkError(f"{name} takes {shape[0] if shape else 'no'} examples at a time; export it for one, or any")
    return None if shape is None else tuple(shape[1:])


def check_answers(file: ModelFile, name: str, outputs: int, *, has_classes: bool) -> None:
    """Raises NetworkError where a file says the shape of its answers, and the data have others; `outputs` of `Data`."""
    shape = file.outputs[0].shape
    if shape is not None and None not in shape[1:]:
        check_outputs(name, tuple(shape[1:]), outputs, has_classes=has_classes)


def turns(takes: Sequence[int | None] | None, shape: Shape, name: str) -> bool:
    """Whether examples of `shape` (height, width, channels) must have their channels first for a model.

    `takes` is the shape of one example as the model has it, `None` where that is not known. Raises NetworkError, with
    both shapes, when neither layout fits.
    """
    if takes is None or _fits(takes, shape):
        return False
    if len(shape) == 3 and _fits(takes, (shape[2], *shape[:2])):
        return True
    said = f"{name} takes examples of shape {shown(tuple(takes))}, and the data have {shown(shape)}"
    if len(takes) == 3 and len(shape) == 3:
        height, width, channels = (takes[1], takes[2], takes[0]) if takes[0] in (1, 3, 4) else tuple(takes)
        raise NetworkError(
            f"{said}; give pictures of {shown((height, width))} with {shown((channels,))} channels, the channels last: "
            "they are turned for a model that has them first"
        )
    raise NetworkError(f"{said}; reshape the data, or export the model for them")


def fitted(data: Data, takes: Sequence[int | None] | None, name: str) -> Data:
    """The data as the model takes them: their channels first where it must be so. Raises NetworkError."""
    if not turns(takes, data.input_shape, name):
        return data
    return replace(
        data,
        x_train=np.ascontiguousarray(np.moveaxis(data.x_train, -1, 1)),
        x_test=np.ascontiguousarray(np.moveaxis(data.x_test, -1, 1)),
        input_shape=(data.input_shape[2], *data.input_shape[:2]),
    )


def _fits(takes: Sequence[int | None], shape: Shape) -> bool:
    return len(takes) == len(shape) and all(t is None or t == s for t, s in zip(takes, shape, strict=True))
