"""Build new, the list of builds and a build's page, on real installations and with real builds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import flow
from device.machine import this_machine
from dss.preferences import Preferences
from ontology.records import Objective, Vote
from ontology.requirement_json import from_json, to_link
from ontology.settings import Settings
from optimizer import jobs
from optimizer.jobs import Status
from repository import this_device
from repository.store import store
from repository.terms import node
from repository.votes import VOTES, vote_records
from repository.writing import update
from tests.optimizer.test_packed import packed
from tests.wizard.conftest import DIGITS, Built, wait_for
from tests.wizard.pages import address, html, opened, text, upload
from wizard.job_table import REGISTERING, time_unit

LINK = {
    "task": "image-classification",
    "training_data": "digits",
    "metric": "top-1",
    "test_data": "digits-test",
    "accuracy_percent_at_least": "90",
    "inference_latency_ms_at_most": "1",
}


def test_nothing_fits_leads_to_a_proposal_with_reasons(fresh_app: AppTest, fresh: Settings) -> None:
    opened(fresh_app, {"step": "results", **LINK})
    assert fresh_app.subheader[0].value.startswith("Nothing meets every limit yet")
    fresh_app.button(key="build-one").click().run()
    assert address(fresh_app)["step"] == "build"
    assert fresh_app.selectbox(key="build-data").value == "digits"
    knowledge = flow.installation(fresh)
    recipes = flow.propose(
        from_json({k: v for k, v in DIGITS.items() if k != "preferences"}, knowledge.projection.choices), knowledge
    )
    page = html(fresh_app)
    assert f"{len(recipes)} candidates" in page
    order = [page.index(f"<b>{name}</b>") for name in ("Small MobileNet", "CNN of the optimization report")]
    assert recipes[0].network == "small-mobilenet"
    assert order == sorted(order)
    assert page.count("In 426 comparable pairs for this purpose, full integer quantization was slower in 23") == 1
    assert page.count("quantization lowers latency and costs accuracy") == 1  # though three formats rest on it


def test_the_form_comes_from_a_match_too(app: AppTest) -> None:
    opened(app, {"step": "results", "task": "object-detection"})
    app.button(key="build-new").click().run()
    assert address(app) == {"step": "build", "task": "object-detection"}
    app.button(key="build-back").click().run()
    assert address(app) == {"step": "results", "task": "object-detection"}


def test_without_the_converters_the_page_says_how_to_get_them(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.build.find_spec", lambda name: None)
    opened(app, {"step": "build", **LINK})
    assert "about 1 GB" in app.info[0].value
    assert any(c.value.startswith("./dlom build") for c in app.code)
    assert not [b for b in app.button if b.key == "build-start"]


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("machine-price", "a lot", "the device's price: 'a lot' is not a number"),
        ("machine-price", "-3", "the device's price must be more than 0 USD"),
        ("machine-label", "  ", "the device's name must be a text of 1 to 80 characters"),
    ],
)
def test_a_wrong_word_about_the_machine_is_told_and_nothing_starts(
    fresh_app: AppTest, fresh: Settings, key: str, entry: str, message: str
) -> None:
    opened(fresh_app, {"step": "build", **LINK})
    fresh_app.text_input(key=key).input(entry).run()
    fresh_app.button(key="build-start").click().run()
    assert not fresh_app.exception
    assert any(message in e.value.replace("\\", "") for e in fresh_app.error)
    assert jobs.jobs(fresh.home) == []
    assert this_device.load(fresh.home, this_machine().fingerprint) is None


def test_data_that_cannot_be_learnt_from_start_nothing(fresh_app: AppTest, fresh: Settings) -> None:
    file = fresh.home / "one-class.npz"
    np.savez(file, x=np.random.default_rng(0).random((40, 8)), y=np.zeros(40, dtype=int))
    opened(fresh_app, {"step": "build", **LINK})
    fresh_app.selectbox(key="build-data").select("path").run()
    for path, message in ((str(file), "all examples are of one class"), ("no-such.npz", "cannot be read as .npz")):
        fresh_app.text_input(key="build-path").input(path).run()
        fresh_app.button(key="build-start").click().run()
        assert not fresh_app.exception
        assert any(message in e.value.replace("\\", "") for e in fresh_app.error), [e.value for e in fresh_app.error]
    assert jobs.jobs(fresh.home) == []


def test_a_packed_saved_model_may_be_brought_and_other_archives_not(app: AppTest, tmp_path: Path) -> None:
    opened(app, {"step": "build", **LINK})
    upload(app, "build-model", "net.zip", packed(tmp_path / "net.zip").read_bytes())
    assert "net.zip: 0 parameters" in app.success[0].value.replace("\\", "")
    assert "the network is untrained" in app.warning[0].value
    upload(app, "build-model", "net.zip", packed(tmp_path / "net.zip", {"data/0.png": b"x"}).read_bytes())
    assert "net.zip: it holds data/0.png, and no saved_model.pb" in app.error[0].value.replace("\\", "")


def test_a_build_starts_from_the_form_and_stop_keeps_what_is_finished(
    fresh_app: AppTest, fresh: Settings, built: Built
) -> None:
    opened(fresh_app, {"step": "build", "prefs": "Ann=security-cost:5|Ben=security-latency:3", **LINK})
    assert "Ranked by the preferences of Ann and Ben: security" in text(fresh_app).replace("\\", "")
    fresh_app.text_input(key="machine-label").input("Bench 7").run()
    fresh_app.number_input(key="build-minutes").set_value(1).run()
    fresh_app.button(key="build-start").click().run()
    assert not fresh_app.exception
    (state,) = jobs.jobs(fresh.home)
    assert address(fresh_app) == {"job": state.id}
    assert (state.spec.data, state.spec.minutes) == ("digits", 1.0)
    assert len(state.spec.recipes) == 3 * 7  # networks, and formats that a build proposes by itself
    assert set(state.spec.requirement["preferences"]) == {"Ann", "Ben"}
    described = this_device.load(fresh.home, this_machine().fingerprint)
    assert described is not None
    assert described.label == "Bench 7"
    fresh_app.button(key="job-stop").click().run()
    assert wait_for(fresh.home, state.id).status is Status.STOPPED
    fresh_app.run()
    assert "**Stopped**" in str(fresh_app.get("progress")[0].proto.text)
    assert fresh_app.button(key="job-on").label == "Go on"


def test_the_page_shows_the_figures_that_were_measured_and_the_choice(built_app: AppTest, built: Built) -> None:
    opened(built_app, {"job": built.job})
    outcome = flow.build_outcome(built.settings, built.job, built.knowledge)
    rows = {row.format: row for row in flow.built_rows(outcome)}
    assert outcome.chosen in {row.model for row in rows.values()}
    shown = built_app.dataframe[0].value
    assert list(shown["Verdict"]) == ["★ chosen", "✓ meets every limit", "✓ meets every limit"]
    by_size = sorted(shown["Size (KiB)"])
    assert by_size == sorted(row.size_kib for row in rows.values())
    order = list(built_app.dataframe[0].proto.column_order)
    short, factor = time_unit(row.latency_p50_ms for row in rows.values())
    assert f"Latency ({short})" in order and f"p95 ({short})" not in order  # what a narrow page has room for
    built_app.toggle(key="job-whole").set_value(True).run()
    assert not built_app.dataframe[0].proto.column_order  # all of them
    assert sorted(shown[f"Latency ({short})"]) == sorted(row.latency_p50_ms * factor for row in rows.values())
    assert "Chosen: meets every limit" in text(built_app)
    assert built_app.get("download_button")[0].proto.label.startswith("Download TFLITE")


@pytest.fixture
def secure_job(built: Built) -> Iterator[str]:
    """The same build, asked for by somebody to whom security counts most. Ann finds the TFLite file safe, but hard."""
    outcome = flow.build_outcome(built.settings, built.job, built.knowledge)
    votes: list[Vote] = []
    for candidate, name in zip(outcome.built, outcome.names, strict=True):
        secure, easy = (5, 1) if candidate.recipe.format == "tflite" else (1, 5)
        stars = {Objective.SECURITY: secure, Objective.COMPLEXITY: easy}
        votes += vote_records(name, stars, rated_by="Ann", day=date(2026, 11, 20))
    store(built.knowledge, votes)
    spec = jobs.state(built.settings.home, built.job).spec
    others = ("performance", "reliability", "cost", "latency", "complexity")
    preferences = Preferences.from_text(",".join(f"security-{other}:9" for other in others))
    job = jobs.create(
        built.settings.home, replace(spec, requirement={**spec.requirement, "preferences": preferences.to_json()})
    )
    place = built.settings.home / jobs.JOBS
    shutil.copytree(place / built.job / jobs.STEPS, place / job / jobs.STEPS)
    shutil.copyfile(place / built.job / jobs.END, place / job / jobs.END)
    yield job
    shutil.rmtree(place / job)
    gone = (f"DELETE WHERE {{ GRAPH {VOTES} {{ {node('vote', vote.name)} ?p ?o }} }}" for vote in votes)
    update(built.knowledge, " ;\n".join(gone))


def test_the_preferences_of_a_build_are_kept_with_it(built_app: AppTest, built: Built, secure_job: str) -> None:
    """A browser that knows nothing but the link ranks as the one that started the build, and so does the search."""
    alike = flow.build_outcome(built.settings, built.job, built.knowledge)
    outcome = flow.build_outcome(built.settings, secure_job, built.knowledge)
    assert {
        c.recipe.format for c, name in zip(outcome.built, outcome.names, strict=True) if name == outcome.chosen
    } == {"tflite"}
    assert alike.chosen != outcome.chosen
    opened(built_app, {"job": built.job})
    assert "all six objectives counting alike: no preferences were given" in text(built_app).replace("\\", "")
    built_app.query_params.clear()
    opened(built_app, {"job": secure_job})
    assert "Ranked by the preferences given with the request: security" in text(built_app).replace("\\", "")
    chosen = next(r for r in flow.built_rows(outcome) if r.model == outcome.chosen)
    assert built_app.dataframe[0].value["Size (KiB)"][0] == chosen.size_kib
    built_app.button(key="job-search").click().run()
    assert isinstance(outcome.preferences, Preferences)
    assert address(built_app)["prefs"] == outcome.preferences.to_text()


def test_search_again_finds_what_was_built_first(built_app: AppTest, built: Built) -> None:
    opened(built_app, {"job": built.job})
    outcome = flow.build_outcome(built.settings, built.job, built.knowledge)
    built_app.button(key="job-search").click().run()
    asked = address(built_app)
    assert asked.pop("step") == "results"
    requirement = from_json(
        jobs.state(built.settings.home, built.job).spec.requirement, built.knowledge.projection.choices
    )
    assert asked == to_link(requirement)  # without preferences, as none were given
    found = flow.select(requirement, Preferences(), built.knowledge)
    assert found.ranking.winner is not None
    assert built.knowledge.projection.models["model"].iat[found.ranking.winner.row] == outcome.chosen
    assert "Recommended for you" in text(built_app)
    built_app.button(key=f"model-{outcome.chosen}").click().run()
    assert address(built_app) == {"model": outcome.chosen}


def test_before_the_graph_has_them_candidates_wait(built: Built, knowledge: object) -> None:
    from wizard.job_table import verdict

    outcome = flow.build_outcome(built.settings, built.job, built.knowledge)
    elsewhere = flow.find_candidates(outcome.candidates.requirement, knowledge)  # type: ignore[arg-type]
    assert verdict(flow.built_rows(outcome)[0], elsewhere, None) == REGISTERING


def test_the_list_leads_to_each_build(built_app: AppTest, built: Built) -> None:
    opened(built_app, {"view": "builds"})
    assert any("finished" in m.value and "classifier of handwritten digits" in m.value for m in built_app.markdown)
    built_app.button(key=f"open-{built.job}").click().run()
    assert address(built_app) == {"job": built.job}
    built_app.button(key="part-find").click().run()
    assert address(built_app) == {"step": "project"}


def test_a_build_that_is_not_there_is_told(app: AppTest) -> None:
    opened(app, {"job": "20200101-000000-abcdef"})
    assert "there is no job" in app.error[0].value
    app.button(key="to-builds").click().run()
    assert address(app) == {"view": "builds"}
    assert "There are none yet" in app.info[0].value
