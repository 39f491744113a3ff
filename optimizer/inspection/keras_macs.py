"""Multiply-accumulates of a Keras model: its configuration is followed from the inputs on, with shapes for tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.inspection.found import Declared, Limits, RefusedFile
from optimizer.inspection.keras_layers import RULES, NotTold
from optimizer.inspection.keras_names import CONTAINERS
from optimizer.inspection.macs import Sizes

_FLOAT_BITS = 32
_Tensor = tuple[str, int, int]
"""Of which layer, by which of its calls, which of its outputs."""


def total(config: Any, limits: Limits) -> int | None:
    """Of one inference at batch 1; `None` when a size stays open, or a layer or an option is not known.

    Raises RefusedFile when a tensor or a kernel would be larger than a file may declare.
    """
    try:
        return _Walk(limits).model(config, None)[1]
    except RefusedFile:
        raise
    except (NotTold, ValueError, TypeError, IndexError, KeyError):  # of a configuration of another make
        return None


@dataclass
class _Call:
    layer: dict[str, Any]
    number: int
    sources: list[_Tensor]
    missing: int


class _Walk:
    """One way through a model and the models nested in it."""

    def __init__(self, limits: Limits) -> None:
        self._declared = Declared(limits)
        self._left = limits.operators  # a nested model counts as often as it is called

    def model(self, config: Any, given: Sequence[Sizes] | None) -> tuple[list[Sizes], int]:
        """The shapes of the outputs, and the count; `given` is `None` for the outermost, whose inputs say their own."""
        inner = config["config"]
        layers = inner.get("layers") if isinstance(inner, dict) else inner
        if not isinstance(layers, list) or not layers:
            raise NotTold("layers")
        if isinstance(inner, dict) and "output_layers" in inner:
            return self._graph(inner, layers, given)
        return self._chain(inner, layers, given)

    def _layer(self, layer: dict[str, Any], given: Sequence[Sizes]) -> tuple[list[Sizes], int]:
        self._left -= 1
        if self._left < 0 or not given or any(size < 1 for shape in given for size in shape):
            raise NotTold("too many calls, or a call without tensors")
        name, config = layer.get("class_name"), layer.get("config")
        if name in CONTAINERS:
            return self.model(layer, given)
        if not isinstance(config, dict) or not isinstance(name, str):
            raise NotTold("configuration")
        if name == "TimeDistributed":
            return self._at_each_time(config, given)
        if name == "Bidirectional":
            return self._both_ways(config, given)
        rule = RULES.get(name)
        if rule is None:
            raise NotTold(name)
        step = rule(config, given)
        label = f"layer {str(config.get('name', name))!r:.60}"
        self._declared.add(f"what {label} makes", step.out, _FLOAT_BITS)
        self._declared.add(f"the kernel of {label}", (step.kernel,), _FLOAT_BITS)
        return [step.out], step.macs

    def _at_each_time(self, config: Mapping[str, Any], given: Sequence[Sizes]) -> tuple[list[Sizes], int]:
        (batch, times, *rest), inner = given[0], config.get("layer")
        if not isinstance(inner, dict) or len(given) != 1:
            raise NotTold("layer")
        (made,), macs = self._layer(inner, [(batch * times, *rest)])
        return [(batch, times, *made[1:])], macs

    def _both_ways(self, config: Mapping[str, Any], given: Sequence[Sizes]) -> tuple[list[Sizes], int]:
        inner, merge = config.get("layer"), config.get("merge_mode", "concat")
        if not isinstance(inner, dict) or merge not in ("concat", "sum", "mul", "ave"):
            raise NotTold("merge_mode")
        (made,), macs = self._layer(inner, given)
        return [(*made[:-1], made[-1] * 2) if merge == "concat" else made], 2 * macs

    def _chain(self, inner: Any, layers: list[Any], given: Sequence[Sizes] | None) -> tuple[list[Sizes], int]:
        """A Sequential model."""
        if given is None:
            said = _shape_of(layers[0])
            if said is None and isinstance(inner, dict):
                said = inner.get("build_input_shape")
            given = [_input(said)]
        shapes, macs = list(given), 0
        for layer in layers:
            if _entry(layer).get("class_name") != "InputLayer":
                shapes, more = self._layer(layer, shapes)
                macs += more
        return shapes, macs

    def _graph(
        self, inner: dict[str, Any], layers: list[Any], given: Sequence[Sizes] | None
    ) -> tuple[list[Sizes], int]:
        """A functional model: each call of a layer is made when all that it takes is there."""
        made = self._inputs(inner, layers, given)
        waiting: dict[tuple[str, int], list[_Call]] = {}
        ready: list[_Call] = []
        for call in _calls(layers):
            needed = {source[:2] for source in call.sources if source[:2] not in made}
            call.missing = len(needed)
            for key in needed:
                waiting.setdefault(key, []).append(call)
            if not needed:
                ready.append(call)
        macs = 0
        while ready:
            call = ready.pop()
            made[_name(call.layer), call.number], more = self._layer(call.layer, [_made(made, s) for s in call.sources])
            macs += more
            for later in waiting.pop((_name(call.layer), call.number), ()):
                later.missing -= 1
                if not later.missing:
                    ready.append(later)
        if waiting:
            raise NotTold("layers that take what nobody makes")
        return [_made(made, tensor) for tensor in _tensors(inner.get("output_layers"))], macs

    def _inputs(
        self, inner: dict[str, Any], layers: list[Any], given: Sequence[Sizes] | None
    ) -> dict[tuple[str, int], list[Sizes]]:
        if given is None:
            entries = [layer for layer in layers if _entry(layer).get("class_name") == "InputLayer"]
            return {(_name(layer), 0): [_input(_shape_of(layer))] for layer in entries}
        names = _tensors(inner.get("input_layers"))
        if len(names) != len(given):
            raise NotTold("input_layers")
        return {(name, 0): [shape] for (name, _, _), shape in zip(names, given, strict=True)}


def _calls(layers: list[Any]) -> Iterator[_Call]:
    for layer in layers:
        nodes = _entry(layer).get("inbound_nodes")
        if layer.get("class_name") == "InputLayer":
            continue
        if not isinstance(nodes, list):
            raise NotTold("inbound_nodes")
        for number, node in enumerate(nodes):
            # Keras 3 writes the arguments of the call, Keras 2 a list of tensors.
            sources = list(_named([node.get("args"), node.get("kwargs")])) if isinstance(node, dict) else _tensors(node)
            yield _Call(layer, number, sources, 0)


def _named(part: Any) -> Iterator[_Tensor]:
    """Every tensor among the arguments of a call, in order."""
    if isinstance(part, dict):
        if part.get("class_name") == "__keras_tensor__":
            config = part.get("config")
            yield from _tensors(config.get("keras_history") if isinstance(config, dict) else None)
        else:
            for value in part.values():
                yield from _named(value)
    elif isinstance(part, list):
        for value in part:
            yield from _named(value)


def _tensors(said: Any) -> list[_Tensor]:
    """[layer, call, output, …], or a list of such."""
    if not isinstance(said, list) or not said:
        raise NotTold("tensors")
    found = []
    for entry in [said] if isinstance(said[0], str) else said:
        if not isinstance(entry, list) or len(entry) < 3 or not isinstance(entry[0], str):
            raise NotTold("tensor")
        if type(entry[1]) is not int or type(entry[2]) is not int:
            raise NotTold("tensor")
        found.append((entry[0], entry[1], entry[2]))
    return found


def _made(made: Mapping[tuple[str, int], list[Sizes]], tensor: _Tensor) -> Sizes:
    shapes = made.get(tensor[:2], [])
    if not 0 <= tensor[2] < len(shapes):
        raise NotTold("output")
    return shapes[tensor[2]]


def _entry(layer: Any) -> dict[str, Any]:
    if not isinstance(layer, dict):
        raise NotTold("layer")
    return layer


def _name(layer: dict[str, Any]) -> str:
    config = layer.get("config")
    return str(layer.get("name") or (config.get("name") if isinstance(config, dict) else ""))


def _shape_of(layer: Any) -> Any:
    """What a layer's own configuration says of its input."""
    config = _entry(layer).get("config")
    return config.get("batch_shape", config.get("batch_input_shape")) if isinstance(config, dict) else None


def _input(said: Any) -> Sizes:
    """An input with its batch set to 1. Raises NotTold when another size is open, or the batch is another."""
    if not isinstance(said, list) or not said or said[0] not in (None, 1):
        raise NotTold("input")
    if any(type(size) is not int or size < 1 for size in said[1:]):
        raise NotTold("input")
    return (1, *said[1:])
