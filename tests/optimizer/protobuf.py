"""TensorFlow's graphs written by hand, byte by byte, so that a test can put into one what TensorFlow would not.

Field numbers as in tensorflow/core/framework and tensorflow/core/protobuf; the encoding is that of
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

FLOAT, INT32, STRING = 1, 3, 7  # DataType


def varint(value: int) -> bytes:
    """Seven bits to a byte, the lowest first; negative numbers as 64 bits."""
    value &= 2**64 - 1
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def entry(key: str, value: bytes) -> bytes:
    """One pair of a map."""
    return field(1, key) + field(2, value)


def shape(*sizes: int) -> bytes:
    """A TensorShapeProto."""
    return b"".join(field(2, field(1, size)) for size in sizes)


def node(name: str, op: str, *inputs: str, **attributes: bytes) -> bytes:
    """A NodeDef; attributes are AttrValues."""
    message = field(1, name) + field(2, op) + b"".join(field(3, given) for given in inputs)
    return message + b"".join(field(5, entry(key, value)) for key, value in attributes.items())


def placeholder(name: str, *sizes: int) -> bytes:
    """An input of float32."""
    return node(name, "Placeholder", dtype=field(6, FLOAT), shape=field(7, shape(*sizes)))


def constant(name: str, dtype: int, sizes: tuple[int, ...], content: bytes) -> bytes:
    """A Const; `content` are its bytes, or a field of its values."""
    tensor = field(1, dtype) + field(2, shape(*sizes)) + content
    return node(name, "Const", dtype=field(6, dtype), value=field(8, tensor))


def text(name: str, value: str) -> bytes:
    """A Const with one text."""
    return constant(name, STRING, (), field(8, value))


def call(function: str) -> bytes:
    """The attribute `f` of a call."""
    return field(10, field(1, function))


def function(name: str, *nodes: bytes, takes: tuple[str, ...] = (), **gives: str) -> bytes:
    """A FunctionDef with these arguments; `gives` are its outputs: name → tensor of its body."""
    head = field(1, name) + b"".join(field(2, field(1, one)) for one in takes)
    head += b"".join(field(3, field(1, one)) for one in gives)
    returned = b"".join(field(4, entry(one, tensor.encode())) for one, tensor in gives.items())
    return field(1, head) + b"".join(field(3, one) for one in nodes) + returned


def graph(*nodes: bytes, functions: tuple[bytes, ...] = ()) -> bytes:
    """A GraphDef."""
    library = field(2, b"".join(field(1, one) for one in functions)) if functions else b""
    return b"".join(field(1, one) for one in nodes) + library


def signature(**outputs: str) -> bytes:
    """A SignatureDef with these outputs: key → tensor."""
    return b"".join(field(2, entry(key, field(1, tensor) + field(2, FLOAT))) for key, tensor in outputs.items())


def saved_model(graph_def: bytes, *others: bytes, **signatures: bytes) -> bytes:
    """A SavedModel with one part; `others` are further fields of its MetaGraphDef."""
    info = field(4, "serve") + field(5, "2.21.0")
    named = b"".join(field(5, entry(name, value)) for name, value in signatures.items())
    return field(1, 1) + field(2, field(1, info) + field(2, graph_def) + b"".join(others) + named)
