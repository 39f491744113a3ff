"""A model's page: facts, history, lineage, votes, and measuring on data of one's own."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import flow
from ontology.records import Grade, MeasurementRun, Model, Performance
from ontology.settings import Settings
from optimizer.data import load
from repository.graph import EmbeddedGraph
from repository.history import drift, spread
from repository.knowledge import Knowledge
from repository.register import register
from repository.store import store, take_back
from tests.tiny import tiny_knowledge
from tests.wizard.conftest import Built
from tests.wizard.pages import address, html, opened, text, upload, widgets
from wizard import drift_chart, model_facts

PHONE = "aihub-mobilenet_v2-w8a8-tflite-samsung-galaxy-s24"


def archive(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def the(built: Built, format_: str) -> str:
    """The name of the built model in one format."""
    outcome = flow.build_outcome(built.settings, built.job, built.knowledge)
    return next(row.model for row in flow.built_rows(outcome) if row.format == format_)


@pytest.fixture
def copy(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The installation with the build once more, for tests that write."""
    settings = Settings(home=tmp_path / "copy")
    shutil.copytree(built.settings.home, settings.home)
    monkeypatch.setenv("DLOM_HOME", str(settings.home))
    return settings


def test_a_published_model_shows_its_facts_and_where_to_get_it(app: AppTest) -> None:
    opened(app, {"model": PHONE})
    page = text(app)
    assert "MobileNet v2 on Samsung Galaxy S24" in page
    assert "◆ published" in page
    (link,) = app.get("link_button")
    assert link.proto.url.startswith("https://aihub.qualcomm.com/")
    assert not [
        b for b in widgets(app, "download_button") if b.proto.label.startswith("Download ") and "KiB" in b.proto.label
    ]
    assert any("cannot be run" in c.value for c in app.caption)


def test_the_history_has_every_act_with_its_run(built_app: AppTest, built: Built) -> None:
    model = the(built, "fiq")
    opened(built_app, {"model": model})
    history = built_app.dataframe[0].value
    assert list(history["Counts"]) == ["now", "now"]
    assert set(history["Evidence"]) == {"● measured"}
    p = built.knowledge.projection
    latency = p.fact(p.positions[model], "inference_latency_ms")
    assert latency is not None
    assert latency.value in list(history["Latency (ms)"])
    assert any("Top-1 accuracy on Digits 8×8" in q and "360 examples" in q for q in history["Quality"])


def test_the_lineage_names_data_training_seed_and_parent(built_app: AppTest, built: Built) -> None:
    model, parent = the(built, "fiq"), model_facts.parent(built.knowledge, the(built, "fiq"))
    opened(built_app, {"model": model})
    page = html(built_app)
    for said in ("Digits 8×8 (scikit-learn)", "12 epochs", "17,226", "8 × 8 × 1", "Full integer quantization"):
        assert said in page
    assert dict(model_facts.lineage(built.knowledge, model))["Random seed"] == "0"
    assert parent == the(built, "h5")


def test_votes_are_stored_under_a_name_and_counted(copy: Settings, built: Built) -> None:
    model = the(built, "tflite")
    from tests.wizard.conftest import MAIN

    app = opened(AppTest.from_file(str(MAIN), default_timeout=90), {"model": model})
    submit = next(b for b in app.button if b.label == "Store my rating")
    submit.click().run()
    assert "Write your name" in app.error[0].value
    app.text_input(key="rate-name").input("Ann")
    next(b for b in app.button if b.label == "Store my rating").click().run()
    assert "at least one objective" in app.error[0].value
    for objective, stars in (("latency", 4), ("cost", 2)):
        next(w for w in widgets(app, "feedback") if w.key == f"rate-{objective}").set_value(stars)
    app.text_input(key="rate-comment").input("quick <b>enough</b>")
    next(b for b in app.button if b.label == "Store my rating").click().run()
    assert not app.exception
    assert "your rating of 2 objectives" in app.success[0].value
    knowledge = flow.installation(copy)
    votes = model_facts.votes(knowledge, model)
    assert sorted(zip(votes["objective"], votes["rating"], strict=True)) == [("cost", 3), ("latency", 5)]
    assert dict(model_facts.mean_votes(votes)) == {"Cost": "3.0 of 5 (1 vote)", "Latency": "5.0 of 5 (1 vote)"}
    rating = knowledge.projection.columns["user_rating"]
    assert isinstance(rating, np.ndarray)
    assert rating[knowledge.projection.positions[model]] == 4.0
    assert "quick &lt;b&gt;enough&lt;/b&gt;" in html(app)


