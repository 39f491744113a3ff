"""MLPerf Tiny v1.2: what is one inference, and what is not."""

from collections.abc import Mapping
from datetime import date

import pytest

from ontology.records import Model, Performance, Record
from repository.sources.mlperf_tiny import performance
from repository.sources.rows import table
from repository.sources.shelf import FACTS
from tests.repository.sources.conftest import Rows, by_name


@pytest.fixture(scope="module")
def tiny_mlperf(rows: Rows) -> Mapping[str, Record]:
    return by_name(rows, "mlperf-tiny-1.2")


def test_a_microcontroller(tiny_mlperf: Mapping[str, Record]) -> None:
    """NUCLEO-L4R5ZI, image classification: 6.056 inferences a second, 6919.375 µJ each, 87.0 %."""
    model = tiny_mlperf["Model:mlperf-tiny-nucleo_l4r5zi-ic"]
    assert isinstance(model, Model)
    assert (model.network, model.device, model.runtime) == ("resnet-8-mlperf-tiny", "nucleo-l4r5zi", "x-cube-ai-cpu")
    assert (model.purpose, model.optimization) == ("image-classification", "unstated")
    run, quality = (tiny_mlperf[f"Performance:mlperf-tiny-nucleo_l4r5zi-ic-{kind}"] for kind in ("run", "quality"))
    assert isinstance(run, Performance)
    assert isinstance(quality, Performance)
    assert (run.throughput_per_s, run.inference_latency_ms, run.energy_mj) == (6.056, 165.1255, 6.919375)
    assert run.inference_latency_ms == pytest.approx(1000 / 6.056, abs=1e-4)
    assert (run.runtime_version, run.obtained) == ("X-CUBE-AI v9.0", date(2024, 4, 17))
    assert (quality.accuracy_percent, quality.metric, quality.test_set) == (87.0, "top-1", "cifar10-mlperf-tiny")


def test_auc_keeps_its_name(tiny_mlperf: Mapping[str, Record]) -> None:
    quality = tiny_mlperf["Performance:mlperf-tiny-nucleo_l4r5zi-ad-quality"]
    assert isinstance(quality, Performance)
    assert (quality.metric_value, quality.metric, quality.accuracy_percent) == (0.86, "auc", None)
    model = tiny_mlperf["Model:mlperf-tiny-nucleo_l4r5zi-ad"]
    assert isinstance(model, Model)
    assert model.purpose == "anomaly-detection"


@pytest.mark.parametrize(
    ("system", "optimization", "runtime"),
    [
        ("nucleo_h7a3zi_int8_min_ram-ic", "int8", "bosch-hale-cpu"),
        ("nucleo_h7a3zi_float-ic", "float", "bosch-hale-cpu"),
        ("syntiant_9120_0v9_30mhz-kws", "unstated", "syntiant-sdk-npu"),
        ("vcu128-vww", "unstated", "self-developed-npu"),
        ("lc236r5e176_board_v2.0-ic", "unstated", "self-developed-cpu"),
        ("ek-ra8d1-kws", "unstated", "unstated"),
    ],
)
def test_precision_and_runtime_only_where_told(
    system: str, optimization: str, runtime: str, tiny_mlperf: Mapping[str, Record]
) -> None:
    model = tiny_mlperf[f"Model:mlperf-tiny-{system}"]
    assert isinstance(model, Model)
    assert (model.optimization, model.runtime) == (optimization, runtime)


def test_two_printed_names_of_one_board(tiny_mlperf: Mapping[str, Record]) -> None:
    models = [tiny_mlperf[f"Model:mlperf-tiny-nucleo_h7a3zi{system}-ic"] for system in ("_q", "_int8")]
    assert {m.device for m in models if isinstance(m, Model)} == {"nucleo-h7a3zi"}


def test_the_energy_of_a_stream_is_not_that_of_an_inference() -> None:
    """Version 1.2 has no streaming row; one of a later edition, as it would be printed."""
    _, row = next(table(FACTS, "mlperf_tiny_v1_2.csv"))
    streaming = {**row, "benchmark": "sww", "energy_uj": "51000", "throughput_inf_per_s": "", "latency_ms_derived": ""}
    run = performance(streaming)
    assert run.energy_mj is None
    assert "51000 µJ for the whole stream" in (run.source_detail or "")
    assert performance({**row, "energy_uj": "51000"}).energy_mj == 51.0
