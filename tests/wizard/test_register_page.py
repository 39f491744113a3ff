"""Register: a table of measurements and a model file, previewed before anything is stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import flow
from ontology.requirement import Requirement
from ontology.settings import Settings
from optimizer.data import load
from repository.runs import measured_model
from tests.optimizer.foreign_models import SAVED_MODEL
from tests.optimizer.test_packed import PARTS, packed
from tests.wizard.conftest import Built
from tests.wizard.pages import html, opened, text, upload
from tests.wizard.test_model_page import archive
from wizard.register_records import EXAMPLE

HEADER = "network,device,precision,runtime,task,dataset,latency (s),accuracy (%)\n"
GOOD = "MobileNet v2,Samsung Galaxy S23,w8a8,LiteRT on NPU,Image classification,imagenet-val,0.00043,70.3\n"
SLIP = "MobileNet v2,Samsung Galaxi S23,w8a8,LiteRT on NPU,Image classification,imagenet-val,0.00043,70.3\n"


def test_a_table_is_previewed_in_our_units_stored_and_found(fresh_app: AppTest, fresh: Settings) -> None:
    opened(fresh_app, {"view": "register"})
    upload(fresh_app, "csv-file", "mine.csv", (HEADER + GOOD).encode())
    rows = fresh_app.dataframe[0].value
    assert rows["Inference latency (ms)"][0] == 0.43  # from seconds
    assert rows["Device"][0] == "Samsung Galaxy S23"
    knowledge = flow.installation(fresh)
    before = len(knowledge.projection)
    fresh_app.button(key="csv-store").click().run()
    assert not fresh_app.exception
    assert "1 new model" in fresh_app.success[0].value
    assert len(knowledge.projection) == before + 1
    name = next(n for n in knowledge.projection.positions if n.startswith("local-mobilenet-v2"))
    asked = Requirement(
        device_names=("samsung-galaxy-s23",), networks=("mobilenet-v2",), accuracy_percent_at_least=70.3
    )
    found = flow.find_candidates(asked, knowledge)
    assert knowledge.projection.positions[name] in found.matches
    fresh_app.button(key="csv-store").click().run()
    assert "nothing has changed" in fresh_app.success[0].value


def test_rows_that_are_wrong_are_told_with_their_line_and_the_good_ones_can_be_stored(
    fresh_app: AppTest, fresh: Settings
) -> None:
    opened(fresh_app, {"view": "register"})
    upload(fresh_app, "csv-file", "mine.csv", (HEADER + GOOD + SLIP).encode())
    (refused,) = fresh_app.error
    assert "line 3: device 'Samsung Galaxi S23' is not known" in refused.value.replace("\\", "")
    rows = fresh_app.dataframe[0].value
    assert list(rows["What"]) == ["✓ stored", "✗ refused"]
    assert rows["Why not"][0] == ""
    assert rows["Why not"][1].startswith("device 'Samsung Galaxi S23' is not known")
    assert rows["Device"][1] == "Samsung Galaxi S23"  # as written
    assert list(rows["Inference latency (ms)"]) == [0.43, 0.43]
    assert not rows.isna().any().any()
    assert fresh_app.button(key="csv-store").label == "Store the good ones (1)"
    fresh_app.toggle(key="csv-new").set_value(True).run()
    assert not fresh_app.error
    assert fresh_app.button(key="csv-store").label == "Store all"
    assert "Samsung Galaxi S23 (new)" in list(fresh_app.dataframe[0].value["Device"])


def test_seconds_in_a_column_of_milliseconds_are_refused_and_nothing_is_stored(
    fresh_app: AppTest, fresh: Settings
) -> None:
    opened(fresh_app, {"view": "register"})
    wrong = (HEADER + GOOD).replace("latency (s)", "latency (ms)")
    upload(fresh_app, "csv-file", "mine.csv", wrong.encode())
    assert "it looks like seconds" in fresh_app.error[0].value
    assert fresh_app.button(key="csv-store").disabled


def test_what_no_column_says_can_be_said_for_all_rows(fresh_app: AppTest) -> None:
    opened(fresh_app, {"view": "register"})
    no_task = (HEADER + GOOD).replace("task,", "").replace("Image classification,", "")
    upload(fresh_app, "csv-file", "mine.csv", no_task.encode())
    assert fresh_app.button(key="csv-store").disabled
    fresh_app.selectbox(key="csv-default-purpose").select("image-classification").run()
    assert not fresh_app.error
    assert list(fresh_app.dataframe[0].value["Purpose"]) == ["Image classification"]


def test_a_file_that_is_no_table_is_told(app: AppTest) -> None:
    opened(app, {"view": "register"})
    for content, message in ((b"\xff\xfe\x00", "not text in UTF-8"), (b"network,device\n", "no rows")):
        upload(app, "csv-file", "mine.csv", content)
        assert message in app.error[0].value.replace("\\", "")


def test_a_model_file_is_read_measured_previewed_and_stored(fresh_app: AppTest, fresh: Settings, built: Built) -> None:
    outcome = flow.build_outcome(built.settings, built.job, built.knowledge)
    index = next(i for i, c in enumerate(outcome.built) if c.recipe.format == "tflite")
    content = flow.artifact_of(built.settings, outcome, outcome.names[index]).read_bytes()
    digits = load("digits")
    opened(fresh_app, {"view": "register"})
    upload(fresh_app, "file-model", "mine.tflite", content)
    assert "17,227" in html(fresh_app)  # the network's 17,226, and the constant that scales its input
    assert "17,024" in html(fresh_app)  # multiply-accumulates: 64 · 128 + 128 · 64 + 64 · 10
    upload(fresh_app, "file-data", "digits.npz", archive(x=digits.x_test, y=digits.y_test))
    fresh_app.button(key="file-measure").click().run()
    assert "which network it is" in fresh_app.error[0].value
    fresh_app.selectbox(key="file-network").select("mlp-128-64")
    fresh_app.selectbox(key="file-purpose").select("image-classification").run()
    fresh_app.button(key="file-measure").click().run()
    assert not fresh_app.exception
    assert not fresh_app.error, [e.value for e in fresh_app.error]
    accuracy = outcome.built[index].measured.accuracy_percent
    assert f"{accuracy:.1f} %" in html(fresh_app)
    knowledge = flow.installation(fresh)
    before = len(knowledge.projection)
    fresh_app.button(key="file-store").click().run()
    assert "1 new model" in fresh_app.success[0].value
    assert len(knowledge.projection) == before + 1
    assert outcome.names[index] in knowledge.projection.positions


def test_a_file_that_is_no_model_is_refused(app: AppTest) -> None:
    opened(app, {"view": "register"})
    upload(app, "file-model", "mine.tflite", np.arange(5000).tobytes())
    assert "**Refused.**" in text(app)
    assert not [b for b in app.button if b.key == "file-measure"]


def test_a_packed_saved_model_is_read_and_a_hostile_archive_is_refused(app: AppTest, tmp_path: Path) -> None:
    opened(app, {"view": "register"})
    upload(app, "file-model", "net.zip", packed(tmp_path / "net.zip").read_bytes())
    assert "TensorFlow SavedModel" in html(app)
    assert "its frozen graph (.pb) is made first" in text(app)
    hostile = packed(tmp_path / "net.zip", PARTS | {"../evil": b"x"}).read_bytes()
    upload(app, "file-model", "net.zip", hostile)
    assert "**Refused.** net.zip: it would unpack to '../evil'" in text(app).replace("\\", "")
    assert not [b for b in app.button if b.key == "file-measure"]


@pytest.mark.slow  # about a minute: TensorFlow starts three times
def test_a_packed_saved_model_is_measured_as_its_graph_and_stored(
    fresh_app: AppTest, fresh: Settings, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "tests.optimizer.foreign_models", str(tmp_path)], check=True, timeout=120)
    digits = load("digits")
    opened(fresh_app, {"view": "register"})
    parts = {
        p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob(f"{SAVED_MODEL}/**/*") if p.is_file()
    }
    upload(fresh_app, "file-model", "mine.zip", packed(tmp_path / "mine.zip", parts).read_bytes())
    upload(fresh_app, "file-data", "digits.npz", archive(x=digits.x_test, y=digits.y_test))
    fresh_app.selectbox(key="file-network").select("mlp-128-64")
    fresh_app.selectbox(key="file-purpose").select("image-classification").run()
    fresh_app.button(key="file-measure").click().run(timeout=180)
    assert not fresh_app.exception
    assert not fresh_app.error, [e.value for e in fresh_app.error]
    assert "What would be stored, as measured on this machine" in html(fresh_app)
    fresh_app.button(key="file-store").click().run()
    assert "1 new model" in fresh_app.success[0].value
    (name,) = [n for n in flow.installation(fresh).projection.positions if n.startswith("local-")]
    kept = measured_model(flow.installation(fresh).graph, name)
    assert kept is not None and (kept.file_name, kept.runtime) == ("mine.pb", "tensorflow-cpu")


def test_a_name_that_nobody_knows_is_mended_on_the_page(fresh_app: AppTest) -> None:
    opened(fresh_app, {"view": "register"})
    upload(fresh_app, "csv-file", "mine.csv", (HEADER + SLIP).encode())
    key = "csv-name-device-Samsung Galaxi S23"
    assert fresh_app.selectbox(key=key).options[0] == "Samsung Galaxy S23"
    fresh_app.selectbox(key=key).select("samsung-galaxy-s23").run()
    assert not fresh_app.error
    assert list(fresh_app.dataframe[0].value["Device"]) == ["Samsung Galaxy S23"]
    fresh_app.selectbox(key=key).select("").run()
    assert list(fresh_app.dataframe[0].value["Device"]) == ["Samsung Galaxi S23 (new)"]


def test_records_as_turtle_are_shown_and_stored(fresh_app: AppTest, fresh: Settings) -> None:
    opened(fresh_app, {"view": "register"})
    good = EXAMPLE.encode()
    upload(fresh_app, "records-file", "mine.ttl", good.replace(b"0.43", b"430"))
    assert "it looks like microseconds" in fresh_app.error[0].value
    assert fresh_app.button(key="records-store").disabled
    upload(fresh_app, "records-file", "mine.ttl", good)
    assert not fresh_app.error
    assert list(fresh_app.dataframe[0].value["Name"]) == ["m:my-model", "p:my-run"]
    fresh_app.button(key="records-store").click().run()
    assert "1 of them models" in fresh_app.success[0].value
    assert "my-model" in flow.installation(fresh).projection.positions
    assert "2 known already" in html(fresh_app)