def test_ones_own_pictures_give_the_accuracy_on_record_and_stay_out_of_the_search(copy: Settings, built: Built) -> None:
    """The examples are those on which the build measured, so the accuracy must be the same to the last digit."""
    from tests.wizard.conftest import MAIN

    model, digits = the(built, "fiq"), load("digits")
    app = opened(AppTest.from_file(str(MAIN), default_timeout=90), {"model": model})
    upload(app, f"try-{model}", "mine.npz", archive(x=digits.x_test, y=digits.y_test))
    app.button(key="try-start").click().run()
    assert not app.exception
    knowledge = flow.installation(copy)
    row = knowledge.projection.positions[model]
    before = knowledge.projection.fact(row, "accuracy_percent")
    assert before is not None
    assert app.metric[0].value == f"{before.value:.1f} %"
    assert len(model_facts.history(knowledge, model)) == 2  # nothing is stored yet
    app.button(key="try-keep").click().run()
    assert "Kept in the history" in app.success[0].value
    history = model_facts.history(knowledge, model)
    assert sorted(history["Counts"]) == ["no, past", "no, past", "now", "now"]
    assert knowledge.projection.fact(row, "accuracy_percent") == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not an archive", "cannot be read as .npz"),
        (archive(x=np.zeros((30, 5, 5, 1), np.float32), y=np.arange(30) % 3), "shape"),
        (archive(x=np.zeros((30, 8, 8, 1), np.float32), y=np.zeros(30, int)), "one class"),
        (archive(pictures=np.zeros((30, 8, 8, 1), np.float32)), "needed are x and y"),
    ],
)
def test_data_that_do_not_fit_are_told(built_app: AppTest, built: Built, content: bytes, message: str) -> None:
    model = the(built, "tflite")
    opened(built_app, {"model": model})
    upload(built_app, f"try-{model}", "wrong.npz", content)
    built_app.button(key="try-start").click().run()
    assert not built_app.exception
    assert any(message in e.value.replace("\\", "") for e in built_app.error), [e.value for e in built_app.error]


def test_a_model_that_is_not_there_is_told(app: AppTest) -> None:
    opened(app, {"model": "<b>nobody</b>"})
    assert "There is no model" in app.error[0].value
    app.button(key="to-find").click().run()
    assert address(app) == {"step": "project"}


def repeated(knowledge: Knowledge, network: str, device: str, **values: float) -> None:
    """An engineer's model that was measured again and again; `r3=9.0` is 9 ms on the third of the month."""
    acts = [
        Performance(
            name=f"local-{name}", inference_latency_ms=ms, evidence=Grade.MEASURED, source="local",
            obtained=date(2026, 11, int(name[1:])), generated_by=f"local-{name}",
        )
        for name, ms in values.items()
    ]  # fmt: skip
    runs = [MeasurementRun(name=a.name, threads=1, repetitions=50, installation="bench") for a in acts]
    for i, (run, act) in enumerate(zip(runs, acts, strict=True), start=1):
        model = Model(
            name="local-mine", source="local", network=network, optimization="w8a8", device=device,
            runtime="litert-cpu", purpose="image-classification", performance=tuple(a.name for a in acts[:i]),
        )  # fmt: skip
        store(knowledge, [run, act, model])


def test_drift_is_told_in_percent_of_what_counts_now_and_withdrawn_values_stand_apart() -> None:
    knowledge = tiny_knowledge()
    repeated(knowledge, "small-net", "board-a", r1=8.0, r2=90.0, r3=12.0, r4=10.0)
    take_back(knowledge, ["local-r2"], by="Ann", because="wrong board", on=date(2026, 11, 5))
    own = drift(knowledge.graph, "local-mine")
    assert list(drift_chart.read_words(own, spread(own))) == [
        "Beside the value that counts now, the others lie at -20.00 to +20.00 %.",  # 8 and 12 beside 10
        "3 measured repeats: mean 10 ms, 8 to 12; standard deviation 2 ms, which is 20.00 % of the mean.",
        "1 withdrawn value is left out of these.",
    ]
    chart = drift_chart.figure(own)
    drawn = {t.name: (list(t.x), [round(y, 9) for y in t.y]) for t in chart.data if t.name}
    # The scale goes from 8 − 1 to 12 + 1, and the withdrawn 90 stands at its edge, 5 % of its length inside.
    assert drawn == {"counts now": ([4], [10]), "past": ([1, 3], [8, 12]), "withdrawn": ([2], [12.7])}
    history = model_facts.history(knowledge, "local-mine")
    assert list(history["Counts"]) == ["now", "no, past", "no, withdrawn on 2026-11-05 by Ann: wrong board", "no, past"]


