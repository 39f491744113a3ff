"""PyTorch Image Models: rows picked by eye from the two tables, and their traps."""

from collections.abc import Mapping

import pytest

from ontology.records import Grade, Model, Performance, Record, TrainedNetwork
from repository.sources.rows import table
from repository.sources.shelf import FACTS
from repository.sources.timm import millions
from tests.repository.sources.conftest import Rows, by_name

Records = Mapping[str, Record]


@pytest.fixture(scope="module")
def timm(rows: Rows) -> Records:
    return by_name(rows, "timm-aa4b5850")


def performance(records: Records, name: str) -> Performance:
    found = records[f"Performance:timm-{name}"]
    assert isinstance(found, Performance)
    return found


def model(records: Records, name: str) -> Model:
    found = records[f"Model:timm-{name}"]
    assert isinstance(found, Model)
    return found


def test_a_picture_at_a_time_on_a_laptop(timm: Records) -> None:
    """Line 426 of the table: resnet50 at 224 pixels, 30.48 pictures a second, 32.78 ms."""
    chosen = model(timm, "resnet50-224-intel-core-i7-12700h-laptop-cpu")
    assert (chosen.network, chosen.optimization, chosen.runtime) == ("resnet-50", "float", "pytorch-dynamo-cpu")
    assert (chosen.licence, chosen.commercial_use) == (None, None)  # the weights' own licence is not printed
    run = performance(timm, "resnet50-224-intel-core-i7-12700h-laptop-cpu-run")
    assert (run.inference_latency_ms, run.throughput_per_s, run.batch_size) == (32.78, 30.48, 1)
    assert (run.size_kib, run.evidence, run.runtime_version) == (99_844, Grade.PUBLISHED, "PyTorch 2.4.0 dynamo")
    assert run.size_kib == pytest.approx(25.56e6 * 4 / 1024, rel=1e-4)  # derived from the parameters
    assert run.accuracy_percent is None


def test_a_batch_on_a_graphics_card_has_no_latency(timm: Records) -> None:
    """Line 2935: mobilenetv3_large_100, 1024 pictures take 91.947 ms: 11,135.72 a second."""
    run = performance(timm, "mobilenetv3_large_100-224-nvidia-rtx-3090-run")
    assert (run.inference_latency_ms, run.throughput_per_s, run.batch_size) == (None, 11_135.72, 1024)
    assert run.printed_latency_ms == 91.947
    assert run.throughput_per_s == pytest.approx(1024 / 0.091947, rel=1e-3)
    assert "1024 pictures at a time take 91.947 ms" in (run.source_detail or "")
    every = [r for r in timm.values() if isinstance(r, Performance) and r.batch_size]
    assert len(every) == 5762
    assert all((r.inference_latency_ms is not None) == (r.batch_size == 1) for r in every)
    assert sum(r.batch_size == 1 for r in every) == 1440 + 1435  # the two processors


def test_accuracy_is_of_the_weights_and_carried_to_what_was_measured(timm: Records) -> None:
    """Line 1268 of the accuracies: 77.920 % and 92.894 %, at 224 pixels."""
    weights = "mobilenetv3_large_100.miil_in21k_ft_in1k-224"
    printed = performance(timm, f"{weights}-accuracy")
    assert (printed.accuracy_percent, printed.top5_accuracy_percent) == (77.92, 92.894)
    assert (printed.metric, printed.test_set, printed.carried_from) == ("top-1", "imagenet-val", None)
    trained = timm[f"TrainedNetwork:timm-{weights}"]
    assert isinstance(trained, TrainedNetwork)
    assert (trained.network, trained.parameters, trained.macs) == ("mobilenet-v3-large", 5_480_000, 230_000_000)
    assert trained.performance == (printed.name,)
    assert trained.training_data_set is None  # these weights saw more than ImageNet-1k
    chosen = model(timm, "mobilenetv3_large_100-224-nvidia-rtx-3090")
    carried = performance(timm, f"{weights}-carried")
    assert chosen.performance == ("timm-mobilenetv3_large_100-224-nvidia-rtx-3090-run", carried.name)
    assert (carried.accuracy_percent, carried.carried_from) == (77.92, printed.name)


def test_weights_that_nobody_measured_are_a_trained_network_alone(timm: Records) -> None:
    """Line 1375: the same weights at 224 pixels as well as at 256; only the latter were the best of their size."""
    assert performance(timm, "mobilenetv3_large_100.ra4_e3600_r224_in1k-224-accuracy").accuracy_percent == 76.31
    assert performance(timm, "mobilenetv3_large_100.ra4_e3600_r224_in1k-256-accuracy").accuracy_percent == 77.182
    assert "Performance:timm-mobilenetv3_large_100.ra4_e3600_r224_in1k-256-carried" in timm
    assert "Performance:timm-mobilenetv3_large_100.ra4_e3600_r224_in1k-224-carried" not in timm
    assert not any(isinstance(r, Model) and "ra4_e3600" in r.name for r in timm.values())


def test_an_architecture_without_weights_has_speed_and_size_only(timm: Records) -> None:
    """Line 1390: eva_giant_patch14_clip_224, 1012.59M parameters, no accuracy."""
    chosen = model(timm, "eva_giant_patch14_clip_224-224-intel-core-i7-12700h-laptop-cpu")
    assert chosen.performance == (f"{chosen.name}-run",)
    trained = timm[f"TrainedNetwork:{chosen.trained_network}"]
    assert isinstance(trained, TrainedNetwork)
    assert (trained.parameters, trained.weights_name, trained.performance) == (1_012_590_000, None, None)


def test_every_carried_accuracy_is_the_one_printed_beside_the_speed(timm: Records) -> None:
    for _, row in table(FACTS, "timm_measured.csv"):
        if row["accuracy_weights"]:
            carried = performance(timm, f"{row['accuracy_weights']}-{row['infer_img_size']}-carried".lower())
            assert carried.accuracy_percent == float(row["top1_accuracy_percent"])
            assert carried.top5_accuracy_percent == float(row["top5_accuracy_percent"])


def test_millions_as_printed() -> None:
    assert [millions(text) for text in ("25.56", "0.46", "1,014.45", "")] == [25_560_000, 460_000, 1_014_450_000, None]
