"""HDF5 files of Keras: the tree of groups and the shapes of the weights are read, the weights themselves are not."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py

from optimizer.inspection import keras_macs
from optimizer.inspection.found import Content, Declared, Limits, RefusedFile, precision_of
from optimizer.inspection.keras_config import LONGEST, check_names, describe, parse

_FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # those in every HDF5, and lzf; others would be loaded as plug-ins
_DEEPEST = 100
# Deflate cannot shrink by more than 1,032; storage below one page is rounded up.
_MOST_SHRUNK, _PAGE = 1100, 4096


@dataclass(frozen=True)
class Weight:
    """One stored array: its path from the root, its number of elements and its type, spelt as in numpy."""

    path: str
    elements: int
    dtype: str


def read(data: bytes, limits: Limits) -> Content:
    """What a Keras model stored as HDF5 holds. Raises RefusedFile, and what h5py raises for damaged files."""
    with h5py.File(io.BytesIO(data), "r") as file:
        text = attribute(file, "model_config")
        weights = list(arrays(file, limits))
        if text is None:
            raise RefusedFile(
                f"it is HDF5 with {len(weights):,} arrays but without a network (no model_config); "
                "save the whole model with model.save(), not only its weights"
            )
        config = parse(text, "its configuration (model_config)")
        training = attribute(file, "training_config")
        version = attribute(file, "keras_version")
    check_names(config)
    if training is not None:
        check_names(parse(training, "its training configuration (training_config)"), training=True)
    return content(config, weights, "model_weights", None if version is None else f"Keras {version}", limits)


def content(config: Any, weights: list[Weight], folder: str, producer: str | None, limits: Limits) -> Content:
    """The content of a Keras model from its checked configuration and its arrays; only those in `folder` count."""
    described = describe(config, limits)
    own = [w for w in weights if not folder or w.path.startswith(f"/{folder}/")]
    kinds: Counter[str] = Counter()
    for weight in own:
        kinds[weight.dtype] += weight.elements
    warnings = []
    if not own:
        warnings.append("it holds no weights: the network is untrained")
    if len(own) < len(weights):
        warnings.append("it also holds the state of the training; without it the file would be smaller")
    return Content(
        parameters=kinds.total(),
        layers=described.layers,
        operators=dict(described.kinds),
        inputs=described.inputs,
        outputs=described.outputs,
        precision=precision_of(kinds, None),
        producer=producer,
        warnings=tuple(warnings),
        macs=keras_macs.total(config, limits),
    )


def attribute(file: h5py.File, name: str) -> str | None:
    """A text attribute of the root; `None` when there is none. Raises RefusedFile for one that is no text."""
    if name not in file.attrs:
        return None
    stored = file.attrs.get_id(name)
    if h5py.check_string_dtype(stored.dtype) is None or stored.shape not in ((), (1,)):
        raise RefusedFile(f"its attribute {name} is no text but {stored.dtype} {stored.shape}; save the model again")
    if stored.dtype.itemsize > LONGEST:
        raise RefusedFile(f"its attribute {name} claims {stored.dtype.itemsize:,} bytes; the file is damaged")
    value = file.attrs[name]
    if stored.shape:
        value = value[0]
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def arrays(file: h5py.File, limits: Limits) -> Iterator[Weight]:
    """Every array, each once. Raises RefusedFile for what leads out of the file, for objects and for false sizes."""
    declared = Declared(limits)
    stack: list[tuple[Any, str, int]] = [(file.id, "", 0)]
    seen: set[int] = set()
    count = 0
    while stack:
        group, path, depth = stack.pop()
        if depth > _DEEPEST:
            raise RefusedFile(f"its groups are nested more than {_DEEPEST} deep; save the model again")
        for name in group:
            count += 1
            if count > limits.objects:
                raise RefusedFile(f"it holds more than {limits.objects:,} objects; that is no model for a device")
            where = f"{path}/{name.decode('utf-8', 'replace')}"
            link = group.links.get_info(name).type
            if link != h5py.h5l.TYPE_HARD:
                raise RefusedFile(
                    f"{where} is a link {'to another file' if link == h5py.h5l.TYPE_EXTERNAL else 'to another place'}; "
                    "Keras writes none: save the model again as one file"
                )
            child = h5py.h5o.open(group, name)
            address = h5py.h5o.get_info(child).addr
            if address in seen:  # a second name of the same object, perhaps of a group above
                continue
            seen.add(address)
            if isinstance(child, h5py.h5d.DatasetID):
                yield _array(child, where, declared)
            elif isinstance(child, h5py.h5g.GroupID):
                stack.append((child, where, depth + 1))


def _array(stored: Any, where: str, declared: Declared) -> Weight:
    dtype, shape, plan = stored.dtype, stored.shape, stored.get_create_plist()
    if dtype.kind == "V" and dtype.fields is None and dtype.subdtype is None and dtype.itemsize == 2:
        name = "bfloat16"  # numpy has no such type, and Keras stores its bytes
    elif dtype.kind in "fiub":
        name = dtype.name
    else:
        what = "Python objects or texts" if dtype.kind == "O" else f"values of the type {dtype}"
        raise RefusedFile(
            f"{where} holds {what} instead of numbers; objects may hide a pickle, which is code: "
            "save the model with model.save() of Keras"
        )
    if shape is None:
        raise RefusedFile(f"{where} is an array without a shape; save the model again")
    if plan.get_external_count() or plan.get_layout() == h5py.h5d.VIRTUAL:
        raise RefusedFile(f"{where} takes its numbers from another file; save the model again as one file")
    for i in range(plan.get_nfilters()):
        code = plan.get_filter(i)[0]
        if code not in _FILTERS:
            raise RefusedFile(f"{where} needs the HDF5 plug-in {code}; save the model without it (gzip is fine)")
    elements = declared.add(where, shape, dtype.itemsize * 8, weights=True)
    claimed, held = elements * dtype.itemsize, stored.get_storage_size()
    if claimed > _MOST_SHRUNK * max(held, _PAGE):
        raise RefusedFile(
            f"{where} claims {claimed:,} bytes and holds {held:,}: its numbers are missing, or it is a decompression "
            "bomb; save the model again"
        )
    return Weight(where, elements, name)
