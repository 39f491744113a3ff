"""A small version of `./dlom bench inference`: real files, two rounds; and its tables, from figures made by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import inference
from bench.agreement import LOOP, Pair, Pairs, agreement, line
from bench.inference import CNN, RESNET, Result, Sizes, beside_the_report, of_network, result, share_of_peak, times
from bench.inference_engines import PREDICT, Found
from bench.inference_nets import NETS, Files, Made, examples
from bench.roofline import Peaks
from device.timing import Timing

PEAKS = Peaks(100.0, "a", 400.0, "b")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The report's CNN on 8×8 digits after one epoch, in three formats."""
    sizes = Sizes(rounds=2, examples=100, epochs=1, data="digits", formats=("tflite", "fiq", "onnx"))
    return result(CNN, tmp_path_factory.mktemp("inference"), sizes)


def test_every_format_runs_with_every_runtime_that_takes_it(small: Result) -> None:
    ran = [("tflite", "litert-cpu"), ("fiq", "litert-cpu"), ("onnx", "onnx-runtime-cpu"), ("onnx", "openvino-cpu")]
    assert list(small.found) == ran
    assert {case: found.fault for case, found in small.found.items()} == dict.fromkeys(ran, "")
    assert [small.found[case].arithmetic for case in ran] == ["float32", "int8", "float32", "float32"]
    floats = {small.found[case].accuracy_percent for case in ran if case[0] != "fiq"}
    assert len(floats) == 1  # the same network, whatever runs it
    # 8×8: 64 positions × 25 × 9, 16 × 64 × 225, 4 × 64 × 576, then 64 × 64, 64 × 32 and 32 × 10 in the dense layers.
    assert small.files.macs == 64 * 225 + 16 * 14_400 + 4 * 36_864 + 64 * 64 + 64 * 32 + 32 * 10


def test_both_sides_of_a_pair_time_the_same_file(small: Result) -> None:
    files = {m.format: Path(m.file) for m in small.files.made if m.format in ("fiq", "onnx")}
    found = agreement(files, small.files.data, Pairs(2, 0.05))
    assert [cells[:2] for cells in found.cells] == [("fiq", "2"), ("onnx", "2")]
    assert all(0.2 < float(cells[4]) < 5 for cells in found.cells)


def test_the_loop_imports_nothing_of_ours() -> None:
    code = f"import runpy, sys; runpy.run_path({str(LOOP)!r}); print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=os.sep, timeout=60
    )
    rooms = {"bench", "device", "optimizer", "ontology", "repository", "dss", "flow"}
    assert rooms.isdisjoint(name.partition(".")[0] for name in told.stdout.split())


def timed(ms: float) -> Found:
    return Found(Timing(ms, 2 * ms, 3 * ms, 10, 0.0), 90.0, "float32")


def by_hand(found: dict[tuple[str, str], Found], made: tuple[Made, ...]) -> Result:
    return Result(Files(Path(), "by hand", 5_000_000, made), found)


def test_a_row_tells_how_many_times_as_fast_and_the_share_of_the_peak() -> None:
    # 5 million multiply-accumulates in 0.1 ms are 50 · 10⁹ a second: half of 100.
    found = {("h5", "keras-cpu"): timed(0.3), ("h5", PREDICT): timed(30.0), ("onnx", "onnx-runtime-cpu"): timed(0.1)}
    made = Made("h5", "a.h5", 10.0, 5_000_000), Made("onnx", "a.onnx", 10.0), Made("tvm", fault="no compiler")
    table = of_network("by hand", by_hand(found, made), PEAKS)
    assert table.cells[2] == (
        "onnx", "onnx-runtime-cpu", "float32", "90.00", "10", "5", "0.1", "0.2", "3.00 ×", "300 ×", "1.00 ×",
        "50.00 % f32",
    )  # fmt: skip
    assert "tvm was not made: no compiler" in table.notes
    assert max(len(cell) for cells in table.cells for cell in cells) < 25


