"""A table of measurements becomes records, or tells for each row why not; reading it stores nothing."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flow
from ontology.records import Device, Grade, Model, Network, Performance, TrainedNetwork
from ontology.requirement import Requirement
from repository.columns import Column, columns, decimal_sign, number
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.measurements import MOST_ROWS, Named, Preview, Taken, proposal, read
from repository.plausibility import known
from repository.register import Registered, register
from repository.sources.names import Names
from repository.sources.shelf import NAMES
from tests.tiny import tiny_knowledge

T = TypeVar("T")
HEADER = "network,device,precision,runtime,purpose,dataset"
KEY = "SmallNet,Board A,float,LiteRT on CPU,Image classification,Flowers test"


@cache
def reviewed() -> Names:
    return Names.load(NAMES)


@pytest.fixture
def knowledge() -> Knowledge:
    return tiny_knowledge()


def preview(knowledge: Knowledge, text: str, taken: Taken | None = None) -> Preview:
    projection = knowledge.projection
    return read(text, reviewed(), labels=projection.labels, known=known(projection), taken=taken)


def table(columns: str, *rows: str) -> str:
    """The required columns and some more: `table("latency_ms", "12", "13")`."""
    return "\n".join([f"{HEADER},{columns}", *(f"{KEY},{row}" for row in rows)])


def size(knowledge: Knowledge) -> int:
    assert isinstance(knowledge.graph, EmbeddedGraph)
    return len(knowledge.graph)


def reasons(found: Preview) -> list[str]:
    return [reason for row in found.rows for reason in row.reasons]


def the(found: Preview, kind: type[T]) -> T:
    (one,) = [r for r in found.records if isinstance(r, kind)]
    return one


@pytest.mark.parametrize(
    ("header", "field", "factor", "assumed"),
    [
        ("latency", "inference_latency_ms", 1.0, True),
        ("latency_ms", "inference_latency_ms", 1.0, False),
        ("Latency (s)", "inference_latency_ms", 1000.0, False),
        ("inference_time [µs]", "inference_latency_ms", 0.001, False),
        ("Inference time in seconds", "inference_latency_ms", 1000.0, False),
        ("runtime (ms)", "inference_latency_ms", 1.0, False),
        ("Runtime", "runtime", 1.0, False),
        ("fps", "throughput_per_s", 1.0, False),
        ("throughput (images/s)", "throughput_per_s", 1.0, False),
        ("accuracy", "accuracy_percent", 1.0, True),
        ("accuracy (%)", "accuracy_percent", 1.0, False),
        ("accuracy (fraction)", "accuracy_percent", 100.0, False),
        ("Top-1", "accuracy_percent", 1.0, True),
        ("top1 %", "accuracy_percent", 1.0, False),
        ("size_mb", "size_kib", 1e6 / 1024, False),  # MB is decimal
        ("Model size (MiB)", "size_kib", 1024.0, False),
        ("peak RAM (KiB)", "peak_memory_mib", 1 / 1024, False),
        ("params", "parameters", 1.0, False),
        ("Params (M)", "parameters", 1e6, False),
        ("power_mW", "average_power_w", 0.001, False),
        ("energy (J)", "energy_mj", 1000.0, False),
        ("energy (µJ)", "energy_mj", 0.001, False),  # both signs for micro
        ("energy (μJ)", "energy_mj", 0.001, False),
        ("power (µW)", "average_power_w", 1e-6, False),
        ("tokens per second", "tokens_per_s", 1.0, False),
        ("TTFT (s)", "time_to_first_token_ms", 1000.0, False),
        ("Quantization", "optimization", 1.0, False),
        ("Framework", "runtime", 1.0, False),
        ("Data Set", "test_set", 1.0, False),
        ("batch_size", "batch", 1.0, False),
        ("latency p95 (ms)", "", 1.0, False),  # no field of a model
        ("colour", "", 1.0, False),
    ],
)
def test_headers(header: str, field: str, factor: float, assumed: bool) -> None:
    (column,) = columns([header])
    assert (column.field, column.assumed) == (field, assumed)
    assert column.factor == pytest.approx(factor)


def test_a_header_with_a_wrong_unit_or_twice_is_told() -> None:
    wrong, first, second = columns(["latency (kg)", "size_kb", "file size (KiB)"])
    assert (wrong.field, wrong.fault) == ("", "'kg' is not a unit of latency; write it in ms")
    assert (first.field, second.field) == ("size_kib", "")
    assert second.fault == "'size_kb' is taken for size already"


def test_a_person_may_choose_instead() -> None:
    one, two = columns(["t (s)", "latency (ms)"], {"t (s)": "inference_latency_ms", "latency (ms)": ""})
    assert (one.field, one.factor, two.field) == ("inference_latency_ms", 1000.0, "")
    with pytest.raises(ValueError, match="no field is called speed; there are network, device"):
        columns(["v"], {"v": "speed"})


LATENCY, PARAMETERS = Column("latency (s)", "inference_latency_ms", "s", 1000.0), Column("params", "parameters")


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("0.012", LATENCY, 12.0),
        ("12 ms", LATENCY, 12.0),  # the cell's own unit
        ("1.2e-2", LATENCY, 12.0),
        ("1,200", LATENCY, 1.2e6),
        ("5M", PARAMETERS, 5e6),
        ("n/a", LATENCY, None),
        ("", LATENCY, None),
    ],
)
def test_cells(text: str, column: Column, value: float | None) -> None:
    assert number(text, column) == (value if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "told"), [("fast", "'fast' is not a number"), ("1,5", "with a point before"), ("3 kg", "'kg' in '3 kg'")]
)
def test_bad_cells(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        number(text, LATENCY)


@given(st.floats(1e-3, 1e9), st.sampled_from(["s", "ms", "us", "ns"]))
def test_a_latency_is_the_same_in_every_unit(ms: float, unit: str) -> None:
    (column,) = columns([f"latency ({unit})"])
    written = ms / {"s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 1e-6}[unit]
    assert number(repr(written), column) == pytest.approx(ms, rel=1e-12)


def test_a_row_becomes_records(knowledge: Knowledge) -> None:
    before = size(knowledge)
    text = table("latency (s),fps,top1 (%),size_mb,params,samples,date,note", "0.016,60,66,4.1,1M,500,2026-11-20,by me")
    found = preview(knowledge, text)
    assert reasons(found) == []
    assert found.missing == ()
    model, trained = the(found, Model), the(found, TrainedNetwork)
    assert model.name == "local-small-net-float-litert-cpu-board-a"
    assert (model.network, model.device, model.purpose) == ("small-net", "board-a", "image-classification")
    assert (trained.parameters, model.trained_network) == (1_000_000, trained.name)
    speed, quality = [r for r in found.records if isinstance(r, Performance)]
    assert (speed.inference_latency_ms, speed.throughput_per_s, speed.size_kib) == (16.0, 60.0, 4.1 * (1e6 / 1024))
    assert (quality.accuracy_percent, quality.metric, quality.test_set, quality.samples) == (
        66.0, "top-1", "flowers-test", 500,
    )  # fmt: skip
    for act in (speed, quality):
        assert (act.evidence, act.obtained, act.source_detail) == (Grade.DECLARED, date(2026, 11, 20), "by me")
    assert size(knowledge) == before


def test_the_next_search_finds_a_registered_row(knowledge: Knowledge) -> None:
    assert isinstance(knowledge.graph, EmbeddedGraph)
    needed = Requirement(inference_latency_ms_at_most=17.0, accuracy_percent_at_least=65.5, budget_usd=100.0)
    assert len(flow.find_candidates(needed, knowledge).matches) == 0
    text = table("latency (s),top1 (%)", "0.016,66")
    registered = register(knowledge.graph, preview(knowledge, text).records)
    assert "m:local-small-net-float-litert-cpu-board-a" in registered.new
    knowledge.changed()
    assert len(flow.find_candidates(needed, knowledge).matches) == 1
    # The same file once more: nothing. A corrected one: the new figure counts, the old one is history.
    assert register(knowledge.graph, preview(knowledge, text).records) == Registered((), ())
    register(knowledge.graph, preview(knowledge, table("latency (s),top1 (%)", "0.018,66")).records)
    knowledge.changed()
    assert len(flow.find_candidates(needed, knowledge).matches) == 0


def test_seconds_in_a_column_of_milliseconds_are_refused(knowledge: Knowledge) -> None:
    found = preview(knowledge, table("latency_ms", "0.016"))
    assert found.records == []
    assert reasons(found) == [
        "latency 0.016 ms is 531 times below what is known of small-net on board-a by CPU (2 known, 7 to 10 ms); "
        "it looks like seconds: 16 ms would fit; write that, or name the column latency (seconds)"
    ]


def test_good_rows_go_on_and_bad_ones_say_why(knowledge: Knowledge) -> None:
    text = "\n".join([
        f"{HEADER},latency_ms,accuracy",
        f"{KEY},12,66",
        "SmallNet,Board Z,float,LiteRT on CPU,Image classification,,12,66",
        "SmalNet,Board B,float,LiteRT on CPU,Image classification,,12,66",
        "SmallNet,Board B,float,LiteRT on CPU,cooking,,12,66",
        "SmallNet,Board B,,LiteRT on CPU,Image classification,,12,66",
        "SmallNet,Board B,float,LiteRT on CPU,Image classification,,,",
        "SmallNet,Board B,float,LiteRT on CPU,Image classification,,fast,66",
        "SmallNet,Board C,float,LiteRT on CPU,Image classification,,12,0.66",
        f"{KEY},13,66",
    ])  # fmt: skip
    found = preview(knowledge, text)
    told = {row.line: row.reasons for row in found.rejected}
    assert {name for r in found.records if isinstance(r, Model) for name in [r.device]} == {"board-a"}
    assert told.keys() == set(range(3, 11))
    assert all(len(reasons) == 1 for reasons in told.values())
    assert all(row.records == () for row in found.rejected)
    starts = {
        3: "device 'Board Z' is not known (near: board-",
        4: "network 'SmalNet' is not known (near: small-net",
        5: "purpose 'cooking' is not known",
        6: "the precision or optimization is missing; fill it in, or add a column called precision",
        7: "no figure is given; fill in at least one",
        8: "latency_ms: 'fast' is not a number",
        9: "accuracy 0.66 % reads as a fraction; write 66",
        10: "it measures the same network, optimization, runtime and device as line 2; keep one, or tell them apart",
    }
    for line, start in starts.items():
        assert told[line][0].startswith(start), told[line]


def test_what_nobody_knows_is_new_only_when_asked_for(knowledge: Knowledge) -> None:
    text = f"{HEADER},device type,latency_ms\nMyNet,My Board 3,float,LiteRT on CPU,Image classification,Roses,phone,12"
    refused = preview(knowledge, text)
    unknown = [r.partition(" is")[0] for r in reasons(refused)]
    assert unknown == ["network 'MyNet'", "device 'My Board 3'", "test data 'Roses'"]
    assert all(r.endswith("; correct it, or allow new names") for r in reasons(refused))
    found = preview(knowledge, text, Taken(new=True))
    assert the(found, Network) == Network(name="local-mynet", label="MyNet")
    assert the(found, Device) == Device(name="local-my-board-3", label="My Board 3", device_type=("phone",))
    assert isinstance(knowledge.graph, EmbeddedGraph)
    register(knowledge.graph, found.records)
    knowledge.changed()
    # Now it is known, by its own name.
    assert reasons(preview(knowledge, text)) == []
    assert register(knowledge.graph, preview(knowledge, text).records) == Registered((), ())


def test_names_to_confirm_are_told_with_the_nearest(knowledge: Knowledge) -> None:
    rows = [
        f"{HEADER},latency_ms",
        "SmallNet,Board A,FP32,TFLite CPU,Image classification,Flowers test,11",
        "SmallNet,Bord C,w8a8,LiteRT on CPU,Image classification,Flowers test,31",
    ]
    found = preview(knowledge, "\n".join(rows))
    alias, runtime, unknown = found.named
    assert alias == Named("optimization", "FP32", "float")  # another word for it
    assert (runtime.written, runtime.name) == ("TFLite CPU", "litert-cpu")
    assert (unknown.written, unknown.name, unknown.near[0]) == ("Bord C", "", "board-c")
    meant = preview(knowledge, "\n".join(rows), Taken(meant={"Bord C": "board-c"}))
    assert [r.device for r in meant.records if isinstance(r, Model)] == ["board-a", "board-c"]
    new = preview(knowledge, "\n".join(rows), Taken(new=frozenset({"Bord C"})))
    assert new.named[-1] == Named("device", "Bord C", "local-bord-c", new=True, near=unknown.near)
    other = preview(knowledge, "\n".join(rows), Taken(new=frozenset({"Board Z"})))
    assert reasons(other) == reasons(found)


def test_new_names_of_other_alphabets_stay_apart(knowledge: Knowledge) -> None:
    rows = [
        f"SmallNet,{name},float,LiteRT on CPU,Image classification,,{ms}" for name, ms in (("設備", 11), ("装置", 12))
    ]
    found = preview(knowledge, "\n".join([f"{HEADER},latency_ms", *rows]), Taken(new=True))
    assert [r.label for r in found.records if isinstance(r, Device)] == ["設備", "装置"]
    assert len({r.name for r in found.records if isinstance(r, Device)}) == 2


def test_the_figures_of_a_row_above_on_another_device_are_a_copy(knowledge: Knowledge) -> None:
    rows = [
        f"{HEADER},latency_ms,memory_mib",
        "SmallNet,Board A,float,LiteRT on CPU,Image classification,,11.37,24.5",
        "SmallNet,Board B,float,LiteRT on CPU,Image classification,,11.37,24.5",
        "SmallNet,Board B,w8a8,LiteRT on CPU,Image classification,,12.5,24.5",
    ]
    (told,) = reasons(preview(knowledge, "\n".join(rows)))
    assert told.startswith("its figures are exactly those of line 2, on another device")
    sure = preview(knowledge, "\n".join(rows), Taken(sure=True))
    assert (reasons(sure), sure.rows[1].warnings) == (
        [],
        ("its figures are exactly those of line 2; check that they were taken again",),
    )


def test_names_as_people_write_them(knowledge: Knowledge) -> None:
    rows = [
        "Model,Hardware,Quantization,Framework,Compute unit,Task,Latency [ms]",
        "small_net,BOARD-A,FP32,TFLite,CPU,image classification,11",
        "Small Net,board b,8-bit,LiteRT on CPU,cpu,Image-Classification,21",
    ]
    found = preview(knowledge, "\n".join(rows))
    models = [r for r in found.records if isinstance(r, Model)]
    assert [(m.network, m.device, m.optimization, m.runtime) for m in models] == [
        ("small-net", "board-a", "float", "litert-cpu"),
        ("small-net", "board-b", "w8a8", "litert-cpu"),
    ]


def test_the_reviewed_names_are_enough() -> None:
    header = "network,device,precision,runtime,purpose,latency_ms"
    text = f"{header}\nMobileNet-v2,Galaxy S24,w8a8,LiteRT on NPU,Image Classification,0.3"
    (reason,) = reasons(read(text.replace("Galaxy S24", "Galaxi S24"), reviewed()))
    assert reason.startswith("device 'Galaxi S24' is not known (near: samsung-galaxy-s24 or ")
    assert read(text.replace("Galaxy", "Samsung Galaxy"), reviewed()).rejected == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Galaxy S23", "samsung-galaxy-s23"),
        ("galaxy s23+", "samsung-galaxy-s23-plus"),
        ("iPhone 15", "apple-iphone-15"),
        ("Jetson TX2", "nvidia-jetson-tx2"),
        ("Pi 5", ""),  # a Raspberry Pi 5 or an Orange Pi 5
        ("S23", ""),
        ("12", ""),  # of Xiaomi
    ],
)
def test_a_device_without_its_maker_is_taken_for_the_only_one_and_told(written: str, meant: str) -> None:
    header = "network,device,precision,runtime,purpose,latency_ms"
    text = f"{header}\nMobileNet-v2,{written},w8a8,LiteRT on NPU,Image Classification,0.3"
    found = read(text, reviewed())
    (named,) = found.named
    assert (named.written, named.name) == (written, meant)
    assert len(found.rejected) == (0 if meant else 1)


def test_variants_of_the_weights_are_models_of_their_own(knowledge: Knowledge) -> None:
    found = preview(knowledge, table("latency_ms,variant", "11,width 0.5", "12,width 1.0"))
    names = [r.name for r in found.records if isinstance(r, Model)]
    assert [n.removeprefix("local-small-net-float-litert-cpu-board-a-") for n in names] == ["width-0-5", "width-1-0"]


def test_the_columns_are_proposed_before_any_row_is_read() -> None:
    found, missing = proposal("network,device,speed,runtime\nx,y,1,2", {"speed": "throughput_per_s"})
    assert [c.field for c in found] == ["network", "device", "throughput_per_s", "runtime"]
    assert missing == ("optimization", "purpose")
    with pytest.raises(ValueError, match="no column is called 'sped'; there are speed"):
        read("speed\n1", reviewed(), taken=Taken(chosen={"sped": "size_kib"}))


def test_missing_columns_are_told_and_may_be_given_for_all_rows(knowledge: Knowledge) -> None:
    text = "network,device,precision,runtime,latency_ms\nSmallNet,Board A,float,LiteRT on CPU,11"
    found = preview(knowledge, text)
    assert (found.missing, found.records) == (("purpose",), [])
    assert reasons(found) == ["the purpose is missing; fill it in, or add a column called purpose"]
    given = preview(knowledge, text, Taken(defaults={"purpose": "image-classification"}))
    assert (given.missing, reasons(given)) == ((), [])


def test_warnings_do_not_refuse(knowledge: Knowledge) -> None:
    (row,) = preview(knowledge, table("latency_ms,fps", "11,8").replace("Flowers test", "")).rows
    assert (row.reasons, len(row.warnings)) == ((), 1)
    assert row.warnings[0].startswith("latency 11 ms and throughput 8 1/s do not fit: 90.9 1/s expected")
    (row,) = preview(knowledge, table("accuracy", "66").replace("Flowers test", "")).rows
    assert row.warnings == ("accuracy without its test data compares with no other; add a column called dataset",)


def test_a_german_spreadsheet(knowledge: Knowledge) -> None:
    found = preview(knowledge, "\ufeff" + table("latency_ms", "11").replace(",", ";") + "\r\n")
    assert reasons(found) == []
    assert found.columns[0].header == "network"


@pytest.mark.parametrize(
    ("cells", "latencies"),
    [
        (("11,5", "12,25"), [11.5, 12.25]),
        (("0,031 s", "12,250"), [31.0, 12.25]),  # the first tells what the comma is in the second
        (("1.012,5 ms", "11"), [1012.5, 11.0]),
        (("11.5", "1,012.5"), [11.5, 1012.5]),
        (("11.5", "12,250"), [11.5, 12250.0]),
        (("11", "12.250"), [11.0, 12.25]),
    ],
)
def test_decimals_where_semicolons_part_the_cells(
    cells: tuple[str, ...], latencies: list[float], knowledge: Knowledge
) -> None:
    rows = [f"{KEY.replace(',', ';')};{cell};v{i}" for i, cell in enumerate(cells)]
    found = preview(knowledge, "\n".join([f"{HEADER},latency_ms,variant".replace(",", ";"), *rows]), Taken(sure=True))
    assert [row.figures["inference_latency_ms"] for row in found.rows] == pytest.approx(latencies)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("11", "12,250"), "12,250 may be a thousand times 12,250; write 12250 or 12,2500"),
        (("11,5", "12.250"), "12.250 may be a thousand times 12,250; write 12250 or 12,2500"),
        (("11.5", "12,5"), "with a point before decimals"),  # the table has both
    ],
)
def test_a_number_that_may_be_two_is_refused(cells: tuple[str, ...], told: str, knowledge: Knowledge) -> None:
    rows = [f"{KEY.replace(',', ';')};{cell};v{i}" for i, cell in enumerate(cells)]
    found = preview(knowledge, "\n".join([f"{HEADER},latency_ms,variant".replace(",", ";"), *rows]), Taken(sure=True))
    assert any(told in reason for reason in found.rows[1].reasons), found.rows[1].reasons


@given(st.integers(0, 99_999), st.integers(0, 9_999))
def test_a_decimal_comma_means_what_a_point_does(whole: int, decimals: int) -> None:
    text = f"{whole},{decimals:04d}"
    assert decimal_sign([text]) == ","
    assert number(text, LATENCY, ",") == number(text.replace(",", "."), LATENCY)


def test_a_figure_that_is_not_a_number_is_told(knowledge: Knowledge) -> None:
    (row,) = preview(knowledge, table("latency_ms,top1 (%)", "NaN,66")).rows
    assert (row.reasons, row.warnings) == ((), ("latency_ms: NaN is read as not known",))
    (alone,) = preview(knowledge, table("latency_ms", "nan")).rows
    assert alone.reasons[0].startswith("no figure is given")
    assert alone.reasons[1] == "latency_ms: nan is read as not known"


def test_a_refused_row_keeps_what_was_read_of_it(knowledge: Knowledge) -> None:
    (row,) = preview(knowledge, table("latency_ms", "12").replace("Board A", "Bord Q")).rows
    assert row.reasons
    assert (row.texts["device"], row.texts["network"]) == ("Bord Q", "SmallNet")
    assert row.figures == {"inference_latency_ms": 12.0}


def test_a_model_of_a_table_has_a_label(knowledge: Knowledge) -> None:
    model = the(preview(knowledge, table("latency_ms", "12")), Model)
    assert model.label == "SmallNet float, LiteRT on CPU, Board A"
    new = preview(
        knowledge, table("latency_ms,variant", "12,width 0.5").replace("Board A", "My board"), Taken(new=True)
    )
    assert the(new, Model).label == "SmallNet width 0.5 float, LiteRT on CPU, My board"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the table has no rows"),
        (HEADER, "the table has no rows; give a header line and at least one row below it"),
        ("a,b\n1", "line 2 does not have 2 cells as the header has"),
        ("a,a\n1,2", "the header has a twice; rename one"),
        ('a,b\n"1,2', "this is not CSV: line 2"),
        ("a\n" + "1\n" * (MOST_ROWS + 1), "the table has 20,001 rows; register at most 20,000 at a time"),
    ],
)
def test_what_is_no_table(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(text, reviewed())


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read(text, reviewed())
    except ValueError:
        return
    assert found.records == []
