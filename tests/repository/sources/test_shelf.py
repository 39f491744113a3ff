"""Laws that hold of all sources together."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import fields

from ontology.records import Device, Model, Performance, Record
from ontology.techniques import TECHNIQUES
from repository.sources.names import Names
from repository.sources.rows import Room, table
from repository.sources.shelf import FACTS, NAMES, SOURCES
from tests.repository.sources.conftest import Rows

ACCOUNT = {  # table: loaded, merged, left out
    "devices.csv": (80, 0, 0),
    "cloud.csv": (27, 0, 1),
    "seed_dlom2_example.csv": (2, 31, 7),
    "seed_dlom2_table1.csv": (0, 7, 0),
    "seed_dlom2_table3.csv": (0, 36, 0),
    "aihub_perf.csv": (6304, 929, 0),
    "aihub_accuracy.csv": (491, 0, 0),
    "aihub_devices.csv": (46, 0, 0),
    "aihub_llm.csv": (47, 0, 0),
    "seed_lee2022.csv": (112, 8, 0),
    "seed_lee2022_table12.csv": (3, 0, 0),
    "mlperf_tiny_v1_2.csv": (73, 0, 0),
    "keras_applications.csv": (78, 0, 0),
    "timm_imagenet_accuracy.csv": (1556, 0, 0),
    "timm_measured.csv": (5762, 0, 0),
}


def every_record(names: Names, rows: Rows) -> list[Record]:
    return [*names.identities(), *(record for found in rows.values() for row in found for _, record in row.records)]


def test_every_row_is_accounted_for_exactly_once(rows: Rows) -> None:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for row in (row for source in rows.values() for row in source):
        found[row.table][row.outcome] += 1
        numbers[row.table].append(row.number)
    assert {t: (c["loaded"], c["merged"], c["left out"]) for t, c in found.items()} == ACCOUNT
    for name, outcomes in ACCOUNT.items():
        assert sorted(numbers[name]) == list(range(1, sum(outcomes) + 1)) == [n for n, _ in table(FACTS, name)]


def test_a_reason_for_all_but_the_loaded_and_records_for_the_loaded_only(rows: Rows) -> None:
    for row in (row for source in rows.values() for row in source):
        assert bool(row.reason) == (row.outcome != "loaded") == (not row.records), row


def test_the_shelf_lists_every_table_once() -> None:
    listed = [name for shelf in SOURCES for name in shelf.tables]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(ACCOUNT)
    assert [shelf.source.name for shelf in SOURCES] == [
        "device-specifications",
        "cloud-configurations",
        "dlom2-paper",
        "lee-2022",
        "aihub-0.46.1",
        "mlperf-tiny-1.2",
        "keras-applications",
        "timm-aa4b5850",
    ]


def test_no_two_records_of_one_source_share_a_name(rows: Rows) -> None:
    for source, found in rows.items():
        counts = Counter((type(r).__name__, r.name) for row in found for _, r in row.records)
        assert [key for key, n in counts.items() if n > 1] == [], source


def test_no_property_is_asserted_twice(names: Names, rows: Rows) -> None:
    said: Counter[tuple[str, str, str]] = Counter()
    for record in every_record(names, rows):
        for f in fields(record):
            if f.name != "name" and getattr(record, f.name) is not None:
                said[type(record).__name__, record.name, f.name] += 1
    assert [key for key, n in said.items() if n > 1] == []


def test_every_link_leads_somewhere(names: Names, rows: Rows) -> None:
    everything = every_record(names, rows)
    known = {(type(record).prefix, record.name) for record in everything}
    known |= {(concept.prefix, concept.name) for concept in names.concepts()}
    known |= {("src", shelf.source.name) for shelf in SOURCES}
    known |= {("tech", technique.name) for technique in TECHNIQUES}  # written in ontology/dlom.ttl
    loose = set()
    for record in everything:
        for f in fields(record):
            value = getattr(record, f.name)
            if "prefix" in f.metadata and value is not None:
                for name in value if isinstance(value, tuple) else (value,):
                    if (f.metadata["prefix"], name) not in known:
                        loose.add((record.name, f.name, name))
    assert loose == set()


def test_every_figure_has_its_evidence(rows: Rows) -> None:
    found = [r for source in rows.values() for row in source for _, r in row.records if isinstance(r, Performance)]
    assert all(record.evidence and record.source and record.current is not None for record in found)
    # Of the two versions of Keras' page, the figures of the older one are history.
    assert {r.source for r in found if not r.current} == {"keras-applications"}
    assert sum(not r.current for r in found) == 26
    accuracies = 1556 + 18  # of trained networks, on no device: timm's weights and Keras' (not its EfficientNets)
    carried = 1094 + 18  # the same, for the models that were measured with them
    assert len({record.name for record in found}) == len(found)
    assert len(found) == 11_047 + 47 + 112 + 3 + 2 * 73 + 78 + 5762 + accuracies + carried


def test_records_are_in_their_rooms(rows: Rows) -> None:
    rooms = Counter((room, type(r).__name__) for source in rows.values() for row in source for room, r in row.records)
    assert rooms == {
        (Room.NETWORKS, "TrainedNetwork"): 149 + 19 + (8 * 2 + 4 + 3) + 26 + 1556 + 353,
        (Room.DEVICES, "Device"): 80 + 46 + 1,
        (Room.CLOUDS, "Cloud"): 27 + 1,
        (Room.MODELS, "Model"): 6304 + 9 + 47 + 1 + 112 + 73 + 78 + 5762,
        (Room.MODELS, "Performance"): 19_881,
        (Room.MODELS, "Part"): 1648,
    }


def test_tables_are_unchanged_copies_and_described() -> None:
    sums = {name: sha for sha, name in map(str.split, (FACTS / "SHA256SUMS").read_text().splitlines())}
    assert set(ACCOUNT) <= set(sums)
    for name, expected in sums.items():
        assert hashlib.sha256((FACTS / name).read_bytes()).hexdigest() == expected, name
    readme = (FACTS / "README.md").read_text(encoding="utf-8")
    assert [name for name in (*ACCOUNT, *(p.name for p in NAMES.glob("*.csv"))) if f"`{name}`" not in readme] == []


def test_measured_devices_without_a_specification_or_a_price(rows: Rows) -> None:
    """What a manager cannot filter by, or cost: listed here so that a new gap is seen."""
    every = [record for found in rows.values() for row in found for _, record in row.records]
    measured = {r.device for r in every if isinstance(r, Model) and r.device}
    specified = {r.name: r for row in rows["device-specifications"] for _, r in row.records if isinstance(r, Device)}
    own_card = "dlom2-raspberry-pi-3"  # priced on the paper's card
    assert sorted(device for device in measured - {own_card} if device not in specified) == [
        "intel-xeon-2-30-ghz-tesla-k80",
        "lc236r5e176-board-v2-0",
        "ndp9120",
        "renesas-rh850-f1km-s4",
        "snapdragon-8-elite-qrd",
    ]
    assert sorted(d for d in measured if d in specified and specified[d].price_usd is None) == [
        "amd-epyc-with-ibpb-92-cores",
        "asus-tinker-v",
        "dragonwing-iq-9075-evk",
        "dragonwing-q-6690-mtp",
        "ek-ra8d1",
        "intel-core-i9-10940x-desktop-cpu",
        "nvidia-a100",
        "qcs8275-proxy",
        "qcs8450-proxy",
        "qcs8550-proxy",
        "sa7255p-adp",
        "sa8295p-adp",
        "sa8775p-adp",
        "snapdragon-7-gen-4-qrd",
        "snapdragon-8-elite-gen-5-qrd",
        "snapdragon-8-gen-3-mobile-hdk",
        "snapdragon-x-elite-crd",
        "vcu128",
    ]


def test_models_without_a_device_are_of_the_literature(rows: Rows) -> None:
    alone = {source for source, found in rows.items() for row in found for _, r in row.records if _homeless(r)}
    assert alone == {"lee-2022"}


def _homeless(record: Record) -> bool:
    return isinstance(record, Model) and record.device is None
