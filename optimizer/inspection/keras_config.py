"""The configuration in a Keras file, read as JSON: what it names must be Keras's own, and never stored code."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optimizer.inspection.found import Declared, Limits, RefusedFile, TensorSpec
from optimizer.inspection.keras_names import (
    CONTAINERS,
    DANGEROUS,
    KERAS_2_LAYERS,
    LAYERS,
    MODULES,
    OBJECTS,
    VALUES,
)

LONGEST = 32 * 2**20  # bytes of JSON; the configurations of the largest Keras applications have about one million
_KNOWN = LAYERS | KERAS_2_LAYERS | CONTAINERS | OBJECTS | VALUES
_SAME_SHAPE = frozenset({"Activation", "Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU", "Dropout", "BatchNormalization"})
_WITHOUT_CODE = (
    "rebuild the layer from Keras's own ones (Rescaling, Normalization, Activation …) and save the model again"
)


@dataclass(frozen=True)
class Described:
    """What a configuration says of its network. `layers` counts nested models by their layers, inputs not at all."""

    layers: int
    kinds: Counter[str]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def parse(text: bytes | str, what: str) -> Any:
    """The JSON in `text`. Raises RefusedFile, naming `what`."""
    if len(text) > LONGEST:
        raise RefusedFile(
            f"{what} has {len(text):,} bytes, more than {LONGEST:,}; it describes no network for a device"
        )
    try:
        return json.loads(text)
    except ValueError as error:
        raise RefusedFile(f"{what} is not JSON ({error}); the file is damaged: save the model again") from None


def check_names(config: Any, *, training: bool = False) -> None:
    """Refuses every name of stored or foreign code, wherever in the configuration it stands. Raises RefusedFile.

    With `training`, names without a module may be anything: those of optimizers, losses and metrics, which load no
    code by themselves and which DLOM leaves out (`compile=False`).
    """
    stack = [config]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack.extend(part.values())
            if "class_name" in part:
                _check_name(part, training)
        elif isinstance(part, list):
            stack.extend(part)


def _check_name(part: dict[str, Any], training: bool) -> None:
    name, module, registered = part["class_name"], part.get("module"), part.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, str | None) or not isinstance(registered, str | None):
        raise RefusedFile(f"its configuration names a class by {name!r:.60}; the file is damaged: save the model again")
    if name in DANGEROUS:
        label = _label(part)
        raise RefusedFile(
            f"it holds a {name}{label}, that is, {DANGEROUS[name]} which would run when the model is loaded; "
            f"{_WITHOUT_CODE}"
        )
    if training and module is None:
        return
    if registered not in (None, "", name) or ">" in name or (name == "function" and module == "builtins"):
        raise RefusedFile(
            f"it names code that is not Keras's own: {registered or part.get('config')!r:.80}{_label(part)}; "
            f"DLOM loads no custom objects: {_WITHOUT_CODE}"
        )
    if module is not None and not re.fullmatch(MODULES, module):
        raise RefusedFile(
            f"it names {name!r:.60} of the module {module!r:.60}, which is not a part of Keras that models are made "
            f"of; {_WITHOUT_CODE}"
        )
    if module is None and name not in _KNOWN:
        raise RefusedFile(f"it names {name!r:.60}, which is no layer of Keras's own; {_WITHOUT_CODE}")
    if name == "function" and not isinstance(part.get("config"), str):
        raise RefusedFile("it names a function without saying which; the file is damaged: save the model again")
    config = part.get("config")
    if isinstance(config, dict) and isinstance(config.get("vocabulary"), str):
        raise RefusedFile(
            f"its layer {name}{_label(part)} would read the file or address {config['vocabulary']!r:.80} when it is "
            "loaded; put the vocabulary itself into the layer (a list) and save the model again"
        )


def _label(part: dict[str, Any]) -> str:
    config = part.get("config")
    label = config.get("name") if isinstance(config, dict) else None
    return f" ({label!r:.60})" if isinstance(label, str) else ""


def describe(config: Any, limits: Limits) -> Described:
    """Layers, inputs and outputs of the model that a checked configuration describes. Raises RefusedFile."""
    if not isinstance(config, dict) or config.get("class_name") not in CONTAINERS:
        what = config.get("class_name") if isinstance(config, dict) else config
        raise RefusedFile(
            f"it describes {what!r:.60} and not a Sequential or functional model; a subclassed model is Python code: "
            "rebuild it as a functional model and save it again"
        )
    layers = list(_layers(config, limits))
    kinds = Counter(name for name, _ in layers if name != "InputLayer")
    if not kinds:
        raise RefusedFile("it describes a model without a single layer; save the model again")
    return Described(kinds.total(), kinds, _inputs(config, limits), _outputs(config, limits))


def _own_layers(config: dict[str, Any]) -> list[dict[str, Any]]:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner  # a bare list in the first Keras versions
    if not isinstance(layers, list) or not all(
        isinstance(layer, dict) and isinstance(layer.get("config"), dict) for layer in layers
    ):
        raise RefusedFile("its configuration lists no layers; the file is damaged: save the model again")
    return layers


def _layers(config: dict[str, Any], limits: Limits) -> Iterator[tuple[str, dict[str, Any]]]:
    stack, seen = _own_layers(config)[::-1], 0
    while stack:
        layer = stack.pop()
        seen += 1
        if seen > limits.operators:
            raise RefusedFile(f"it has more than {limits.operators:,} layers; that is no network for a device")
        if layer["class_name"] in CONTAINERS:
            stack.extend(_own_layers(layer)[::-1])
        else:
            yield layer["class_name"], layer


def _inputs(config: dict[str, Any], limits: Limits) -> tuple[TensorSpec, ...]:
    layers = _own_layers(config)
    specs = [_input(layer, limits) for layer in layers if layer.get("class_name") == "InputLayer"]
    first = layers[0]["config"]
    if not specs and "batch_input_shape" in first:  # Keras 2 may keep it in the first layer
        specs = [_input(layers[0], limits)]
    if not specs and isinstance(config["config"], dict) and "build_input_shape" in config["config"]:
        specs = [TensorSpec("input", _shape(config["config"]["build_input_shape"], "its input", limits), None)]
    return tuple(specs)


def _input(layer: dict[str, Any], limits: Limits) -> TensorSpec:
    config = layer["config"]
    name = str(config.get("name", "input"))
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    return TensorSpec(name, _shape(shape, f"input {name!r:.60}", limits), _dtype(config.get("dtype")))


def _dtype(said: Any) -> str | None:
    if isinstance(said, dict) and isinstance(said.get("config"), dict):
        said = said["config"].get("name")
    return said if isinstance(said, str) else None


def _shape(said: Any, what: str, limits: Limits) -> tuple[int | None, ...] | None:
    if said is None:
        return None
    if not isinstance(said, list) or not all(size is None or type(size) is int for size in said):
        raise RefusedFile(
            f"{what} has the shape {said!r:.80}, which is none; the file is damaged: save the model again"
        )
    Declared(limits).add(what, said, 32)
    return tuple(said)


def _outputs(config: dict[str, Any], limits: Limits) -> tuple[TensorSpec, ...]:
    layers = _own_layers(config)
    inner = config["config"]
    named = {str(layer["config"].get("name")): layer for layer in layers}
    if isinstance(inner, dict) and isinstance(inner.get("output_layers"), list):
        said = inner["output_layers"]
        entries = [said] if said and isinstance(said[0], str) else said
        names = [str(e[0]) for e in entries if isinstance(e, list) and e]
        if not names or not all(name in named for name in names):
            raise RefusedFile(f"its outputs {names!r:.80} are not among its layers; the file is damaged: save it again")
        return tuple(TensorSpec(name, _output_shape([named[name]], limits), None) for name in names)
    return (TensorSpec(str(layers[-1]["config"].get("name", "output")), _output_shape(layers, limits), None),)


def _output_shape(layers: list[dict[str, Any]], limits: Limits) -> tuple[int | None, ...] | None:
    """Of the last layer, where it can be told without building the network: Dense layers, and what follows them."""
    last = layers[-1]
    built = last.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else _first_argument(last)
    known = _shape(shape, "an output", limits) if isinstance(shape, list) and not any(map(_is_list, shape)) else None
    if last.get("class_name") == "Dense" and type(last["config"].get("units")) is int:
        units = last["config"]["units"]
        if known is not None:
            return _shape([*known[:-1], units], "an output", limits)
        return _shape([None, units], "an output", limits) if _is_flat(layers[:-1]) else None
    if last.get("class_name") in _SAME_SHAPE:
        return known if known is not None or len(layers) == 1 else _output_shape(layers[:-1], limits)
    return None


def _first_argument(layer: dict[str, Any]) -> Any:
    """The shape that a layer of a functional model of Keras 3 was called with, as far as it is written there."""
    try:
        return layer["inbound_nodes"][0]["args"][0]["config"]["shape"]
    except (KeyError, IndexError, TypeError):
        return None


def _is_flat(before: list[dict[str, Any]]) -> bool:
    """Whether a chain of layers ends in vectors, one for each example."""
    for layer in reversed(before):
        name = str(layer.get("class_name"))
        if name == "Flatten" or (name.startswith("Global") and not layer["config"].get("keepdims")):
            return True
        if name == "InputLayer":
            shape = layer["config"].get("batch_shape", layer["config"].get("batch_input_shape"))
            return isinstance(shape, list) and len(shape) == 2
        if name != "Dense" and name not in _SAME_SHAPE:
            return False
    return False


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
