"""The command line's verbs about the graph, on the shipped facts."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest

from ontology.settings import Settings
from repository.tokens import verify
from tests.conftest import copied
from tests.test_cli import Dlom
from tests.test_cli import dlom as dlom  # the fixture


@pytest.fixture(scope="module")
def place(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of these tests."""
    return copied(installation, tmp_path_factory.mktemp("cli-graph"))


def test_the_named_questions_are_listed_with_their_parameters(dlom: Dlom) -> None:
    listed = dlom("questions").out
    assert re.search(r"^cheapest-fleet .*\blatency_ms=", listed, re.MULTILINE)
    assert listed.count("\n") >= 2 * 20


def test_a_named_question_is_asked_with_a_parameter(dlom: Dlom) -> None:
    """Of the devices with something under 5 ms the dearest fleet has the dearest single price."""
    done = dlom("questions", "cheapest-fleet", "latency_ms=5", "devices=10", "--format", "csv")
    fleets = list(csv.DictReader(io.StringIO(done.out)))
    assert fleets
    assert all(float(f["fastest_ms"]) <= 5 for f in fleets)
    assert [float(f["fleet_usd"]) for f in fleets] == sorted(10 * float(f["price_usd"]) for f in fleets)


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_a_column_that_mixes_metrics_is_told_beside_the_answer(dlom: Dlom, tmp_path: Path, format: str) -> None:
    file = tmp_path / "mixed.rq"
    file.write_text("SELECT ?x { ?p :metricValue ?x ; :current true } LIMIT 2000")
    done = dlom("query", file, "--format", format)
    assert re.search(r"^Column x mixes .* metrics .*; its values do not compare\.$", done.err, re.MULTILINE)
    assert "mixes" not in done.out
    file.write_text("SELECT ?x { ?p :inferenceLatencyMs ?x } LIMIT 5")
    assert dlom("query", file, "--format", format).err == ""


def test_a_documented_name_with_two_dots_can_be_asked_for(dlom: Dlom, tmp_path: Path) -> None:
    file = tmp_path / "dots.rq"
    file.write_text(
        "SELECT (COUNT(*) AS ?n) { GRAPH g:models-aihub-0.46.1 { ?m prov:hadPrimarySource src:aihub-0.46.1 } }"
    )
    done = dlom("query", file, "--format", "csv")
    assert int(done.out.split()[1]) > 1000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("questions", "nope"), "there is no question 'nope'; there are: best-runtime"),
        (("questions", "best-runtime", "colour=red"), "best-runtime has no parameter colour"),
        (("questions", "cheapest-fleet", "latency_ms"), "write a parameter as key=value"),
        (("history", "nope"), "there is no model 'nope'"),
        (("sources", "--remove", "nope"), "'nope' is no shipped source in the graph; there are: "),
        (("load", "--again", "nope"), "'nope' is no shipped source"),
        (("token", "ci", "--read-only", "--update"), "--read-only and --update exclude each other"),
        (("token", "ci", "--revoke"), "there is no token 'ci'"),
        (("withdraw", "nope", "--by", "Ann", "--because", "a slip"), "there is no performance p:nope"),
        (("export", "table.xls"), "write a name that ends in .csv or .parquet"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(dlom: Dlom, words: tuple[str, ...], said: str) -> None:
    done = dlom(*words)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(("more", "right"), [((), "register"), (("--update",), "update"), (("--read-only",), "read")])
def test_a_token_may_register_unless_more_or_less_is_asked_for(
    more: tuple[str, ...], right: str, dlom: Dlom, place: Path
) -> None:
    found = verify(place, dlom("token", f"for-{right}", *more).out.strip())
    assert found is not None
    assert found.right == right
    dlom("token", f"for-{right}", "--revoke")


def test_a_token_is_shown_once_and_can_be_taken_back(dlom: Dlom, place: Path) -> None:
    issued = dlom("token", "reader", "--read-only").out.strip()
    kept = verify(place, issued)
    assert kept is not None
    assert kept.right == "read"
    assert issued not in dlom("token").out
    dlom("token", "reader", "--revoke")
    assert verify(place, issued) is None


def test_a_source_is_taken_out_and_stays_out(dlom: Dlom) -> None:
    dlom("sources", "--remove", "dlom2-paper")
    assert "dlom2-paper" not in dlom("sources").out
    dlom("load", "--again", "dlom2-paper")
    assert "dlom2-paper" in dlom("sources").out


def test_the_wide_table_is_written_as_parquet(dlom: Dlom, tmp_path: Path) -> None:
    assert dlom("export", tmp_path / "all.parquet").code == 0
    assert dlom("export", tmp_path / "all.dictionary.csv").code == 0
    table = pd.read_parquet(tmp_path / "all.parquet")
    assert set(pd.read_csv(tmp_path / "all.dictionary.csv")["column"]) == set(table.columns)


def test_a_withdrawn_figure_stays_in_the_history(dlom: Dlom, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "network,device,runtime,precision,task,latency (ms)\n"
        "MobileNet v2,Samsung Galaxy S24,LiteRT,float,image-classification,3.25\n"
    )
    assert dlom("register", file).code == 0
    rows = list(csv.DictReader(io.StringIO(dlom("questions", "registered-last", "--format", "csv").out)))
    model = next(r["model"] for r in rows if r["model"]).rsplit("/", 1)[-1]
    told = dlom("history", model).out
    name = next(word for word in told.split() if word.startswith("local-"))
    assert dlom("withdraw", name, "--by", "Ann", "--because", "the wrong phone").code == 0
    assert "by Ann: the wrong phone" in dlom("history", model).out
