"""The optimized frozen graph: constants folded, batch normalization merged into convolutions, dead nodes dropped.

The report used TensorFlow 1's `transform_graph`, which is gone; Grappler, the optimizer inside TensorFlow, does the
same. It leaves the scale of a batch normalization behind a depthwise convolution; that is merged here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats import pb
from optimizer.formats.contract import Budget, Format

if TYPE_CHECKING:
    from optimizer.data import Data

_PASSES = ("pruning", "constfold", "arithmetic", "dependency", "constfold", "pruning")


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """Grappler, then the depthwise convolutions, then Grappler again, which sweeps up."""
    graph = pb.read(parent)
    entry, end = pb.ends(graph)
    graph = _grappler(pb.values_only(graph, end), entry, end)
    if merge_depthwise(graph):
        graph = _grappler(graph, entry, end)
    pb.write(pb.values_only(graph, end), out)


def _grappler(graph: Any, entry: str, end: str) -> Any:
    import tensorflow as tf
    from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, rewriter_config_pb2
    from tensorflow.python.grappler import tf_optimizer

    with tf.Graph().as_default() as whole:
        tf.import_graph_def(graph, name="")
        described = tf.compat.v1.train.export_meta_graph(graph=whole, graph_def=whole.as_graph_def(add_shapes=True))
    kept = meta_graph_pb2.CollectionDef()
    kept.node_list.value.extend([end, entry])
    described.collection_def["train_op"].CopyFrom(kept)  # Grappler keeps what a collection of this name lists
    config = config_pb2.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.min_graph_nodes = -1  # also small graphs
    rewrite.optimizers.extend(_PASSES)
    rewrite.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.TWO
    optimized = tf_optimizer.OptimizeGraph(config, described)
    for node in optimized.node:
        node.attr.pop("_output_shapes", None)  # only for the optimizer
    return optimized


def merge_depthwise(graph: Any) -> int:
    """Multiplies the constant factor of each channel behind a depthwise convolution into its weights, in place.

    w'[i, j, c, m] = w[i, j, c, m] · s[c·M + m] for M outputs of each input channel, because a depthwise convolution
    is linear in its weights. Returns how many were merged. Left alone: a convolution or a constant that others use.
    """
    import numpy as np
    import tensorflow as tf

    nodes = {node.name: node for node in graph.node}
    users: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name.lstrip("^").partition(":")[0], []).append(node.name)
    merged = 0
    for node in graph.node:
        if node.op != "Mul":
            continue
        convolution, factor = (nodes.get(name) for name in node.input[:2])
        if convolution is None or factor is None:
            continue
        if factor.op != "Const":
            convolution, factor = factor, convolution
        if (convolution.op, factor.op) != ("DepthwiseConv2dNative", "Const") or users[convolution.name] != [node.name]:
            continue
        weights = nodes[convolution.input[1]]
        if weights.op != "Const" or users[weights.name] != [convolution.name]:
            continue
        if convolution.attr["data_format"].s not in (b"", b"NHWC"):
            continue
        w = tf.make_ndarray(weights.attr["value"].tensor)
        scale = tf.make_ndarray(factor.attr["value"].tensor)
        channels = w.shape[2] * w.shape[3]
        if scale.size not in (1, channels) or (scale.size > 1 and scale.shape[-1] != channels):
            continue
        spread = np.broadcast_to(scale.reshape(-1), channels).reshape(w.shape[2:])
        weights.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(w * spread))
        node.op = "Identity"
        del node.input[:]
        node.input.append(convolution.name)
        kind = node.attr["T"].type
        node.attr.clear()
        node.attr["T"].type = kind
        merged += 1
    return merged


PB_OPTIMIZED = Format(
    name="pb-optimized",
    label="TensorFlow optimized graph (PB)",
    suffix=".pb",
    library="TensorFlow",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="the frozen graph with constants folded and batch normalization merged: fewer nodes, the same numbers",
    convert=convert,
    source="pb",
)
