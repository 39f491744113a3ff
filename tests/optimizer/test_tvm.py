"""TVM makes machine code of ONNX files: what it computes, for which processor, within which budget."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from device.instructions import architecture, here, level
from device.measure import measure
from device.runtimes import runtime_for, tvm_file
from device.runtimes.contract import MeasureError, ModelFileError
from ontology.events import Event, Finished, Progress, Started
from optimizer.formats.contract import ConversionError
from optimizer.tvm_compiler import compile_onnx, cross_compile_onnx, tune_onnx, tuning
from optimizer.tvm_graph import GraphError, load, target_words
from tests.device.onnx_nets import onnx_net

MINUTES = 60.0
Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two convolutions with ReLU6 between and behind, mean, a dense layer and softmax: n × 3 × 8 × 8 → n × 4."""
    numbers = np.random.default_rng(5)
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c1", "zero", "six"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], pads=[1, 1, 1, 1], group=8),
        helper.make_node("Clip", ["c2", "zero", "six"], ["r2"]),
        helper.make_node("GlobalAveragePool", ["r2"], ["m"]),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("MatMul", ["f", "w3"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"]),
    ]
    return onnx_net(
        tmp_path_factory.mktemp("tvm"),
        *nodes,
        shape=("n", 3, 8, 8),
        w1=numbers.normal(size=(8, 3, 3, 3)).astype(np.float32),
        b1=numbers.normal(size=8).astype(np.float32),
        w2=numbers.normal(size=(8, 1, 3, 3)).astype(np.float32),
        w3=numbers.normal(size=(8, 4)).astype(np.float32),
        zero=np.zeros((), np.float32),
        six=np.full((), 6, np.float32),
    )


@pytest.fixture(scope="module")
def compiled(net: Path) -> tuple[Path, tvm_file.Header]:
    out = net.with_name("net.tvm")
    return out, compile_onnx(net, out)


def inputs(samples: int) -> Floats:
    """Pictures of a colour each, with noise."""
    numbers = np.random.default_rng(7)
    colours = numbers.uniform(-3, 3, (samples, 3, 1, 1))
    return (colours + numbers.uniform(-1, 1, (samples, 3, 8, 8))).astype(np.float32)


def scores(file: Path, x: Floats) -> Floats:
    session = runtime_for(file).open(file, 1)
    return np.concatenate([session.run(example[None]) for example in x])


def test_compiled_code_computes_what_onnx_runtime_computes(net: Path, compiled: tuple[Path, tvm_file.Header]) -> None:
    file, _ = compiled
    assert runtime_for(file).name == "tvm-cpu"
    assert scores(file, inputs(16)) == pytest.approx(scores(net, inputs(16)), abs=1e-5)


def test_the_file_says_what_it_is(net: Path, compiled: tuple[Path, tvm_file.Header]) -> None:
    """The open batch of the ONNX file is 1 in the machine code."""
    file, header = compiled
    assert tvm_file.read(file) == header
    assert header.input == tvm_file.Tensor("x", (1, 3, 8, 8), "float32")
    assert header.output == tvm_file.Tensor("y", (1, 4), "float32")
    assert (header.tuned, header.trials, header.operators_tuned, header.tuning_seconds) == (False, 0, 0, 0.0)
    assert (header.architecture, header.arithmetic) == (architecture(), "float32")
    assert header.target == (level(here()) if architecture() == "x86_64" else "generic")
    assert header.source_sha256 == hashlib.sha256(net.read_bytes()).hexdigest()
    assert header.versions["apache-tvm-ffi"] == "0.1.14.post1", "a later one crashes while tuning"


def test_an_answer_stays_when_the_next_is_computed(compiled: tuple[Path, tvm_file.Header]) -> None:
    session = runtime_for(compiled[0]).open(compiled[0], 1)
    first = session.prepare(inputs(2)[:1])()
    kept = first.copy()
    assert not np.allclose(session.prepare(inputs(2)[1:])(), kept)
    assert np.array_equal(first, kept)
    with pytest.raises(MeasureError, match="takes 1 inputs at a time, not 2"):
        session.run(inputs(2))


def test_machine_code_is_measured_only_when_it_is_trusted(
    compiled: tuple[Path, tvm_file.Header], tmp_path: Path
) -> None:
    np.savez(tmp_path / "data.npz", x=inputs(40), y=scores(compiled[0], inputs(40)).argmax(axis=1))
    with pytest.raises(ModelFileError, match=r"net\.tvm holds machine code, which TVM runs with your rights"):
        measure(compiled[0], tmp_path / "data.npz", seconds=0.2)
    measured = measure(compiled[0], tmp_path / "data.npz", seconds=0.2, trusted=True)
    assert (measured.runtime, measured.accuracy_percent) == ("tvm-cpu", 100.0)


@pytest.fixture(scope="module")
def crossed(net: Path) -> tuple[Path, tvm_file.Header]:
    out = net.with_name("net-arm.tvm")
    return out, cross_compile_onnx(net, out)


def test_code_for_arm_is_arm_code_and_is_not_run_here(crossed: tuple[Path, tvm_file.Header]) -> None:
    file, header = crossed
    assert (header.architecture, header.target) == ("aarch64", "cortex-a72")
    with zipfile.ZipFile(file) as archive:
        (name,) = set(archive.namelist()) - {tvm_file.HEADER}
        content = archive.read(name)
    with_compiler = shutil.which("aarch64-linux-gnu-gcc") is not None
    assert name == ("lib.so" if with_compiler else "lib.tar")
    for part in [content] if with_compiler else unpacked(content):
        assert part[:4] == b"\x7fELF"
        assert struct.unpack("<H", part[18:20]) == (183,), "EM_AARCH64"
    if architecture() != "aarch64":
        with pytest.raises(ModelFileError, match=r"is machine code for aarch64 \(cortex-a72\), and this machine is "):
            runtime_for(file).open(file, 1)


def unpacked(content: bytes) -> list[bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [entry.read() for member in tar if (entry := tar.extractfile(member))]


@pytest.mark.skipif(architecture() != "x86_64", reason="the objects are for x86-64")
def test_objects_are_linked_on_the_device_or_it_says_what_to_install(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a board that gets code for which there was no linker where it was made."""
    out, path = tmp_path / "net.tvm", os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    cross_compile_onnx(net, out, triple="x86_64-linux-gnu")
    with zipfile.ZipFile(out) as archive:
        assert sorted(archive.namelist()) == ["dlom-tvm.json", "lib.tar"]
    with pytest.raises(ModelFileError, match=r"there is no C compiler here \(gcc, g\+\+, cc, clang\); install gcc"):
        runtime_for(out).open(out, 1)
    monkeypatch.setenv("PATH", path)
    assert scores(out, inputs(3)) == pytest.approx(scores(net, inputs(3)), abs=1e-5)
    np.savez(tmp_path / "data.npz", x=inputs(40))
    assert measure(out, tmp_path / "data.npz", seconds=0.2, trusted=True).arithmetic == "float32"


def test_without_a_c_compiler_it_says_what_to_install(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for work in (compile_onnx, tune_onnx):
        with pytest.raises(ConversionError, match=r"there is none here .* install gcc \(Debian and Ubuntu: apt"):
            work(net, tmp_path / "net.tvm")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("trials", "seconds"), [(0, MINUTES), (8, 0.0)])
def test_a_tuning_without_trials_or_time_is_refused(net: Path, tmp_path: Path, trials: int, seconds: float) -> None:
    with pytest.raises(ConversionError, match="are no tuning; give at least one trial and some time, or compile it un"):
        tune_onnx(net, tmp_path / "net.tvm", trials=trials, seconds=seconds)


def test_a_network_that_tvm_does_not_take_is_refused_with_the_reason(tmp_path: Path) -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    with pytest.raises(GraphError, match=r"inputs of shape 1 × 3 × any × any; TVM needs fixed sizes"):
        load(onnx_net(tmp_path, relu, shape=(1, 3, "height", "width")), tmp_path)
    two = onnx.load(onnx_net(tmp_path, relu))
    two.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, (1,)))
    onnx.save(two, tmp_path / "two.onnx")
    with pytest.raises(GraphError, match=r"two\.onnx has 2 inputs and 1 outputs"):
        load(tmp_path / "two.onnx", tmp_path)
    outside = onnx.load(onnx_net(tmp_path, helper.make_node("Add", ["x", "w"], ["y"]), w=np.zeros(4, np.float32)))
    outside.graph.initializer[0].CopyFrom(elsewhere())
    (tmp_path / "outside.onnx").write_bytes(outside.SerializeToString())
    with pytest.raises(GraphError, match=r"keeps weights in another file \(\.\./\.\./secret\)"):
        load(tmp_path / "outside.onnx", tmp_path)


def elsewhere() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    return tensor


def test_a_file_that_is_no_network_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("Dear colleague, the model follows by post.")
    with pytest.raises(ConversionError, match=r"net\.onnx was not compiled: net\.onnx: it is cut off or not ONNX"):
        compile_onnx(tmp_path / "net.onnx", tmp_path / "net.tvm")
    with pytest.raises(ConversionError, match=r"there is no file gone\.onnx to compile"):
        compile_onnx(tmp_path / "gone.onnx", tmp_path / "net.tvm")
    assert [f.name for f in tmp_path.iterdir()] == ["net.onnx"]


def test_the_processor_is_found_or_named_by_a_triple() -> None:
    assert target_words("aarch64-linux-gnu")["mcpu"] == "cortex-a72"
    assert target_words("x86_64-linux-gnu")["mcpu"] == "x86-64-v3"
    assert "mtriple" not in target_words(None)
    with pytest.raises(GraphError, match="code for riscv64-linux-gnu is not made; take aarch64-linux-gnu or x86_64"):
        target_words("riscv64-linux-gnu")


def marked(mark: str) -> set[str]:
    """The processes whose environment has the mark, by id."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.add(folder.name)
        except OSError:  # another's, or gone
            continue
    return found


@pytest.mark.slow  # 2 minutes on an idle machine: 8 trials, then a second tuning from their records
def test_tuned_code_computes_the_same_and_a_second_tuning_goes_on_from_its_records(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    out, records = tmp_path / "net.tvm", tmp_path / "records"
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))  # handed on to every process of TVM
    seen: set[str] = set()

    def told(event: Event) -> None:
        events.append(event)
        seen.update(marked(str(tmp_path)))

    header = tune_onnx(net, out, trials=8, seconds=5 * MINUTES, records=records, told=told)
    assert len(seen) >= 2, "the tuner, and a runner of what is tried"
    assert header.tuned
    assert 1 <= header.operators_tuned <= header.operators == 3, "two convolutions and one matrix product"
    assert header.trials == 8
    assert scores(out, inputs(16)) == pytest.approx(scores(net, inputs(16)), abs=1e-5)
    assert isinstance(events[0], Started) and isinstance(events[-1], Finished)
    steps = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in steps] == sorted({event.done for event in steps})
    assert steps[-1].done == steps[-1].total == 8
    assert "of 3 operators tuned, together 0." in steps[-1].detail
    assert marked(str(tmp_path)) == set(), "nothing stays behind"
    again = tune_onnx(net, out, trials=1, seconds=0.1, records=records)
    assert (again.trials, again.operators_tuned) == (0, header.operators_tuned), "no time for a trial, but for those"


@pytest.mark.slow  # 1 minute
def test_a_tuning_that_has_no_time_for_a_trial_does_not_pass_off_untuned_code(net: Path, tmp_path: Path) -> None:
    events = tuning(net, tmp_path / "net.tvm", trials=8, seconds=0.1)
    assert next(events) == Started("Tuning", 8)
    with pytest.raises(ConversionError, match=r"the time was over .*\. Allow more time and trials, or compile it untu"):
        next(events)
    assert list(tmp_path.iterdir()) == []
