from ontology.records import Cloud, Device, Grade, Model, Performance, Record, TrainedNetwork
from repository.sources.names import Names
from tests.repository.sources.conftest import Rows


def records(rows: Rows) -> list[Record]:
    return [record for row in rows["dlom2-paper"] for _, record in row.records]


def test_the_card_as_the_paper_declares_it(rows: Rows) -> None:
    (model,) = (record for record in records(rows) if isinstance(record, Model))
    assert model == Model(
        name="dlom2-skin-cancer-resnet-50-raspberry-pi-3",
        label="ResNet-50 for skin cancer on Raspberry Pi 3.0 (DLOM² paper)",
        source="dlom2-paper",
        network="resnet-50",
        optimization="unstated",
        device="dlom2-raspberry-pi-3",
        runtime="unstated",
        cloud="dlom2-google-tpu",
        purpose="object-detection",
        application_area=("skin-cancer",),
        year_created=2019,
        number_of_devices=6,
        declared_total_cost_usd=12_315,
        other_cost_usd=7604.28,  # 12,315 − 6 × 785.12
        declared_rating=3.9,
        performance=("dlom2-skin-cancer-resnet-50-raspberry-pi-3-card",),
    )


def test_the_card_s_figures(rows: Rows) -> None:
    (card,) = (record for record in records(rows) if isinstance(record, Performance))
    assert (card.inference_latency_ms, card.system_latency_ms) == (123, 340)
    assert (card.accuracy_percent, card.metric, card.test_set) == (94.356, "accuracy", None)
    assert card.stability_percent == 89
    assert card.average_memory_mib == 5_600_000 / 2**20  # printed as 5.6 MB
    assert card.evidence is Grade.DECLARED


def test_the_card_s_device_is_not_the_real_one(rows: Rows, names: Names) -> None:
    (device,) = (record for record in records(rows) if isinstance(record, Device))
    assert (device.name, device.price_usd, device.price_evidence) == ("dlom2-raspberry-pi-3", 785.12, Grade.DECLARED)
    identity = next(r for r in names.identities() if isinstance(r, Device) and r.name == device.name)
    assert identity.variant_of == "raspberry-pi-3-model-b"
    (real,) = (r for row in rows["device-specifications"] for _, r in row.records if r.name == "raspberry-pi-3-model-b")
    assert isinstance(real, Device)
    assert real.price_usd == 35


def test_cloud_and_main_network(rows: Rows) -> None:
    (cloud,) = (record for record in records(rows) if isinstance(record, Cloud))
    assert (cloud.name, cloud.kind, cloud.price_usd_per_hour) == ("dlom2-google-tpu", "TPU", None)
    (network,) = (record for record in records(rows) if isinstance(record, TrainedNetwork))
    assert (network.network, network.activation, network.inputs, network.outputs) == ("resnet-50", "SoftMax", 300, 300)


def test_what_is_written_elsewhere_says_where(rows: Rows) -> None:
    reasons = {row.reason for row in rows["dlom2-paper"] if row.outcome == "merged"}
    assert reasons == {
        "is examples/abc-medical.json",
        "is the wizard's fields",
        "is the wizard's comparisons of objectives",
        "one more line about dlom2-skin-cancer-resnet-50-raspberry-pi-3",
        "one more line about dlom2-resnet-50",
        "written in ontology/dlom.ttl",
    }