def test_what_failed_is_a_note_and_what_is_for_a_board_has_no_time() -> None:
    made = Made("onnx", "a.onnx", 10.0), Made("tvm-aarch64", "a.tvm", 20.0)
    table = of_network("by hand", by_hand({("onnx", "openvino-cpu"): Found(fault="it crashed")}, made), PEAKS)
    assert [cells[:2] for cells in table.cells] == [("tvm-aarch64", "for a board")]
    assert "onnx with openvino-cpu failed: it crashed" in table.notes


def test_integers_are_held_against_the_peak_of_integers_and_what_has_none_is_not_guessed() -> None:
    assert share_of_peak(5_000_000, 0.1, "int8", PEAKS) == "12.50 % i8"
    assert share_of_peak(5_000_000, 0.1, "bfloat16", PEAKS) == "–"
    assert share_of_peak(None, 0.1, "float32", PEAKS) == "–"


def test_more_than_the_peak_is_told_as_a_disturbance() -> None:
    made = (Made("onnx", "a.onnx", 10.0),)
    table = of_network("by hand", by_hand({("onnx", "onnx-runtime-cpu"): timed(0.01)}, made), PEAKS)
    assert table.cells[0][-1] == "500 % f32"
    assert any("others worked" in note for note in table.notes)


def test_agreement_with_keras_is_told_of_trained_networks_only() -> None:
    made = (Made("fiq", "a.tflite", 10.0, difference=0.01, agreement=99.5),)
    notes = of_network("by hand", by_hand({("fiq", "litert-cpu"): timed(0.1)}, made), PEAKS).notes
    assert notes[-1] == "the same prediction as Keras: fiq 99.5 %"
    untrained = Found(timed(0.1).timing, None, "int8")
    notes = of_network("by hand", by_hand({("fiq", "litert-cpu"): untrained}, made), PEAKS).notes
    assert not any("prediction" in note for note in notes)


def test_without_data_the_weights_are_random_and_the_table_says_why() -> None:
    data, said = examples(NETS[CNN], "no-such-file.npz")
    assert (data.name, data.input_shape) == ("random", (28, 28, 1))
    assert said.startswith("random weights and inputs, so nothing is said of accuracy (")
    assert "no-such-file.npz" in said


def test_the_reports_gains_are_those_that_it_prints() -> None:
    cnn = by_hand(
        {("h5", "keras-cpu"): timed(0.3), ("h5", PREDICT): timed(30), ("onnx", "onnx-runtime-cpu"): timed(0.1)}, ()
    )
    resnet = by_hand({("tvm", "tvm-cpu"): timed(300), ("tvm-tuned", "tvm-cpu"): timed(200)}, ())
    table = beside_the_report(cnn, resnet)
    assert [cells[1:] for cells in table.cells] == [
        ("3.764 → 0.6173", "6.10 ×", "30 → 0.1", "300 ×"),
        ("–", "–", "0.3 → 0.1", "3.00 ×"),
        ("–", "–", "0.3 → 0.1", "3.00 ×"),
        ("636.9 → 454", "1.40 ×", "300 → 200", "1.50 ×"),
        ("–", "–", "– → 200", "–"),
    ]
    assert "onnx with onnx-runtime-cpu (our fastest)" in table.cells[2][0]


def test_five_percent_of_the_median_ratio_decides() -> None:
    assert line("a", [Pair(1.04, 1.0), Pair(1.0, 1.0), Pair(9.0, 1.0)])[4:] == ("1.040", "1.020–5.020", "yes")
    assert line("a", [Pair(0.9, 1.0), Pair(0.94, 1.0)])[-1] == "NO"
    assert times(3.7643, 0.6173) == "6.10 ×"
    assert times(None, 1.0) == times(1.0, None) == "–"


def test_sizes_come_from_the_environment() -> None:
    sizes = Sizes.from_environment({"DLOM_BENCH_TUNING_MINUTES": "2", "DLOM_BENCH_NETS": "resnet"})
    assert (sizes.tuning_minutes, sizes.nets, sizes.rounds) == (2.0, (RESNET,), 10)
    with pytest.raises(ValueError, match="there are report-cnn,mobilenet,resnet"):
        Sizes.from_environment({"DLOM_BENCH_NETS": "vgg"})
    assert sum(inference.TUNING_SHARE.values()) == pytest.approx(1)
