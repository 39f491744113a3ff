import shutil
from pathlib import Path

import pytest

from ontology.records import DataSet, Device, Network, Optimization
from repository.sources.names import Names, UnknownName
from repository.sources.shelf import NAMES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tables that a test may spoil."""
    return Path(shutil.copytree(NAMES, tmp_path / "names"))


def append(folder: Path, table: str, line: str) -> None:
    with (folder / table).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def test_two_printed_names_of_one_device_are_one_device(names: Names) -> None:
    assert names.device("Qualcomm Dragonwing RB3 Gen 2 Vision Kit") == "dragonwing-rb3-gen-2-vision-kit"
    assert names.device("Dragonwing RB3 Gen 2 Vision Kit") == "dragonwing-rb3-gen-2-vision-kit"
    assert ("dev", "dragonwing-rb3-gen-2-vision-kit", "Qualcomm Dragonwing RB3 Gen 2 Vision Kit") in set(
        names.alternative_names()
    )


def test_sources_meet_in_one_network(names: Names) -> None:
    assert names.network("aihub-0.46.1", "resnet50") == names.network("dlom2-paper", "ResNet-50") == "resnet-50"
    assert names.network("aihub-0.46.1", "whisper_small") == names.network("aihub-0.46.1", "whisper_small_quantized")


@pytest.mark.parametrize(
    ("look_up", "table"),
    [
        (lambda n: n.device("Nokia 3310"), "devices.csv"),
        (lambda n: n.network("aihub-0.46.1", "resnet9000"), "networks.csv"),
        (lambda n: n.network("elsewhere", "resnet50"), "networks.csv"),
        (lambda n: n.data_set("imagenet", "validation split", 999), "data_sets.csv"),
        (lambda n: n.runtime("tflite", "DSP"), "runtimes.csv"),
        (lambda n: n.optimization("w2a2"), "optimizations.csv"),
        (lambda n: n.optimization(""), "optimizations.csv"),
        (lambda n: n.purpose("Juggling"), "purposes.csv"),
        (lambda n: n.metric("Classification Accuracy", "dB"), "metrics.csv"),
        (lambda n: n.licence("secret"), "licences.csv"),
        (lambda n: n.area("Circus"), "areas.csv"),
    ],
)
def test_unknown_printed_name_says_which_table_to_add_it_to(names: Names, look_up, table: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnknownName, match=rf"add a row for it to facts/names/{table}"):
        look_up(names)


def test_one_architecture_whoever_trained_it(names: Names) -> None:
    mobilenet = [("aihub-0.46.1", "mobilenet_v2"), ("timm-aa4b5850", "mobilenetv2_100"), ("lee-2022", "MobileNet v2")]
    assert {names.network(*printed) for printed in mobilenet} == {"mobilenet-v2"}
    assert names.network("keras-applications", "MobileNetV2") == "mobilenet-v2"
    assert names.network("timm-aa4b5850", "legacy_xception") == names.network("keras-applications", "Xception")
    # Near is not the same: 6.26M and 6.43M parameters, other padding, a network twice as large.
    assert names.network("timm-aa4b5850", "regnety_008") != names.network("aihub-0.46.1", "regnet_y_800mf")
    assert names.network("timm-aa4b5850", "tf_efficientnet_b0") != names.network("timm-aa4b5850", "efficientnet_b0")
    assert names.network("lee-2022", "MobileNet v3 small") != names.network("lee-2022", "MobileNet V3-Small")


def test_servers_and_graphics_cards_are_reference_devices(names: Names) -> None:
    devices = {record.name: record for record in names.identities() if isinstance(record, Device)}
    assert all(device.reference_device is not None for device in devices.values())
    assert sorted(name for name, device in devices.items() if device.reference_device) == [
        "amd-epyc-with-ibpb-92-cores",
        "intel-xeon-2-30-ghz-tesla-k80",
        "nvidia-a100",
        "nvidia-rtx-3090",
        "nvidia-rtx-4090",
    ]


def test_subset_is_a_data_set_of_its_own(names: Names) -> None:
    sets = {record.name: record for record in names.identities() if isinstance(record, DataSet)}
    used = sets[names.data_set("imagenet", "validation split", 1000)]
    assert (used.name, used.subset_of, used.classes, used.examples) == ("imagenet-val-1000", "imagenet-val", 1000, 1000)
    assert sets["imagenet-val"].subset_of == "imagenet"
    assert sets["imagenet-val"].examples == 50_000


def test_training_data_only_where_certain(names: Names) -> None:
    assert names.training_data("Imagenet") == "imagenet"
    assert names.training_data("Kinectics-400") == "kinetics-400"
    assert names.training_data("DDRNet23s_imagenet.pth") is None  # judged on Cityscapes: the text may mislead


def test_no_technique_is_a_known_fact_and_unstated_is_not(names: Names) -> None:
    found = {record.name: record for record in names.identities() if isinstance(record, Optimization)}
    assert found["float"].technique == ()
    assert found["w8a8"].technique == ("quantization",)
    assert (found["w8a8"].weight_bits, found["w8a16"].activation_bits) == (8, 16)
    assert found["w8a8-mixed-int16"].weight_bits is None
    assert found["unstated"].technique is None


def test_broader_device_types_reach_a_top(names: Names) -> None:
    broader = {concept.name: concept.broader for concept in names.concepts() if concept.prefix == "dtype"}

    def ancestors(name: str) -> set[str]:
        return {name}.union(*(ancestors(above) for above in broader[name]))

    devices = {record.name: record for record in names.identities() if isinstance(record, Device)}
    kinds = {name: set().union(*map(ancestors, device.device_type or ())) for name, device in devices.items()}
    assert kinds["raspberry-pi-4-model-b-4gb"] == {"single-board-computer", "edge-device"}
    assert kinds["google-coral-dev-board"] == {"tpu", "single-board-computer", "edge-device"}
    assert kinds["samsung-galaxy-s24"] == {"android-phone", "phone", "end-device"}
    tops = {"edge-device", "end-device", "reference-server"}
    assert [name for name, kind in kinds.items() if not kind & tops] == []


def test_reference_designs_and_stand_ins_are_not_sold_singly(names: Names) -> None:
    devices = {record.name: record for record in names.identities() if isinstance(record, Device)}
    assert sorted(name for name, device in devices.items() if device.sold_singly is False) == [
        "dragonwing-q-6690-mtp",
        "qcs8275-proxy",
        "qcs8450-proxy",
        "qcs8550-proxy",
        "qcs9075-proxy",
        "sa7255p-adp",
        "sa8295p-adp",
        "sa8775p-adp",
        "snapdragon-7-gen-4-qrd",
        "snapdragon-8-elite-gen-5-qrd",
        "snapdragon-8-elite-qrd",
        "snapdragon-x-elite-crd",
        "snapdragon-x-plus-8-core-crd",
        "xr2-gen-2-proxy",
    ]


def test_licences_that_bind_a_closed_product(names: Names) -> None:
    assert names.licence("apache-2.0").commercial_use
    assert not names.licence("agpl-3.0").commercial_use
    assert not names.licence("gpl-3.0").commercial_use


def test_concepts_carry_broader_alternative_and_metric_facts(names: Names) -> None:
    concepts = {(concept.prefix, concept.name): concept for concept in names.concepts()}
    assert concepts["area", "skin-cancer"].broader == ("medical",)
    assert concepts["area", "skin-cancer"].alt_labels == ("Medical field - skin cancer",)
    assert dict(concepts["metric", "nme"].extra) == {"unit": "1", "higher_is_better": False, "is_accuracy": False}
    assert names.is_accuracy("top-1")
    assert not names.is_accuracy("miou")


def test_narrower_purpose_where_the_printed_one_is_too_wide(names: Names) -> None:
    assert names.purpose_of("aihub-0.46.1", "opus_mt_en_es", "Text Generation") == "machine-translation"
    assert names.purpose_of("aihub-0.46.1", "yolov7", "Object Detection") == "object-detection"


def test_every_name_is_one_identity_and_fit_for_an_iri(names: Names) -> None:
    found = [(record.prefix, record.name) for record in names.identities()]
    found += [(concept.prefix, concept.name) for concept in names.concepts()]
    assert len(found) == len(set(found))
    assert [name for _, name in found if not name.replace("-", "").isalnum() or name != name.lower()] == []
    assert len([record for record in names.identities() if isinstance(record, Network)]) == 1349


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        ("devices.csv", "Samsung Galaxy S24,s24,S24,android-phone,true,,", "'Samsung Galaxy S24',.* occurs twice"),
        (
            "devices.csv",
            "Galaxy 24,samsung-galaxy-s24,S24,phone,true,,",
            "'samsung-galaxy-s24' differ in label",
        ),
        ("devices.csv", "Toaster,toaster,Toaster,appliance,true,,", "device_types 'appliance' is not in device_types"),
        ("data_sets.csv", ",,,x,X,no-such,,,,", "subset_of 'no-such' is not in data_sets.csv"),
    ],
)
def test_tables_that_contradict_one_another_are_refused(folder: Path, table: str, line: str, message: str) -> None:
    append(folder, table, line)
    with pytest.raises(ValueError, match=message):
        Names.load(folder)
