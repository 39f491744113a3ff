"""The files of a build beside the original: on the page of the build, on that of the model, and on the command line."""

from __future__ import annotations

import fcntl
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import flow
from cli import cli
from dss.build_comparison import Comparison
from ontology.settings import Settings
from optimizer import jobs
from repository.artifacts import ArtifactStore
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE
from repository.replacements import replacements
from tests.wizard.conftest import MAIN, Built
from tests.wizard.pages import html, opened, text
from wizard.compare import shown_at_first
from wizard.compare_table import chart, structure, table, told


@pytest.fixture(scope="module")
def compared(built: Built) -> Comparison:
    """The build's H5, TFLite and int8 TFLite, with five points to lose."""
    (found,) = flow.compare_build(built.settings, built.job, 5.0)
    return found


@pytest.fixture
def own(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The installation with the build once more, which no process holds open, for a test that writes."""
    settings = replace(built.settings, home=tmp_path / "own")
    for part in (jobs.JOBS, "artifacts"):
        shutil.copytree(built.settings.home / part, settings.home / part)
    for file in built.settings.home.glob("*.json"):
        shutil.copy(file, settings.home)
    graph = built.knowledge.graph
    assert isinstance(graph, EmbeddedGraph)
    graph.snapshot(settings.home / STORE)
    monkeypatch.setenv("DLOM_HOME", str(settings.home))
    return settings


def page(link: dict[str, str]) -> AppTest:
    """A visitor's page of a link."""
    return opened(AppTest.from_file(str(MAIN), default_timeout=90), link)


def formats(found: Comparison) -> dict[str, str]:
    """Each format's model."""
    return {s.row.format: s.row.model for s in found.sides}


def test_the_original_is_what_all_others_were_made_from(compared: Comparison) -> None:
    assert set(formats(compared)) == {"h5", "tflite", "fiq"}
    assert compared.original is not None
    assert (compared.original.format, compared.baseline) == ("h5", compared.original)
    assert compared.winner is not None
    assert compared.winner.latency_p50_ms < compared.original.latency_p50_ms


def test_the_files_say_what_they_hold(compared: Comparison, built: Built) -> None:
    held = {s.row.format: s.row.structure for s in compared.sides}
    h5, tflite = held["h5"], held["tflite"]
    assert h5 is not None and tflite is not None
    assert h5.operators["Dense"] == tflite.operators["FULLY_CONNECTED"] == 3  # 128, 64 and 10 units
    assert tflite.macs == 64 * 128 + 128 * 64 + 64 * 10
    assert dict(structure(next(s.row for s in compared.sides if s.row.format == "tflite")))["· FULLY_CONNECTED"] == "3"
    kept = {f.stem for f in (built.settings.home / "structures").glob("*.json")}
    assert kept == {s.row.sha256 for s in compared.sides}


def test_a_damaged_note_of_a_file_is_read_anew(own: Settings, built: Built, compared: Comparison) -> None:
    row = compared.sides[0].row
    note = own.home / "structures" / f"{row.sha256}.json"
    note.parent.mkdir()
    for damaged in ("", "[]", '{"reader": 0, "operators": {}}', '{"reader": 1, "nodes": 3, "more": 1}'):
        note.write_text(damaged)
        (found,) = flow.compare_build(own, built.job)
        assert found.sides[0].row.structure == row.structure
    assert json.loads(note.read_text())["reader"] == 1


def test_the_sentences_call_runtimes_as_the_page_does(compared: Comparison) -> None:
    first, *_ = told(compared)
    assert "(LiteRT)" in first
    assert "litert-cpu" not in " ".join(told(compared))


def test_a_network_whose_original_was_not_reached_is_not_shown_first(compared: Comparison) -> None:
    found = (compared, replace(compared, network="best"), replace(compared, network="cut off", original=None))
    assert shown_at_first(found, "best") == 1
    assert shown_at_first(found, "cut off") == 0
    assert shown_at_first(found[2:], "cut off") == 0


def test_the_table_has_the_fastest_first_and_numbers_that_sort(compared: Comparison) -> None:
    frame = table(compared)
    assert list(frame["Times as fast"]) == sorted(frame["Times as fast"], reverse=True)
    assert set(frame[""]) == {"★ winner", "original", ""}
    assert frame.loc[frame[""] == "original", "Times smaller"].item() == 1.0
    assert "Times compiled Keras" not in frame  # the original is that one


def test_the_chart_has_the_front_as_a_line_and_marks_original_and_winner(compared: Comparison) -> None:
    drawn = chart(compared)
    traces = {trace.name: trace for trace in drawn.data}
    assert compared.original is not None and compared.winner is not None
    factor = 1000 if "µs" in drawn.layout.xaxis.title.text else 1
    assert drawn.layout.xaxis.type == "log"
    assert traces["original"].x == (compared.original.latency_p50_ms * factor,)
    assert traces["winner"].x == (compared.winner.latency_p50_ms * factor,)
    front = [s.row.latency_p50_ms * factor for s in compared.sides if s.on_front]
    assert list(traces["Pareto front"].x[:-1]) == front
    assert compared.winner.label in traces["winner"].hovertext[0]
    (line,) = [shape for shape in drawn.layout.shapes if shape.type == "line"]
    assert compared.original.quality is not None
    assert line.y0 == compared.original.quality.value - 5.0


def test_the_tolerance_changes_the_winner_at_once(built_app: AppTest, built: Built) -> None:
    opened(built_app, {"job": built.job})
    for tolerance in (0.0, 5.0):
        built_app.slider(key="compare-tolerance").set_value(tolerance).run()
        (found,) = flow.compare_build(built.settings, built.job, tolerance)
        shown = next(d.value for d in built_app.dataframe if "Times as fast" in d.value)
        assert list(shown["File"]) == [s.row.label for s in found.sides]
        (place,) = [i for i, role in enumerate(shown[""]) if "★" in role]
        assert found.sides[place].row == found.winner
    assert "5 points of the original&#x27;s accuracy" in html(built_app)


def test_replaced_with_a_confirmation_marked_everywhere_and_taken_back(own: Settings, built: Built) -> None:
    (found,) = flow.compare_build(own, built.job, 5.0)
    assert found.original is not None and found.successor is not None
    app = page({"job": built.job})
    app.slider(key="compare-tolerance").set_value(5.0).run()
    app.button(key="compare-replace").click().run()
    graph = flow.installation(own).graph

    # Without a name nothing happens; with one it is on record.
    app.button(key="compare-yes").click().run()
    assert "Write your name" in app.error[0].value
    assert replacements(graph) == ()
    app.text_input(key="compare-by").input("Ann")
    app.text_input(key="compare-because").input("fast enough for the door")
    app.button(key="compare-yes").click().run()
    assert not app.exception
    (act,) = replacements(graph)
    assert (act.model, act.successor, act.decided_by) == (found.original.model, found.successor.model, "Ann")
    assert any("was replaced by" in i.value and "Ann" in i.value for i in app.info)

    # The original's page and its history say so, and lead on.
    app = page({"model": found.original.model})
    assert any("eplaced by" in w.value and "by Ann" in w.value for w in app.warning)
    p = flow.installation(own).projection
    successor = p.models.iloc[p.positions[found.successor.model]]
    named = f"{p.label('opt', successor['optimization'])}, {p.label('rt', successor['runtime'])}"
    assert f"Replaced by {named} on" in html(app)
    app.button(key=f"to-successor-{found.original.model}").click().run()
    assert "Took the place of No optimization (float), Keras on CPU on" in html(app)
    assert not app.warning

    # Taken back with a reason; that stays on record.
    again = page({"job": built.job})
    again.button(key="compare-undo").click().run()
    again.text_input(key="compare-by").input("Bob")
    again.text_input(key="compare-because").input("fails in the dark")
    again.button(key="compare-yes").click().run()
    (act,) = replacements(graph)
    assert (act.withdrawn_by, act.withdrawn_because) == ("Bob", "fails in the dark")
    assert flow.installation(own).projection.models["replaced_by"].notna().sum() == 0


def test_two_pictures_are_shown_when_asked_for(built_app: AppTest, built: Built) -> None:
    opened(built_app, {"job": built.job})
    assert not built_app.get("iframe")
    built_app.toggle(key="compare-graphs").set_value(True).run()
    before, after = (frame.proto.src for frame in built_app.get("iframe"))
    assert before.startswith("/netron/?file=") and ".h5" in before
    assert after.startswith("/netron/?file=") and ".tflite" in after
    assert "See its graph (Netron)" not in text(built_app)


def test_the_command_compares_replaces_and_takes_back(own: Settings, built: Built) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, ["compare", *words])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    shown = run("latest", "--tolerance", "5")
    assert "← winner" in shown and "mlp-128-64, tolerance 5 points" in shown
    (data,) = json.loads(run(built.job[:12], "--tolerance", "5", "--json"))
    (winner,) = (row for row in data["files"] if row["model"] == data["successor"])
    kept = ArtifactStore(own.home / "artifacts").path(winner["sha256"])
    assert f"model {data['successor']}, a .tflite file: {kept}" in shown
    assert data["successor"] != data["original"]
    assert data["replaced_by"] is None
    told = run("latest", "--tolerance", "5", "--replace", "--by", "Ann", "--because", "faster")
    assert f"m:{data['original']} was replaced by m:{data['successor']} on " in told
    (data,) = json.loads(run("latest", "--tolerance", "5", "--json"))
    assert data["replaced_by"] == data["successor"]
    assert "by Ann: faster" in run("latest", "--tolerance", "5")
    assert told.splitlines()[0] in CliRunner().invoke(cli, ["history", data["original"]]).output
    assert "taken back on" in run("latest", "--undo", "--by", "Bob", "--because", "wrong")


def test_what_a_running_build_shows_is_said_to_be_so_far(own: Settings, built: Built) -> None:
    folder = own.home / jobs.JOBS / built.job
    (folder / jobs.END).unlink()
    with (folder / jobs.LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as its process does
        done = CliRunner().invoke(cli, ["compare", "latest"])
    total = jobs.state(own.home, built.job).total
    assert f"{built.job} is still running, {total} of {total} steps are done: this is what it has so far" in done.output


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("no-such",), "there is no build 'no-such'"),
        (("latest", "--tolerance", "-1"), "from 0 to 100"),
        (("latest", "--network", "vgg"), "no network 'vgg' in this build"),
        (("latest", "--replace"), "--by NAME"),
        (("latest", "--undo", "--by", "Ann"), "--because"),
        (("latest", "--undo", "--replace", "--by", "Ann"), "opposites"),
        (("latest", "--undo", "--by", "Ann", "--because", "wrong"), "is not replaced"),
    ],
)
def test_what_makes_no_sense_is_refused(own: Settings, words: tuple[str, ...], reason: str) -> None:
    done = CliRunner().invoke(cli, ["compare", *words])
    assert done.exit_code != 0
    assert reason in str(done.exception)
