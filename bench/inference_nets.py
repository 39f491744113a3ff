"""The networks of `inference`, written in every format of the shelf, by a process of its own.

    python -m bench.inference_nets NET FOLDER '{"formats": […], "tuning_s": 60, "epochs": 3, "data": "fashion-mnist"}'

writes the files, `data.npz` (what they are measured on) and `made.json` into FOLDER. Only the report's CNN is trained;
the others have random weights, which cost the same time, and say nothing of accuracy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from optimizer.converter import Here, saved_whole
from optimizer.data import Data, DataError, load
from optimizer.formats.chain import TRAINED, route
from optimizer.formats.contract import Budget, ConversionError
from optimizer.formats.shelf import FORMATS
from optimizer.inspect import InspectionFailed, RefusedFile, inspect
from optimizer.networks.report_cnn import REPORT_CNN
from optimizer.recipe import Recipe
from optimizer.training import make_repeatable, train

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

CHECKOUT = Path(__file__).resolve().parent.parent
MADE, DATA = "made.json", "data.npz"
TRAINING_S = 300.0  # the most; three epochs take a minute on two quiet cores
CALIBRATION, TEST = 16, 4  # examples of networks with random weights; untuned code takes seconds for each
SECONDS_PER_TRIAL = 1.0  # by which the minutes of a tuning become trials, so that each operator has its turn
LONGEST_S = 3600.0

MAIN_FORMATS = ("h5", "tflite", "fiq", "onnx", "onnx-qdq", "tvm", "tvm-tuned")


@dataclass(frozen=True)
class Made:
    """One file. `fault` says why there is none; `difference` and `agreement` are of the check against the first."""

    format: str
    file: str = ""
    size_kib: float | None = None
    macs: int | None = None
    difference: float | None = None
    agreement: float | None = None
    seconds: float = 0.0
    fault: str = ""


@dataclass(frozen=True)
class Files:
    """What was made of a network. `said` is what it is and what it was trained on; `macs` of one inference."""

    folder: Path
    said: str
    macs: int | None
    made: tuple[Made, ...]

    @property
    def data(self) -> Path:
        """The examples to measure on, as `device.measure` takes them."""
        return self.folder / DATA


@dataclass(frozen=True)
class Net:
    """A network of the benchmark. `build` gives a Keras model for data; `shape` and `classes` are of its examples."""

    title: str
    build: Callable[[Data], keras.Model]
    shape: tuple[int, int, int]
    classes: int
    trained: bool = False


def _report_cnn(data: Data) -> keras.Model:
    return REPORT_CNN.build(data.input_shape, data.classes, data.value_range)


def _mobilenet(data: Data) -> keras.Model:
    from keras import applications

    return applications.MobileNetV2(input_shape=data.input_shape, alpha=1.0, weights=None, classes=data.classes)


def _resnet(data: Data) -> keras.Model:
    from keras import applications

    return applications.ResNet50V2(input_shape=data.input_shape, weights=None, classes=data.classes)


NETS: dict[str, Net] = {
    "report-cnn": Net("CNN of the optimization report", _report_cnn, (28, 28, 1), 10, trained=True),
    "mobilenet": Net("MobileNet v2, width 1.0, 96×96, random weights", _mobilenet, (96, 96, 3), 1000),
    # The report's file is resnet50-v2-7 of the ONNX model zoo (its Figure 7), thus He et al.'s second version.
    "resnet": Net("ResNet-50 v2, 224×224, random weights", _resnet, (224, 224, 3), 1000),
}


def files_of(net: str, folder: Path, formats: Iterable[str], *, tuning_s: float, epochs: int, data: str) -> Files:
    """Has the files made. `data` is where the examples of a trained network come from. Raises RuntimeError."""
    asked = {"formats": list(formats), "tuning_s": tuning_s, "epochs": epochs, "data": data}
    done = subprocess.run(
        [sys.executable, "-m", "bench.inference_nets", net, str(folder), json.dumps(asked)], cwd=CHECKOUT,
        capture_output=True, text=True, timeout=LONGEST_S, check=False,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the files of {net} could not be made: {done.stderr.strip()[-1500:]}")
    told = json.loads((folder / MADE).read_text(encoding="utf-8"))
    return Files(folder, told["said"], told["macs"], tuple(Made(**one) for one in told["made"]))


def make(net: str, folder: Path, formats: list[str], tuning_s: float, epochs: int, data: str) -> None:
    """Writes everything into `folder`."""
    kind = NETS[net]
    given, said = examples(kind, data)
    real = given.name != "random"
    make_repeatable(0)
    model = kind.build(given)
    if real:
        said += f"; {_trained(model, given, epochs)}"
        np.savez(folder / DATA, x=given.x_test, y=given.y_test)
    else:
        _settle(model, given.x_train)
        np.savez(folder / DATA, x=given.x_test)
    first = folder / f"{TRAINED}.h5"
    began = time.monotonic()
    check = saved_whole(model, first, given)
    made = {TRAINED: _made(TRAINED, first, began, check.largest_difference, check.agreement_percent)}
    for name in FORMATS:
        if name in formats:
            for before, this in zip(route(name), route(name)[1:], strict=False):
                if this not in made:
                    made[this] = _convert(this, made[before], first, given, tuning_s)
    kept = [asdict(made[name]) for name in FORMATS if name in formats and name in made]
    (folder / MADE).write_text(json.dumps({"said": said, "macs": made[TRAINED].macs, "made": kept}), encoding="utf-8")


def examples(kind: Net, source: str) -> tuple[Data, str]:
    """What a network learns and is tested on, and what is said of it: random numbers where `source` cannot be had."""
    reason = ""
    if kind.trained:
        try:
            found = load(source)
            return found, f"{found.name}, {len(found.x_test):,} examples of the test"
        except DataError as error:
            reason = f" ({error})"
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (CALIBRATION + TEST, *kind.shape)).astype(np.float32)
    y = np.arange(CALIBRATION + TEST, dtype=np.int64) % kind.classes
    made = Data(
        name="random", x_train=x[:CALIBRATION], y_train=y[:CALIBRATION], x_test=x[CALIBRATION:],
        y_test=y[CALIBRATION:], outputs=kind.classes, input_shape=kind.shape, description="", sha256="",
    )  # fmt: skip
    return made, f"random weights and inputs, so nothing is said of accuracy{reason}"


def _settle(model: keras.Model, x: NDArray[np.float32]) -> None:
    """Gives normalizations the means and variances of what they get, as a training does.

    Without them random weights let the numbers fade from layer to layer, to where processors may compute more slowly.
    """
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # of the values before: only this batch counts
    model(x, training=True)


def _trained(model: keras.Model, data: Data, epochs: int) -> str:
    steps = train(
        model, data, Recipe(network=REPORT_CNN.name, format=TRAINED, epochs=epochs), TRAINING_S, lambda: False
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return f"epochs trained: {end.value.epochs}, in {end.value.seconds:.0f} s"


def _convert(name: str, parent: Made, first: Path, data: Data, tuning_s: float) -> Made:
    if parent.fault:
        return Made(name, fault=f"{FORMATS[parent.format].label} is missing")
    folder = first.parent / name
    folder.mkdir()
    out = folder / f"{name}{FORMATS[name].suffix}"
    budget = Budget(trials=max(16, round(tuning_s / SECONDS_PER_TRIAL)), seconds=tuning_s, threads=1)
    began = time.monotonic()
    try:
        check = Here(data, budget).convert(name, Path(parent.file), first, out)
    except ConversionError as error:
        return Made(name, fault=" ".join(str(error).split())[:400], seconds=time.monotonic() - began)
    if check is None:
        return _made(name, out, began, None, None)
    return _made(name, out, began, check.largest_difference, check.agreement_percent)


def _made(name: str, out: Path, began: float, difference: float | None, agreement: float | None) -> Made:
    seconds = time.monotonic() - began
    try:
        macs = inspect(out).macs
    except (RefusedFile, InspectionFailed):  # machine code is not read
        macs = None
    return Made(name, str(out), out.stat().st_size / 1024, macs, difference, agreement, seconds)


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]), **json.loads(sys.argv[3]))
