"""The repository's pages: what words and facets find, the coverage map, trained networks, sources, and their links."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from ontology.requirement import Requirement
from repository.coverage import coverage
from repository.export import as_csv, as_parquet, read_csv
from repository.knowledge import Knowledge
from tests import browser
from tests.dss.small import knowledge as knowledge_of
from tests.dss.small import measured, model
from tests.wizard.pages import address, html, opened, text
from tests.wizard.test_browser import has_parameters
from wizard import coverage_map, heat_map, networks, sources
from wizard.catalogue import FACETS, Catalogue, Wanted, wanted
from wizard.coverage_map import Map

NAMED = {"a0": 0.0, "b1": 70.0, "b2": 60.0, "c1": 50.0, "c2": 80.0}
FACTS = Path(__file__).parent.parent.parent / "repository" / "facts"


@pytest.fixture(scope="module")
def few(tiny: Knowledge) -> Catalogue:
    """The eight models of `tests/tiny.py`."""
    return Catalogue(tiny.projection)


@pytest.fixture(scope="module")
def shipped(knowledge: Knowledge) -> Catalogue:
    """All shipped models."""
    return Catalogue(knowledge.projection)


def names(catalogue: Catalogue, asked: Wanted) -> str:
    return "".join(catalogue.projection.models["model"].iloc[catalogue.found(asked)])


def test_words_are_looked_for_in_network_device_and_source(few: Catalogue) -> None:
    assert names(few, Wanted("board-b")) == "b"
    assert names(few, Wanted("BENCHMARK smallnet boarda")) == "ap"  # every word; names also without their spaces
    assert names(few, Wanted("small-net litert")) == "abcdenp"  # nobody has said what s runs on
    assert names(few, Wanted("nowhere")) == ""


def test_the_list_begins_with_the_best_known_whatever_is_looked_for(few: Catalogue) -> None:
    """a to e are measured, p is published, s and n are declared; s has an accuracy beside its latency, n has not."""

    def listed(asked: Wanted) -> str:
        return "".join(few.projection.models["model"].iloc[few.listed(few.found(asked))])

    assert listed(Wanted()) == "abcdepsn"
    assert listed(Wanted("", {"grade": ("declared",)})) == "sn"


def test_of_equals_one_of_each_network_is_listed_in_turn_and_those_that_work_first() -> None:
    """Two networks, two models each, and one whose accuracy is 0: that figure counts as none."""
    catalogue = Catalogue(
        knowledge_of(
            *(measured(name, accuracy_percent=accuracy) for name, accuracy in NAMED.items()),
            *(model(name, network=f"net-{name[0]}") for name in NAMED),
        ).projection
    )
    rows = catalogue.listed(catalogue.found(Wanted()))
    assert list(catalogue.projection.models["model"].iloc[rows]) == ["b1", "c1", "b2", "c2", "a0"]


def test_facets_narrow_down_and_count_what_each_choice_would_leave(few: Catalogue) -> None:
    # a, c, e, n, p are float, b and d w8a8; of s nobody has said. All stand for classification but p.
    assert few.options("technique", Wanted()) == {"none": 5, "quantization": 2}
    detection = Wanted("", {"purpose": ("object-detection",)})
    assert few.options("technique", detection) == {"none": 1}
    assert few.options("purpose", detection) == {"image-classification": 7, "object-detection": 1}
    assert names(few, detection.choosing("purpose", ("object-detection", "image-classification"))) == "abcdenps"
    assert names(few, Wanted("", {"technique": ("quantization",), "device": ("board-b", "board-c")})) == "b"
    assert few.options("device", detection.choosing("device", ("board-b",))) == {"board-a": 1, "board-b": 0}


def test_evidence_figures_and_licences_are_facets_too(few: Catalogue) -> None:
    # The five have published latencies and measured accuracies, n and s declared ones, p a published latency.
    assert few.options("grade", Wanted()) == {"measured": 5, "published": 6, "declared": 2}
    assert names(few, Wanted("", {"grade": ("declared",)})) == "ns"
    assert names(few, Wanted("", {"has": ("accuracy_percent",)})) == "abcdes"
    assert few.options("has", Wanted())["any"] == 8
    assert few.options("commercial", Wanted()) == {"yes": 5, "unknown": 3}


def test_a_kind_holds_its_narrower_kinds_unless_only_it_is_meant(shipped: Catalogue) -> None:
    p = shipped.projection
    edge = len(shipped.found(Wanted("", {"device_type": ("edge-device",)})))
    boards = len(shipped.found(Wanted("", {"device_type": ("single-board-computer",)})))
    assert edge > boards > 0
    quantized = shipped.options("technique", Wanted())
    assert quantized["quantization"] > quantized["quantization.only"] > 0
    assert shipped.label("technique", "quantization.only") == "Quantization, narrower kinds left out"
    stated = p.columns["technique"]
    row = shipped.found(Wanted("", {"technique": ("quantization.only",)}))[0]
    assert stated[row] == frozenset({"quantization"})


def test_reference_devices_are_hidden_until_they_are_asked_for(shipped: Catalogue) -> None:
    gpu = Wanted("", {"device_type": ("reference-server",)})
    assert len(shipped.found(gpu)) == 0
    assert len(shipped.found(Wanted("", gpu.chosen, reference=True))) > 1000
    assert "reference-server" not in shipped.options("device_type", Wanted())


@pytest.mark.parametrize("across", ["device_type", "device", "technique", "precision", "runtime", "source"])
@pytest.mark.parametrize("figure", ["", "accuracy_percent"])
def test_a_place_of_the_map_leads_to_exactly_the_models_it_counts(shipped: Catalogue, across: str, figure: str) -> None:
    drawn = Map(across=across, figure=figure)
    counted = coverage(shipped.projection, "purpose", across, figure=figure or None)
    found = [
        [len(shipped.found(drawn.models(shipped, row, column))) for column in counted.columns] for row in counted.rows
    ]
    assert found == counted.counts.tolist()


def test_a_place_with_a_technique_too(few: Catalogue) -> None:
    drawn = Map(across="device", technique="quantization")
    counted = coverage(few.projection, "purpose", "device", only=drawn.only)
    assert (counted.columns, counted.counts.tolist()) == (("board-b", "board-d"), [[1, 1]])
    assert names(few, drawn.models(few, "image-classification", "board-d")) == "d"
    assert Map(across="technique", technique="quantization").only == {}  # an axis already


texts = st.text(st.characters(codec="utf-8", exclude_characters=","), min_size=1, max_size=20).filter(str.strip)


@given(
    st.text(max_size=60).map(str.strip),
    st.dictionaries(st.sampled_from([*FACETS]), st.lists(texts, min_size=1, max_size=3, unique=True).map(tuple)),
    st.booleans(),
)
def test_what_is_looked_for_survives_its_link(words: str, chosen: dict[str, tuple[str, ...]], reference: bool) -> None:
    asked = Wanted(words, chosen, reference)
    assert wanted(asked.parameters()) == asked


def test_every_map_survives_its_link_and_a_bad_link_draws_the_usual_one(few: Catalogue) -> None:
    asked = Map("device", "precision", "quantization", "size_kib", True, ("board-a", "w8a8"))
    assert coverage_map.drawn(asked.parameters(), few) == asked
    assert coverage_map.drawn({"down": "price", "across": "purpose", "technique": "magic", "figure": "x"}, few) == Map()


def test_the_picture_writes_the_counts_and_knows_each_place(few: Catalogue) -> None:
    counted = coverage(few.projection)  # two tasks on seven boards, six holes
    holes, light, dark, points = heat_map.figure(counted).data
    assert int((holes.text == "0").sum()) == 6
    written = [a or b for a, b in zip(light.text.ravel(), dark.text.ravel(), strict=True)]
    assert written.count("1") == 8
    assert points.customdata.tolist() == list(range(14))
    assert divmod(points.customdata[7], 7) == (1, 0)
    assert points.text[7] == "Object detection<br>Board A<br><b>1 model</b>"
    assert "a hole" in points.text[8]


def test_a_link_shows_the_models_and_the_table_has_their_figures(app: AppTest, shipped: Catalogue) -> None:
    opened(app, {"view": "repository", "q": "mobilenetv2 galaxy s24", "technique": "quantization"})
    frame, p = app.dataframe[0].value, shipped.projection
    rows = shipped.found(Wanted("mobilenetv2 galaxy s24", {"technique": ("quantization",)}))
    assert 0 < len(frame) == len(rows) < 50
    for i, row in enumerate(rows):
        latency = p.fact(int(row), "inference_latency_ms")
        assert latency is not None and frame["Latency (ms)"].iat[i] == latency.value
        assert latency.evidence.value in frame["Latency evidence"].iat[i]
    assert f"**{len(rows)} models**" in text(app)


def test_choosing_and_typing_change_the_address_and_unknown_names_are_told(app: AppTest) -> None:
    opened(app, {"view": "repository", "device": "toaster", "source": "lee-2022"})
    assert "toaster" in app.warning[0].value
    assert len(app.dataframe[0].value) == 112
    (technique,) = [m for m in app.multiselect if m.label == "Technique"]
    technique.set_value(["pruning"]).run()
    assert address(app) == {"view": "repository", "technique": "pruning", "source": "lee-2022"}
    (search,) = [t for t in app.text_input if t.label == "Search"]
    search.set_value(" nothing  like this ").run()
    assert address(app)["q"] == "nothing like this"
    assert "No model has all of this" in app.info[0].value
    without = next(b for b in app.button if b.label.startswith("Without the words"))
    without.click().run()
    assert "q" not in address(app) and len(app.dataframe[0].value) > 0
    assert not app.exception


def test_a_hole_says_what_is_missing_and_leads_to_a_build(app: AppTest) -> None:
    link = {"view": "repository", "tab": "map", "row": "pose-estimation", "column": "microcontroller"}
    opened(app, link)
    page = text(app)
    assert "A hole: Pose estimation × Microcontroller" in page
    assert "No model is on record there." in page
    assert "Microcontroller: most is known for Anomaly detection (20)" in page
    app.button(key="hole-build").click().run()
    assert not app.exception
    assert address(app) == {"step": "build", "task": "pose-estimation", "device_types": "microcontroller"}


def test_what_a_request_says_for_a_place() -> None:
    drawn = Map("purpose", "device", technique="pruning")
    assert coverage_map.requirement(drawn, "pose-estimation", "board-a") == Requirement(
        task=("pose-estimation",), device_names=("board-a",), techniques_wanted=("pruning",)
    )
    # No field of a request asks for models without a technique, or for a source.
    assert coverage_map.requirement(Map("technique", "source"), "none", "lee-2022") == Requirement()


def test_trained_networks_are_found_whether_or_not_a_model_runs_them(app: AppTest, knowledge: Knowledge) -> None:
    with (FACTS / "timm_imagenet_accuracy.csv").open() as file:
        first = next(csv.DictReader(file))
    every = networks.read(knowledge)
    own = every[every["weights_name"] == first["model"]]
    assert float(first["top1_accuracy_percent"]) in list(own["accuracy_percent"])
    p = knowledge.projection
    alone = every[networks.searched(every, p, "", alone=True)]
    assert 0 < len(alone) < len(every)
    assert not set(alone["trained"]) & set(p.models["trained"].dropna())
    opened(app, {"view": "repository", "tab": "networks", "q": "keras densenet121", "trained": "keras-densenet121"})
    page = text(app)
    assert "75.00 % Top-1 accuracy on ImageNet-1k validation (◆ published)" in page
    app.button(key="trained-models").click().run()
    assert address(app) == {"view": "repository", "network": "densenet-121", "reference": "yes"}


def test_every_row_of_the_tables_is_told_under_its_source(app: AppTest, knowledge: Knowledge) -> None:
    found = {given.source.name: given for given in sources.given(knowledge)}
    for name, tables in {
        "timm-aa4b5850": ("timm_measured.csv", "timm_imagenet_accuracy.csv"),
        "lee-2022": ("seed_lee2022.csv", "seed_lee2022_table12.csv"),
        "aihub-0.46.1": ("aihub_perf.csv", "aihub_accuracy.csv", "aihub_devices.csv", "aihub_llm.csv"),
    }.items():
        lines = 0
        for table in tables:
            with (FACTS / table).open() as file:
                lines += sum(1 for _ in csv.DictReader(file))
        assert sum(found[name].outcomes.values()) == lines
    assert found["mlperf-tiny-1.2"].obtained == "2024-04-17"
    assert found["lee-2022"].others["reason"].tolist() == ["Table 14 repeats a row of an earlier table"]
    opened(app, {"view": "repository", "tab": "sources"})
    page = html(app)
    assert "CC-BY-4.0" in page and "52c080d245d2d20c634459208ff2548ce10b3c9f" in page


def test_what_is_found_can_be_downloaded_with_all_its_columns(few: Catalogue) -> None:
    rows = few.found(Wanted("", {"technique": ("quantization",)}))
    table = read_csv(as_csv(few.projection, rows))
    assert list(table["model"]) == ["b", "d"]
    assert list(table["inference_latency_ms"]) == [20.0, 40.0]
    assert len(read_csv(as_csv(few.projection))) == 8
    assert as_parquet(few.projection)[:4] == b"PAR1"


@pytest.mark.browser
def test_a_place_of_the_map_leads_to_its_models_a_row_to_its_page_and_back(loaded: Path) -> None:
    with browser.browser() as chromium, browser.app(loaded) as at:
        page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(15_000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{at}/?view=repository&tab=map&across=precision")
        drawn = page.locator(".nsewdrag").first
        drawn.wait_for()
        browser.at_rest(page)
        box = drawn.bounding_box()
        assert box is not None
        # 32 tasks down, 12 precisions across: the first row is anomaly detection, the third column int8.
        page.mouse.click(box["x"] + box["width"] * 2.5 / 12, box["y"] + box["height"] * 0.5 / 32)
        has_parameters(page, purpose="anomaly-detection", precision="int8", has="any")
        page.get_by_test_id("stDataFrame").wait_for()
        browser.at_rest(page)
        table = page.get_by_test_id("stDataFrame").bounding_box()
        assert table is not None
        page.mouse.click(table["x"] + 260, table["y"] + 52)
        page.wait_for_function("() => new URLSearchParams(location.search).has('model')")
        page.get_by_role("tab", name="History of figures").wait_for()
        page.get_by_role("button", name="Back to the repository").click()
        has_parameters(page, purpose="anomaly-detection", precision="int8")
        browser.at_rest(page)
        page.go_back()
        page.get_by_role("tab", name="History of figures").wait_for()
        page.go_back()
        has_parameters(page, purpose="anomaly-detection", precision="int8")
        browser.at_rest(page)
        page.go_back()
        has_parameters(page, view="repository", tab="map", across="precision")
        page.locator(".nsewdrag").first.wait_for()
        assert faults == []
