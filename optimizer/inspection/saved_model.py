"""SavedModel folders: graph and variables read as data, and every operator checked that loading or running could reach.

What is read: `saved_model.pb` (tensorflow/core/protobuf: saved_model.proto, meta_graph.proto, saver.proto) and
`variables/variables.index`. A SavedModel holds, beside its network, functions that restore its variables from files
and save them; those are its own only when the name of the file is handed to them, and saving must not be reachable
from a signature, from what runs at loading, or from restoring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

from device.runtimes import graph_file
from device.runtimes.graph_operators import COMPUTING
from device.runtimes.onnx_file import fields
from optimizer.inspection import saved_model_macs, tensor_bundle
from optimizer.inspection.folder import DATA, GRAPH, INDEX
from optimizer.inspection.found import Content, Declared, Limits, RefusedFile, TensorSpec, precision_of
from optimizer.inspection.graph_def import TYPES, operation, shape_of

_VARIABLES = """
    VarHandleOp ReadVariableOp VarIsInitializedOp ResourceGather DisableCopyOnRead StatelessRandomUniform
    StatelessRandomUniformV2 StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomGetAlg
    StatelessRandomGetKeyCounter RandomUniform RandomStandardNormal
"""
_RUNNING = COMPUTING | frozenset(_VARIABLES.split())
_SETTING = _RUNNING | {"AssignVariableOp"}
_RESTORING = _SETTING | {"RestoreV2"}
_SAVING = _RESTORING | {"SaveV2", "MergeV2Checkpoints", "ShardedFilename", "StringJoin", "StaticRegexFullMatch"}
_LOADING = "__saved_model_init_op"  # the signature of what runs when the model is loaded
_AGAIN = "the SavedModel is damaged: export the model again"


@dataclass(frozen=True)
class _Part:
    """One MetaGraphDef."""

    graph: graph_file.Graph
    stored: memoryview  # the same, as GraphDef
    signatures: Mapping[str, tuple[list[TensorSpec], list[TensorSpec]]]
    variables: Mapping[str, TensorSpec]
    at_loading: tuple[str, ...]  # nodes
    restoring: str
    assets: tuple[str, ...]
    version: str
    serves: bool


def read(parts: Mapping[str, bytes], sizes: Mapping[str, int], limits: Limits) -> Content:
    """What the folder holds: `parts` are the bytes of GRAPH and INDEX, `sizes` those of every file by its name.

    Raises RefusedFile, and ValueError for a damaged one.
    """
    whole = memoryview(parts[GRAPH])
    found = [_part(value, limits) for at, value in fields(whole) if at == 2 and not isinstance(value, int)]
    if not found:
        raise RefusedFile("it holds no graph; export the model again")
    for part in found:
        _check(part, sizes)
    main = next((part for part in found if part.serves), found[0])
    names = [name for name in main.signatures if name != _LOADING]
    if not names:
        raise RefusedFile(
            "it has no signature, so that nothing says what goes in and out; export it with model.export('FOLDER')"
        )
    name = "serving_default" if "serving_default" in names else names[0]
    inputs, outputs = main.signatures[name]
    run = list(_reached(main.graph, [_node(spec.name) for spec in outputs]))
    stored: list[tensor_bundle.Stored] = []
    if INDEX in parts:
        shards = {int(match[1]): size for file, size in sizes.items() if (match := DATA.fullmatch(file))}
        stored = tensor_bundle.read(parts[INDEX], shards, limits)
    used = [main.variables[node.name] for node in run if node.name in main.variables]
    weights = Counter[str]()
    for spec in used:
        weights[spec.dtype or ""] += prod(size or 0 for size in spec.shape or ())
    operators = Counter(n.op for n in run if n.op not in ("Const", "Placeholder", "NoOp", "VarHandleOp"))
    for called in ("PartitionedCall", "StatefulPartitionedCall"):
        del operators[called]
    warnings = [] if weights else ["it holds no weights: the network is untrained"]
    kept = tensor_bundle.numbers(stored)
    if used and not stored:
        raise RefusedFile("its variables are missing (variables/variables.index); copy the whole folder")
    if kept > weights.total():
        warnings.append(
            f"it stores {kept:,} numbers where a prediction uses {weights.total():,}; without the others (copies, "
            "state of the training) it would be smaller"
        )
    if len(names) > 1:
        warnings.append(f"it has {len(names)} signatures; {name!r:.60} was read")
    return Content(
        parameters=weights.total(),
        layers=None,
        operators=dict(operators),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        precision=precision_of(weights, None),
        producer=f"TensorFlow {main.version}" if main.version else None,
        warnings=tuple(warnings),
        macs=saved_model_macs.total(main.stored, [spec.name for spec in outputs], main.variables, Declared(limits)),
        nodes=len(run),
    )


def _check(part: _Part, sizes: Mapping[str, int]) -> None:
    """Refuses operators outside of the lists, and those for files where they could run. Raises RefusedFile."""
    try:
        graph_file.check_order(part.graph)
    except ValueError as error:
        raise RefusedFile(f"{error}; {_AGAIN}") from None
    graph = part.graph
    for nodes in (graph.nodes, *graph.functions.values()):
        _only(nodes, _SAVING, graph, "which is not on the list of those that only compute, store or restore variables")
    signed = [_node(spec.name) for name, (_, outs) in part.signatures.items() if name != _LOADING for spec in outs]
    _only(_reached(graph, signed), _RUNNING, graph, "which a prediction would run")
    _only(_reached(graph, part.at_loading), _SETTING, graph, "which loading would run")
    if part.restoring:
        _only(_reached(graph, [part.restoring]), _RESTORING, graph, "which loading would run")
    for function in graph.functions.values():
        _check_restoring(function)
    _check_restoring(graph.nodes)
    for asset in part.assets:
        if f"assets/{asset}" not in sizes:
            raise RefusedFile(f"it names the asset {asset!r:.80}, which is not in its folder; {_AGAIN}")


def _only(nodes: Iterable[graph_file.Node], allowed: frozenset[str], graph: graph_file.Graph, why: str) -> None:
    for node in nodes:
        if node.op not in allowed and node.op not in graph.functions:
            raise RefusedFile(
                f"it holds the operator {node.op!r:.60} (node {node.name!r:.60}), {why}; it could read or write files, "
                "or run code: export the model again without it"
            )
        missing = next((name for name in node.calls if name not in graph.functions), None)
        if missing is not None:
            raise RefusedFile(f"node {node.name!r:.60} calls {missing!r:.60}, which is not in the file; {_AGAIN}")


def _check_restoring(nodes: Iterable[graph_file.Node]) -> None:
    """The name of the file to restore must be an argument, so that only the folder's own variables are read."""
    by_name = {node.name: node for node in nodes}
    for node in by_name.values():
        if node.op != "RestoreV2":
            continue
        source = by_name.get(_node(node.inputs[0])) if node.inputs else None
        while source is not None and source.op == "Identity" and source.inputs:
            source = by_name.get(_node(source.inputs[0]))
        if source is not None and source.op != "Placeholder":
            raise RefusedFile(
                f"node {node.name!r:.60} would restore variables from a file that the graph itself names; "
                "export the model again"
            )


