"""Keras Applications: two versions of one page."""

from collections.abc import Mapping

import pytest

from ontology.records import Model, Performance, Record, TrainedNetwork
from tests.repository.sources.conftest import Rows, by_name


@pytest.fixture(scope="module")
def keras(rows: Rows) -> Mapping[str, Record]:
    return by_name(rows, "keras-applications")


def test_steps_of_a_batch_are_a_throughput(keras: Mapping[str, Record]) -> None:
    """Xception on the A100: 8.06 ms for a step of 32 pictures; 88 MB."""
    run = keras["Performance:keras-xception-nvidia-a100-run"]
    assert isinstance(run, Performance)
    assert run.throughput_per_s == pytest.approx(32 / 0.00806, rel=1e-4)
    assert (run.inference_latency_ms, run.printed_latency_ms, run.batch_size) == (None, 8.06, 32)
    assert (run.size_kib, run.current) == (88 * 1024, True)


def test_the_older_page_is_history(keras: Mapping[str, Record]) -> None:
    """77.47 ms on one of two processors, at a batch that the page does not tell."""
    run = keras["Performance:keras-xception-intel-xeon-2-30-ghz-tesla-k80-run"]
    assert isinstance(run, Performance)
    assert (run.current, run.printed_latency_ms) == (False, 77.47)
    assert (run.inference_latency_ms, run.throughput_per_s, run.batch_size) == (None, None, None)
    assert "which processor ran" in (run.source_detail or "")
    model = keras["Model:keras-xception-intel-xeon-2-30-ghz-tesla-k80"]
    assert isinstance(model, Model)
    assert model.runtime == "keras"  # on an unknown unit
    assert sum(isinstance(r, Performance) and not r.current for r in keras.values()) == 26


def test_accuracy_is_of_the_weights(keras: Mapping[str, Record]) -> None:
    printed, carried = (keras[f"Performance:keras-xception-{kind}"] for kind in ("accuracy", "carried"))
    assert isinstance(printed, Performance)
    assert isinstance(carried, Performance)
    assert (printed.accuracy_percent, printed.top5_accuracy_percent, printed.test_set) == (79.0, 94.5, "imagenet-val")
    assert carried.carried_from == printed.name
    network = keras["TrainedNetwork:keras-xception"]
    assert isinstance(network, TrainedNetwork)
    assert (network.network, network.parameters, network.layers) == ("xception", 22_910_480, 126)
    assert (network.training_data_set, network.performance) == ("imagenet", (printed.name,))


def test_efficientnets_print_no_accuracy(keras: Mapping[str, Record]) -> None:
    model = keras["Model:keras-efficientnetb0-nvidia-a100"]
    assert isinstance(model, Model)
    assert (model.network, model.performance) == ("efficientnet-b0", ("keras-efficientnetb0-nvidia-a100-run",))
    assert "Performance:keras-efficientnetb0-accuracy" not in keras
