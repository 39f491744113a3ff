"""Lee, Lee and Lee 2022: literature without a device, and a latency that cannot be one of an inference."""

from collections.abc import Mapping

import pytest

from ontology.records import Grade, Model, Optimization, Performance, Record, TrainedNetwork
from repository.sources.names import Names
from tests.repository.sources.conftest import Rows, by_name


@pytest.fixture(scope="module")
def lee(rows: Rows) -> Mapping[str, Record]:
    return by_name(rows, "lee-2022")


def test_a_row_of_table_6(lee: Mapping[str, Record]) -> None:
    """ResNet50, CIFAR10, no optimization: 80.7 %, 94,052 KB, 177 ms."""
    model, figures = lee["Model:lee-2022-resnet50-cifar10-nq"], lee["Performance:lee-2022-resnet50-cifar10-nq-table"]
    assert isinstance(model, Model)
    assert isinstance(figures, Performance)
    assert (model.network, model.optimization, model.device, model.runtime) == ("resnet-50", "float", None, "litert")
    assert (figures.accuracy_percent, figures.test_set, figures.samples) == (80.7, "cifar10-test", 10_000)
    assert (figures.evidence, figures.current) == (Grade.LITERATURE, True)
    assert figures.size_kib == pytest.approx(94_052 * 1000 / 1024, abs=1e-3)


def test_printed_kilobytes_are_1000_bytes(lee: Mapping[str, Record]) -> None:
    # One hundred classes instead of ten: 90 × (2048 weights + 1) more numbers of 4 bytes.
    ten, hundred = (lee[f"Performance:lee-2022-resnet50-cifar{n}-nq-table"] for n in ("10", "100"))
    assert isinstance(ten, Performance)
    assert isinstance(hundred, Performance)
    assert ten.size_kib is not None
    assert hundred.size_kib is not None
    assert (hundred.size_kib - ten.size_kib) * 1024 == pytest.approx(90 * 2049 * 4, abs=500)


def test_the_printed_latency_never_becomes_one_of_an_inference(lee: Mapping[str, Record]) -> None:
    figures = lee["Performance:lee-2022-mobilenet-v2-cifar10-nq-table"]
    assert isinstance(figures, Performance)
    assert figures.printed_latency_ms == 11
    assert "latency printed as 11 ms for 10,000 validation images" in (figures.source_detail or "")
    every = [r for r in lee.values() if isinstance(r, Performance)]
    assert not any(r.inference_latency_ms or r.system_latency_ms or r.throughput_per_s for r in every)
    assert sum(r.printed_latency_ms is not None for r in every) == 112 - 5


def test_digits_that_cannot_be_split_give_no_size_and_no_latency(lee: Mapping[str, Record]) -> None:
    """Table 13 prints 60.519250: 60.5 % is sure, 1925|0 or 192|50 is not."""
    figures = lee["Performance:lee-2022-wrn-cifar100-nq-table"]
    assert isinstance(figures, Performance)
    assert (figures.accuracy_percent, figures.size_kib, figures.printed_latency_ms) == (60.5, None, None)
    assert "cannot be split surely" in (figures.source_detail or "")


def test_distillation_is_a_model_of_its_own_and_repeats_are_merged(lee: Mapping[str, Record], rows: Rows) -> None:
    taught, alone = (lee[f"Model:lee-2022-mobilenet-v1-cifar10-nq{kd}"] for kd in ("-kd", ""))
    assert isinstance(taught, Model)
    assert isinstance(alone, Model)
    assert (taught.optimization, alone.optimization) == ("knowledge-distillation", "float")
    assert taught.trained_network != alone.trained_network
    network = lee[f"TrainedNetwork:{taught.trained_network}"]
    assert network.label == "MobileNet v1 on CIFAR10, taught by ResNet54 (Lee et al. 2022)"
    merged = [row.number for row in rows["lee-2022"] if row.outcome == "merged"]
    assert merged == [105, 107, 109, 111, 113, 115, 117, 119]  # Table 14, the rows without distillation


def test_setups_are_techniques(names: Names, lee: Mapping[str, Record]) -> None:
    known = {r.name: r.technique for r in names.identities() if isinstance(r, Optimization)}
    used = {r.optimization for r in lee.values() if isinstance(r, Model) and r.optimization}
    assert {name: known[name] for name in sorted(used)} == {
        "baseline-quantization": ("baseline-quantization",),
        "float": (),
        "float16-quantization": ("float16-quantization",),
        "float16-quantization-knowledge-distillation": ("float16-quantization", "knowledge-distillation"),
        "full-integer-quantization": ("full-integer-quantization",),
        "knowledge-distillation": ("knowledge-distillation",),
        "pruning": ("pruning",),
        "pruning-baseline-quantization": ("pruning", "baseline-quantization"),
        "pruning-knowledge-distillation": ("pruning", "knowledge-distillation"),
        "quantization-aware-training": ("quantization-aware-training",),
    }


def test_table_12_is_of_networks_alone(lee: Mapping[str, Record]) -> None:
    """MobileNet V3-Large 1.0: 75.2 %, 219M multiply-adds, 5.4M parameters."""
    network = lee["TrainedNetwork:lee-2022-table-12-mobilenet-v3-large-1.0"]
    assert isinstance(network, TrainedNetwork)
    assert (network.network, network.macs, network.parameters) == ("mobilenet-v3-large", 219_000_000, 5_400_000)
    accuracy = lee[f"Performance:{(network.performance or ('',))[0]}"]
    assert isinstance(accuracy, Performance)
    assert (accuracy.accuracy_percent, accuracy.test_set) == (75.2, "imagenet-val")
    assert not any(isinstance(r, Model) and "table-12" in r.name for r in lee.values())