def _reached(graph: graph_file.Graph, ends: Iterable[str]) -> Iterator[graph_file.Node]:
    """Every node that running these nodes runs, those of called functions included, each once."""
    by_name = {node.name: node for node in graph.nodes}
    waiting, seen = [name for name in ends if name in by_name], set[str]()
    called: list[str] = []
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        node = by_name[name]
        yield node
        called.extend(_called(node, graph))
        waiting.extend(source for source in map(_node, node.inputs) if source in by_name)
    entered: set[str] = set()
    while called:
        name = called.pop()
        if name not in entered:
            entered.add(name)
            for node in graph.functions[name]:
                yield node
                called.extend(_called(node, graph))


def _called(node: graph_file.Node, graph: graph_file.Graph) -> list[str]:
    return [name for name in (*node.calls, node.op) if name in graph.functions]


def _node(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _part(message: memoryview, limits: Limits) -> _Part:
    graph: graph_file.Graph | None = None
    stored = memoryview(b"")
    variables: dict[str, TensorSpec] = {}
    signatures: dict[str, tuple[list[TensorSpec], list[TensorSpec]]] = {}
    at_loading: list[str] = []
    restoring = version = ""
    assets: list[str] = []
    tags: set[str] = set()
    declared = Declared(limits)
    for at, value in fields(message):
        if isinstance(value, int):
            continue
        if at == 1:
            version = _text(value, 5)
            tags = {str(v, "utf-8") for n, v in fields(value) if n == 4 and not isinstance(v, int)}
        elif at == 2:
            graph, stored = graph_file.parsed(value), value
            variables = dict(_variables(value, declared))
        elif at == 3:
            restoring = _node(_text(value, 3))
        elif at == 4 and _text(value, 1) in ("saved_model_main_op", "legacy_init_op", "saved_model_train_op"):
            at_loading += _names(_message(value, 2))
        elif at == 5:
            signatures[_text(value, 1)] = _signature(_message(value, 2), declared)
        elif at == 6:
            assets.append(_text(value, 2))
    if graph is None:
        raise RefusedFile("one of its parts holds no graph; export the model again")
    if len(graph.nodes) + sum(map(len, graph.functions.values())) > limits.operators:
        raise RefusedFile(f"it has more than {limits.operators:,} operators; no end or edge device runs that")
    loading = signatures.get(_LOADING, ([], []))[1]
    at_loading += [_node(spec.name) for spec in loading]
    return _Part(
        graph, stored, signatures, variables, tuple(at_loading), restoring, tuple(assets), version, "serve" in tags
    )


def _variables(graph: memoryview, declared: Declared) -> Iterator[tuple[str, TensorSpec]]:
    """The variables of numbers by their node; those of counters and dice are integers."""
    for at, value in fields(graph):
        if at != 1 or isinstance(value, int):
            continue
        node = operation(value)
        dtype, bits = TYPES.get(node.number("dtype", 0), ("", 8))
        if node.op == "VarHandleOp" and dtype.startswith(("float", "bfloat")):
            shape = node.shape("shape")
            declared.add(f"variable {node.name!r:.60}", shape or (), bits)
            yield node.name, TensorSpec(node.name, shape, dtype)


def _names(collection: memoryview) -> Iterator[str]:
    """The nodes that a CollectionDef lists."""
    for _, listed in fields(collection):
        if not isinstance(listed, int):
            yield from (_node(str(v, "utf-8")) for n, v in fields(listed) if n == 1 and not isinstance(v, int))


def _signature(message: memoryview, declared: Declared) -> tuple[list[TensorSpec], list[TensorSpec]]:
    specs: tuple[list[TensorSpec], list[TensorSpec]] = ([], [])
    for at, value in fields(message):
        if at not in (1, 2) or isinstance(value, int):
            continue
        dtype, shape = 0, None
        info = _message(value, 2)
        for n, v in fields(info):
            if n == 2 and isinstance(v, int):
                dtype = v
            elif n == 3 and not isinstance(v, int):
                shape = shape_of(v)
        name, (word, bits) = _text(info, 1), TYPES.get(dtype, (None, 8))
        declared.add(f"{name!r:.60}", shape or (), bits)
        specs[at - 1].append(TensorSpec(name, shape, word))
    return specs


def _message(message: memoryview, wanted: int) -> memoryview:
    return next((v for n, v in fields(message) if n == wanted and not isinstance(v, int)), memoryview(b""))


def _text(message: memoryview, wanted: int) -> str:
    return str(_message(message, wanted), "utf-8")
