"""A model's page: facts, history, lineage, votes, and measuring on data of one's own."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import flow
from dss.preferences import Preferences
from ontology.settings import Settings
from optimizer.data import load
from tests.wizard.conftest import Built
from tests.wizard.pages import address, html, opened, text, upload, widgets
from wizard import model_facts

PHONE = "aihub-mobilenet_v2-w8a8-tflite-samsung-galaxy-s24"


def archive(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def the(built: Built, format_: str) -> str:
    """The name of the built model in one format."""
    outcome = flow.build_outcome(built.settings, built.job, Preferences(), built.knowledge)
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
    assert parent is None  # the H5 was not among the recipes, so it is no model on record


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