def test_figures_without_a_date_stand_by_when_they_were_registered() -> None:
    knowledge = tiny_knowledge()
    model = Model(
        name="local-mine", source="local", network="small-net", optimization="w8a8", device="board-a",
        runtime="litert-cpu", purpose="image-classification",
    )  # fmt: skip
    assert isinstance(knowledge.graph, EmbeddedGraph)
    for minute, (name, ms) in enumerate((("z", 0.302), ("m", 0.31), ("y", 0.33), ("a", 0.29))):
        act = Performance(name=name, inference_latency_ms=ms, evidence=Grade.DECLARED, source="local")
        moment = datetime(2026, 11, 20, 10, minute, tzinfo=UTC)
        register(knowledge.graph, [act, replace(model, performance=(name,))], at=moment)
    history = model_facts.history(knowledge, "local-mine")
    assert history["Latency (ms)"].tolist() == [0.29, 0.33, 0.31, 0.302]
    assert history["Obtained"].iat[0] == "registered 2026-11-20 10:03 UTC"
    chart = drift_chart.figure(drift(knowledge.graph, "local-mine"))
    assert [list(t.y) for t in chart.data if t.name is None] == [[0.302, 0.31, 0.33, 0.29]]
    assert chart.layout.xaxis.ticktext[0] == "registered 2026-11-20 10:00 UTC"


def test_two_values_are_told_as_one_difference() -> None:
    knowledge = tiny_knowledge()
    repeated(knowledge, "small-net", "board-a", r1=11.0, r2=10.0)
    own = drift(knowledge.graph, "local-mine")
    first = next(drift_chart.read_words(own, spread(own)))
    assert first == "Beside the value that counts now, the other one lies at +10.00 %."


def test_an_act_that_holds_in_part_has_one_line() -> None:
    # The second act took latency and size again; the throughput of the first is still the one that counts.
    knowledge = tiny_knowledge()
    first = Performance(
        name="local-1", inference_latency_ms=8.0, size_kib=900.0, throughput_per_s=100.0, evidence=Grade.DECLARED,
        source="local", obtained=date(2026, 11, 1),
    )  # fmt: skip
    second = Performance(
        name="local-2", inference_latency_ms=9.0, size_kib=950.0, evidence=Grade.DECLARED, source="local",
        obtained=date(2026, 11, 2),
    )  # fmt: skip
    model = Model(
        name="local-mine", source="local", network="small-net", optimization="w8a8", device="board-a",
        runtime="litert-cpu", purpose="image-classification", performance=("local-1", "local-2"),
    )  # fmt: skip
    store(knowledge, [replace(model, performance=("local-1",)), first])
    store(knowledge, [model, second])
    history = model_facts.history(knowledge, "local-mine")
    assert dict(zip(history["Name"], history["Counts"], strict=True)) == {"local-2": "now", "local-1": "in part"}


def test_figures_of_ones_own_are_withdrawn_after_a_second_question(fresh_app: AppTest, fresh: Settings) -> None:
    knowledge = flow.installation(fresh)
    repeated(knowledge, "mobilenet-v2", "samsung-galaxy-s24", r1=10.0, r2=100.0)
    app = opened(fresh_app, {"model": "local-mine"})

    def withdraw() -> AppTest:
        return next(b for b in app.button if b.label == "Withdraw …").click().run()

    def latency() -> float:
        p = knowledge.projection
        found = p.fact(p.positions["local-mine"], "inference_latency_ms")
        assert found is not None
        return found.value

    assert app.multiselect(key="withdraw-which").proto.select_all == 0  # not all at one touch
    withdraw()
    assert app.error[0].value.replace("\\", "") == "Nothing was withdrawn. Say which lines, your name, why."
    app.multiselect(key="withdraw-which").set_value(["local-r2"])
    app.text_input(key="withdraw-by").input("Ann")
    app.text_input(key="withdraw-because").input("a fan had <b>failed</b>")
    withdraw()
    assert not app.exception
    assert "for good" in app.warning[0].value and "a fan had &lt;b&gt;failed&lt;/b&gt;" in html(app)
    assert latency() == 100.0  # asked, not done
    app.button(key="withdraw-no").click().run()
    assert latency() == 100.0
    app.multiselect(key="withdraw-which").set_value(["local-r2"])
    app.text_input(key="withdraw-by").input("Ann")
    app.text_input(key="withdraw-because").input("a fan had failed")
    withdraw()
    app.button(key="withdraw-yes").click().run()
    assert not app.exception
    assert app.success[0].value.replace("\\", "").startswith("Withdrawn: 1 line")
    assert latency() == 10.0
    assert not [b for b in app.button if b.key == "withdraw-yes"]
    shown = app.dataframe[0].value
    assert shown["Counts"].iat[0].endswith("by Ann: a fan had failed")
    assert shown["Counts"].iat[1] == "now"


def test_what_a_source_has_published_cannot_be_withdrawn_here(app: AppTest) -> None:
    opened(app, {"model": PHONE})
    assert any("stays as it was published" in c.value for c in app.caption)
    assert not [m for m in app.multiselect if m.key == "withdraw-which"]


def test_back_to_the_repository_returns_to_what_was_looked_for(app: AppTest) -> None:
    link = {"view": "repository", "q": "mobilenet galaxy", "technique": "quantization"}
    opened(app, link)
    for name in link:
        del app.query_params[name]
    opened(app, {"model": PHONE})
    app.button(key="to-repository").click().run()
    assert address(app) == link
