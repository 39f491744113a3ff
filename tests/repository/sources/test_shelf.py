"""Laws that hold of all sources together."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import fields

from ontology.records import Performance, Record
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
        "aihub-0.46.1",
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
    assert all(record.evidence and record.source and record.current for record in found)
    assert len({record.name for record in found}) == len(found) == 11_047


def test_records_are_in_their_rooms(rows: Rows) -> None:
    rooms = Counter((room, type(r).__name__) for source in rows.values() for row in source for room, r in row.records)
    assert rooms == {
        (Room.NETWORKS, "TrainedNetwork"): 149,
        (Room.DEVICES, "Device"): 80 + 46 + 1,
        (Room.CLOUDS, "Cloud"): 27 + 1,
        (Room.MODELS, "Model"): 6304 + 9 + 1,
        (Room.MODELS, "Performance"): 11_047,
        (Room.MODELS, "Part"): 1648,
    }


def test_tables_are_unchanged_copies_and_described() -> None:
    sums = {name: sha for sha, name in map(str.split, (FACTS / "SHA256SUMS").read_text().splitlines())}
    assert set(ACCOUNT) <= set(sums)
    for name, expected in sums.items():
        assert hashlib.sha256((FACTS / name).read_bytes()).hexdigest() == expected, name
    readme = (FACTS / "README.md").read_text(encoding="utf-8")
    assert [name for name in (*ACCOUNT, *(p.name for p in NAMES.glob("*.csv"))) if f"`{name}`" not in readme] == []
