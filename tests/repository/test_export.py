"""The wide table says what the projection says, in CSV and Parquet alike; its dictionary tells of every column."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ontology.records import figure_kinds
from repository.export import as_csv, as_parquet, dictionary, export, read_csv, wide_table
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.projection import Projection, project
from tests.repository.asked import asked_graph


@pytest.fixture(scope="module")
def asked() -> Projection:
    return project(asked_graph())


def test_a_row_says_what_is_known_of_a_model(tiny: Knowledge) -> None:
    row = wide_table(tiny.projection).set_index("model").loc["b"].dropna().to_dict()
    assert row == row | {
        "source": "bench", "source_label": "A benchmark", "network": "small-net", "network_label": "SmallNet",
        "family": "Net", "purpose": "image-classification", "purpose_label": "Image classification",
        "device": "board-b", "device_label": "Board B", "device_type": "single-board-computer",
        "device_type_label": "Single-board computer", "runtime_library": "LiteRT", "compute_unit": "CPU",
        "technique": "quantization", "technique_label": "Quantization", "precision": "w8a8", "licence": "MIT",
        "commercial_use": True, "parameters": 2_000_000, "training_data_set": "flowers", "classes": 5,
        "price_usd": 200.0, "price_evidence": "declared", "inference_latency_ms": 20.0,
        "inference_latency_ms_grade": "published", "inference_latency_ms_source": "bench",
        "inference_latency_ms_carried": False, "accuracy_percent": 65.0, "accuracy_percent_grade": "measured",
        "metric": "top-1", "metric_label": "Top-1 accuracy", "metric_unit": "%", "test_set": "flowers-test",
        "test_set_label": "Flowers, test", "samples": 500, "size_kib": 2000.0,
    }  # fmt: skip
    assert row["retained_percent"] == pytest.approx(99)
    assert "model_label" not in row  # nobody has labelled it
    assert not {"inference_latency_ms_obtained", "energy_mj", "energy_mj_grade", "application_area"} & row.keys()


def test_known_to_be_none_is_not_unknown(tiny: Knowledge) -> None:
    technique = wide_table(tiny.projection).set_index("model")["technique"]
    assert technique["a"] == "none"  # float: known to be without
    assert pd.isna(technique["s"])  # nobody has said


def test_a_carried_figure_says_so_and_a_date_stands_beside_its_figure(asked: Projection) -> None:
    row = wide_table(asked).set_index("model").loc["q"]
    assert (row["accuracy_percent"], row["accuracy_percent_carried"]) == (60.0, True)
    assert (row["energy_mj"], row["energy_mj_carried"], row["energy_mj_obtained"]) == (1.5, False, "2020-05-05")
    assert (row["energy_mj_grade"], row["energy_mj_source"]) == ("literature", "other")


def test_reference_devices_are_marked(asked: Projection) -> None:
    table = wide_table(asked)
    assert list(table.loc[table["reference_device"].fillna(value=False), "model"]) == ["on-server"]


def test_the_table_has_every_column_of_the_projection(asked: Projection) -> None:
    table = wide_table(asked)
    renamed = {"label": "model_label"}
    wanted = {renamed.get(c, c) for c in (*asked.models.columns, *asked.columns)}
    assert wanted <= set(table.columns)
    for kind in figure_kinds():
        assert {f"{kind.name}_{more}" for more in ("grade", "source", "obtained", "carried")} <= set(table.columns)
        values = asked.columns[kind.name]
        assert isinstance(values, np.ndarray)
        np.testing.assert_array_equal(table[kind.name].to_numpy(), values)
        assert (table[kind.name].isna() == table[f"{kind.name}_grade"].isna()).all(), kind.name
        assert (table[kind.name].isna() == table[f"{kind.name}_carried"].isna()).all(), kind.name


def test_the_dictionary_tells_of_every_column_in_the_ontologys_words(asked: Projection) -> None:
    told = dictionary(asked)
    assert list(told["column"]) == list(wide_table(asked).columns)
    assert told["column"].is_unique
    assert (told[["label", "meaning", "type", "words"]] != "").all().all()
    rows = told.set_index("column")
    latency = rows.loc["inference_latency_ms"]
    assert (latency["unit"], latency["type"], latency["words"]) == ("ms", "number", "ontology, :inferenceLatencyMs")
    assert latency["meaning"] == "Time for one input in the model alone, in milliseconds."
    assert rows.loc["energy_mj_grade", "allowed"] == "measured, published, literature, declared, predicted"
    assert rows.loc["commercial_use", "allowed"] == "true, false"
    assert rows.loc["technique", "allowed"] == "none, quantization"
    assert rows.loc["metric_value", "unit"] == "as metric_unit says"
    numbers = rows[rows["type"] == "number"]
    without = set(numbers.index[numbers["unit"] == ""])
    assert without == {"declared_rating", "user_rating"}


@pytest.mark.parametrize("which", ["tiny", "asked", "empty"])
def test_csv_and_parquet_are_the_same_table(which: str, tiny: Knowledge, asked: Projection) -> None:
    projection = {"tiny": tiny.projection, "asked": asked, "empty": project(EmbeddedGraph())}[which]
    table = wide_table(projection)
    assert len(table) == len(projection)
    pd.testing.assert_frame_equal(read_csv(as_csv(projection)), table)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(as_parquet(projection))), table)
    assert len(dictionary(projection)) == len(table.columns)


def test_a_column_of_parquet_carries_its_unit(tiny: Knowledge) -> None:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    field = pq.read_schema(io.BytesIO(as_parquet(tiny.projection))).field("inference_latency_ms")
    assert field.metadata[b"unit"] == b"ms"


def test_the_shipped_facts_stay_the_same_in_both(facts: Knowledge) -> None:
    projection = facts.projection
    table = wide_table(projection)
    pd.testing.assert_frame_equal(read_csv(as_csv(projection)), table)
    printed = pd.read_csv(Path("repository/facts/aihub_perf.csv"))
    once = printed[~printed.duplicated(["model_id", "precision", "device", "runtime"], keep=False)]
    phone = once[
        (once["device"] == "Samsung Galaxy S24") & (once["runtime"] == "tflite") & (once["precision"] == "w8a8")
    ]
    expected = {
        f"aihub-{m}-w8a8-tflite-samsung-galaxy-s24".lower(): v for m, v in phone[["model_id", "latency_ms"]].to_numpy()
    }
    found = table.set_index("model")["inference_latency_ms"]
    assert len(expected) > 50
    assert {m: found[m] for m in expected} == expected


def test_a_file_is_written_whole_or_not_at_all(tiny: Knowledge, tmp_path: Path) -> None:
    models = len(tiny.projection)
    assert export(tiny.projection, tmp_path / "t.csv") == export(tiny.projection, tmp_path / "t.parquet") == models
    assert export(tiny.projection, tmp_path / "t.dictionary.csv") == len(dictionary(tiny.projection))
    assert (tmp_path / "t.csv").read_bytes() == as_csv(tiny.projection)
    assert (tmp_path / "t.dictionary.csv").read_text(encoding="utf-8").startswith("column,label,meaning,unit,type,")
    with pytest.raises(ValueError, match=r"^t.xlsx ends in .xlsx; write a name that ends in .csv or .parquet$"):
        export(tiny.projection, tmp_path / "t.xlsx")
    with pytest.raises(OSError):
        export(tiny.projection, tmp_path / "nowhere" / "t.csv")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["t.csv", "t.dictionary.csv", "t.parquet"]
