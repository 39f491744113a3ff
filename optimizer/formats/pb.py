"""TensorFlow's frozen graph (PB): the network as one graph of operations, its weights as constants."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats.contract import Budget, ConversionError, Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optimizer.data import Data

ENTRY, END = "x", "Identity"
"""What the input and the output are called in the graphs that are written here."""

_NUMBERED = re.compile(r"\d+|Func/.*/_\d+")
"""Names of what a SavedModel's variables become: numbered in the order of a set, another one in each process."""


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """Freezes a Keras file, or the serving signature of a SavedModel folder, for a batch of 1, as on a device."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = saved_model(parent) if parent.is_dir() else _keras(parent)
    example = tf.TensorSpec([1, *data.input_shape], tf.float32, name=ENTRY)
    traced = tf.function(function).get_concrete_function(example)
    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False, aggressive_inlining=True)
    write(settled(values_only(frozen.graph.as_graph_def(), END), END), out)


def _keras(file: Path) -> Callable[[Any], Any]:
    import keras

    model = keras.saving.load_model(file, compile=False, safe_mode=True)
    return lambda x: model(x, training=False)


def saved_model(folder: Path) -> Callable[[Any], Any]:
    """The serving signature of a SavedModel as a function. Raises ConversionError when it has no fitting one."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures.get("serving_default")
    if signature is None:
        raise ConversionError(f"the SavedModel {folder.name} has no signature serving_default; export it with one")
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ConversionError(
            f"{folder.name} has {len(inputs)} inputs and {len(outputs)} outputs; one of each is needed"
        )
    (name,) = inputs

    def serve(x: Any) -> Any:
        kept = loaded  # the signature alone does not keep its variables alive
        return next(iter(kept.signatures["serving_default"](**{name: x}).values()))

    return serve


def read(file: Path) -> Any:
    """The GraphDef of a file. Raises ConversionError when it is none."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]

    try:
        return tf.compat.v1.GraphDef.FromString(file.read_bytes())
    except DecodeError as error:
        raise ConversionError(f"{file.name} is no TensorFlow graph ({error}); freeze the model again") from error


def values_only(graph: Any, end: str) -> Any:
    """The nodes whose values lead to `end`, without the order that TensorFlow prescribes beside them.

    A frozen graph has no effects that an order could matter to, and such edges keep dead nodes alive, even the
    placeholder that a caller replaces.
    """
    import tensorflow as tf

    for node in graph.node:
        values = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(values)
    return tf.compat.v1.graph_util.extract_sub_graph(graph, [end])


def settled(graph: Any, end: str) -> Any:
    """The nodes that lead to `end` in an order, and under names, that depend on the graph alone.

    A file is known again by its bytes, so the same SavedModel must become the same graph whenever it is frozen.
    """
    nodes = {node.name: node for node in graph.node}
    order, entered, path = list[str](), {end}, [end]
    while path:  # inputs before what takes them, and the first of them first
        sources = (name.partition(":")[0] for name in nodes[path[-1]].input)
        if (ahead := next((name for name in sources if name not in entered), None)) is not None:
            entered.add(ahead)
            path.append(ahead)
        else:
            order.append(path.pop())
    named = {name: f"value_{place}" if _NUMBERED.fullmatch(name) else name for place, name in enumerate(order)}
    found = type(graph)()
    found.CopyFrom(graph)
    del found.node[:]
    for name in order:
        node = found.node.add()
        node.CopyFrom(nodes[name])
        node.name = named[name]
        del node.input[:]
        for source in nodes[name].input:
            before, colon, number = source.partition(":")
            node.input.append(f"{named[before]}{colon}{number}")
    return found


def write(graph: Any, out: Path) -> None:
    """The same graph, the same bytes."""
    out.write_bytes(graph.SerializeToString(deterministic=True))


def ends(graph: Any) -> tuple[str, str]:
    """The names of a graph's only placeholder, and of the only node that no other takes. Raises ConversionError."""
    used = {name.lstrip("^").partition(":")[0] for node in graph.node for name in node.input}
    entries = [node.name for node in graph.node if node.op == "Placeholder"]
    last = [node.name for node in graph.node if node.name not in used and node.op not in ("NoOp", "Const")]
    if len(entries) != 1 or len(last) != 1:
        raise ConversionError(
            f"the graph has {len(entries)} inputs and {len(last)} outputs; one of each is needed: freeze it for one "
            "answer"
        )
    return entries[0], last[0]


def runner(file: Path, shape: tuple[int, ...]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What answers one example (1, *shape) with its scores (1, classes), by the frozen graph of a file.

    For a process in which TensorFlow is at work already, which the runtime of `device/` refuses. Both may raise
    ConversionError.
    """
    import tensorflow as tf

    graph = read(file)
    entry, end = ends(graph)

    def imported(x: Any) -> Any:
        return tf.import_graph_def(graph, input_map={f"{entry}:0": x}, return_elements=[f"{end}:0"], name="")[0]

    function = tf.function(imported, input_signature=[tf.TensorSpec([1, *shape], tf.float32)])

    def run(example: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            answer: NDArray[np.float32] = function(tf.constant(example)).numpy()
        except (tf.errors.OpError, ValueError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ConversionError(f"TensorFlow cannot run {file.name}: {lines[0][:300]}") from error
        return answer

    return run


PB = Format(
    name="pb",
    label="TensorFlow frozen graph (PB)",
    suffix=".pb",
    library="TensorFlow",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="the graph alone, with its weights as constants: what TFLite and ONNX start from",
    convert=convert,
    source="h5",
)
