"""The command of a device package: measures a model file here, and writes the result signed.

python dlom-device.pyz measure MODEL --data DATA.npz --out result.json
python dlom-device.pyz runtimes
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from device.data import METRICS
from device.measure import measure
from device.runtimes import RUNTIMES
from device.runtimes.contract import MeasureError, RuntimeSpec
from device.signed import Key, sign
from device.told import figure_lines

NEEDS = (
    "It needs Python 3.11 or later, numpy and the runtime of the model: pip install numpy ai-edge-litert (.tflite), or "
    "numpy onnxruntime (.onnx). The file result.json is signed; ./dlom register result.json takes it where the package "
    "was made."
)


def main(arguments: Sequence[str], key_file: str) -> int:
    """The exit code: 0 when it was done, 1 with a line on stderr that says why not, 2 for a wrong command.

    `key_file` is removed once it is read: the process that runs a model may read its folder.
    """
    key = Key.from_json(Path(key_file).read_text(encoding="utf-8"))
    Path(key_file).unlink()
    parser = argparse.ArgumentParser(
        prog="dlom-device.pyz", description=f"Measures model files on this device. Package {key.id} of {key.made}.",
        epilog=NEEDS,
    )  # fmt: skip
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="measure | runtimes")
    one = verbs.add_parser("measure", help="measure a model file, and write the signed result", epilog=NEEDS)
    one.add_argument("model", type=Path, help="a model file, such as model.tflite or model.onnx")
    one.add_argument("--data", type=Path, required=True, help="npz with x and, for quality, y")
    one.add_argument("--out", type=Path, default=Path("result.json"), help="where the result goes (result.json)")
    one.add_argument("--threads", type=int, default=1, help="that the model may use (1)")
    one.add_argument("--seconds", type=float, default=5.0, help="for the latency alone (5)")
    one.add_argument("--timeout", type=float, default=1800.0, metavar="SECONDS", help="for all of it (1800)")
    one.add_argument("--runtime", help="the runtime, where several take the file")
    one.add_argument("--metric", choices=METRICS, help="what quality is, where the data do not say")
    one.add_argument(
        "--trust", "--trusted", action="store_true", help="run a file of machine code (.tvm), which you trust"
    )
    verbs.add_parser("runtimes", help="the runtimes, and whether each is installed here")
    given = parser.parse_args(arguments)
    if given.verb == "runtimes":
        for spec in RUNTIMES:
            sys.stdout.write(f"{runtime_line(spec)}\n")
        return 0
    try:
        _check(given.model, given.data, given.out)
        measured = measure(
            given.model, given.data, threads=given.threads, seconds=given.seconds, timeout_s=given.timeout,
            runtime=given.runtime, metric=given.metric, trusted=given.trust,
        )  # fmt: skip
        _write(given.out, sign(measured, key))
    except (MeasureError, OSError) as error:
        sys.stderr.write(f"not measured: {error}\n")
        return 1
    for line in figure_lines(measured):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"written to {given.out}, signed by package {key.id}\n")
    return 0


def runtime_line(spec: RuntimeSpec) -> str:
    """A runtime as a person reads it: its name, what it takes, and its version or how to install it."""
    version = spec.installed()
    there = f"missing: pip install {spec.package}" if version is None else version
    return f"{spec.name:<18}{', '.join(spec.formats):<14}{there}"


def _check(model: Path, data: Path, out: Path) -> None:
    for file in (model, data):
        if not file.is_file():
            raise MeasureError(f"there is no file {file}; check its name and folder")
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise MeasureError(f"{out} cannot be written; name a file in a folder that is there")
    try:
        with tempfile.TemporaryFile(prefix=".unfinished-", dir=out.absolute().parent):  # before minutes of measuring
            pass
    except OSError as error:
        raise MeasureError(f"{out} cannot be written ({error.strerror}); name a file in another folder") from error


def _write(out: Path, text: str) -> None:
    """All of it or nothing."""
    handle, beside = tempfile.mkstemp(prefix=".unfinished-", dir=out.absolute().parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(beside).chmod(0o644)
        Path(beside).replace(out)
    finally:
        Path(beside).unlink(missing_ok=True)
