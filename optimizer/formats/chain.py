"""The report's conversion chain: from which file each format is made, and where a user's own file enters.

H5 ─► PB ─► optimized PB, from either ─► TFLite, from either ─► ONNX ─► TVM; also H5 ─► ONNX and PB ─► ONNX. Quantized
kinds are made from the float file of their family: TFLite's from the first graph, or from a user's own TFLite file;
ONNX's from the first ONNX.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from optimizer.formats.contract import ConversionError
from optimizer.formats.shelf import FORMATS

TRAINED = "h5"
"""The format in which a trained network begins."""

_ENTRIES = {".keras": "h5", ".h5": "h5", ".hdf5": "h5", ".pb": "pb", ".tflite": "tflite", ".onnx": "onnx"}


def entry_of(own_model: str | Path | None) -> str:
    """The format at which a user's file or SavedModel folder enters the chain, by its name; H5 where there is none.

    Raises ConversionError for a kind of file that enters nowhere.
    """
    if own_model is None:
        return TRAINED
    path = Path(own_model)
    if path.is_dir() or path.suffix.lower() == ".zip":
        return "pb"
    found = _ENTRIES.get(path.suffix.lower())
    if found is None:
        raise ConversionError(
            f"{path.name} is no kind of model that can be converted; give {', '.join(_ENTRIES)} or a SavedModel, as a "
            "folder or packed in a .zip (PyTorch: export to ONNX first)"
        )
    return found


def called(own_model: str | Path) -> str:
    """What a user's model is called by its file or folder: `tulips` of tulips.onnx."""
    path = Path(own_model)
    return path.stem if path.suffix.lower() in (*_ENTRIES, ".zip") else path.name


def route(name: str, entry: str = TRAINED) -> tuple[str, ...]:
    """The formats from `entry` to `name`, both included, each made from the one before.

    Raises ConversionError with the reason when the one does not lead to the other.
    """
    found = _route(name, entry)
    if found is None:
        wanted, given = FORMATS[name], FORMATS[entry]
        sources = [FORMATS[s].label for s in (wanted.source, *wanted.also_from) if s is not None]
        needs = f"is made from {' or '.join(sources)}" if sources else "needs the layers of a Keras model"
        raise ConversionError(f"{wanted.label} {needs}, to which no way leads from {given.label}")
    return found


def _route(name: str, entry: str) -> tuple[str, ...] | None:
    if name == entry:
        return (name,)
    kind = FORMATS[name]
    for source in (kind.source, *kind.also_from):
        before = None if source is None else _route(source, entry)
        if before is not None:
            return (*before, name)
    return None


def reachable(entry: str, wanted: Collection[str] = ()) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Of all formats, or of those `wanted`: the way to each that `entry` leads to, and why not to each other."""
    ways: dict[str, tuple[str, ...]] = {}
    barred: dict[str, str] = {}
    for name in FORMATS:
        if wanted and name not in wanted:
            continue
        try:
            ways[name] = route(name, entry)
        except ConversionError as error:
            barred[name] = str(error)
    return ways, barred
