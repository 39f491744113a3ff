"""The command line on the shipped facts: what it answers, and that what it cannot use is told in a line."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

import cli
from ontology.records import Grade
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE
from repository.sources.shelf import FACTS, SOURCES
from repository.terms import node
from tests.conftest import copied

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
PAPER = ROOT / "examples" / "abc-medical.json"
NOTHING_FITS = ROOT / "examples" / "nothing-fits.json"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Dlom = Callable[..., Done]


@pytest.fixture(scope="module")
def place(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of these tests."""
    return copied(installation, tmp_path_factory.mktemp("cli"))


@pytest.fixture
def dlom(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dlom:
    """Run the command line in this process, as `./dlom` does in one of its own."""
    monkeypatch.setenv("DLOM_HOME", str(place))

    def run(*words: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["dlom", *map(str, words)])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        gc.collect()  # the store is free again only when nothing refers to it
        out, err = capsys.readouterr()
        assert code is None or isinstance(code, int), code
        return Done(code or 0, out, err)

    return run


def strict(text: str) -> Any:
    """JSON as every reader takes it: no NaN, no Infinity."""

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def process(*words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), *map(str, words)]
    return subprocess.run(
        command, env=os.environ | environ, capture_output=True, text=True, timeout=120, cwd=ROOT, errors="replace"
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_answered(example: Path, dlom: Dlom) -> None:
    text = dlom("select", example)
    assert (text.code, text.err) == (0, "")
    assert text.out.startswith(json.loads(example.read_bytes())["title"])
    assert re.search(r"^[\d,]+ of [\d,]+ models match; [\d,]+ more would match if measured\.$", text.out, re.MULTILINE)

    done = dlom("select", example, "--json")
    assert (done.code, done.err) == (0, "")
    data = strict(done.out)
    counts = data["counts"]
    assert counts["matches"] + counts["would_match_if_measured"] + counts["violate"] == counts["models"] > 2000
    assert data["ranked"] == counts["matches"]
    assert sum(data["weights"]["elicited"].values()) == pytest.approx(1)
    assert len(data["would_match_if_measured"]) == min(50, counts["would_match_if_measured"])

    if not counts["matches"]:
        assert "Nothing matches." in text.out
        return
    assert sum(data["weights"]["used"].values()) == pytest.approx(1)
    assert f"Best: {data['ranking'][0]['title']}" in text.out
    assert [s["place"] for s in data["ranking"]] == sorted(s["place"] for s in data["ranking"])
    for scored in data["ranking"]:
        assert sum(c["points"] for c in scored["contributions"]) == pytest.approx(scored["score"])
        assert {v["outcome"] for v in scored["verdicts"]} <= {"met"}
        for figure in scored["figures"].values():
            assert Grade(figure["evidence"])
            assert figure["source"]
            assert "unit" in figure


def test_where_nothing_fits_it_says_what_to_relax(dlom: Dlom) -> None:
    data = strict(dlom("select", NOTHING_FITS, "--json").out)
    assert (data["counts"]["matches"], data["ranking"], data["card"]) == (0, [], None)
    assert data["near_misses"]
    assert all(miss["admits"] > 0 for miss in data["near_misses"])
    assert data["closest"]
    for close in data["closest"]:
        beyond = [v for v in close["verdicts"] if v["outcome"] == "violated"]
        assert all(v["excess"] > 0 for v in beyond if isinstance(v["actual"], float))
        assert any(v["outcome"] != "met" for v in close["verdicts"])


def test_a_relaxed_requirement_admits_as_many_as_was_said(dlom: Dlom, tmp_path: Path) -> None:
    miss = strict(dlom("select", NOTHING_FITS, "--json").out)["near_misses"][0]
    request = json.loads(NOTHING_FITS.read_bytes())
    step = next(s for s in request if isinstance(request[s], dict) and miss["field"] in request[s])
    request[step][miss["field"]] = miss["relax_to"]
    (tmp_path / "relaxed.json").write_text(json.dumps(request))
    assert strict(dlom("select", tmp_path / "relaxed.json", "--json").out)["counts"]["matches"] == miss["admits"]


def test_the_query_shown_finds_the_matches(dlom: Dlom, tmp_path: Path) -> None:
    example = ROOT / "examples" / "phone-object-detector.json"
    shown = dlom("select", example, "--query").out
    (tmp_path / "shown.rq").write_text(shown, encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(dlom("query", tmp_path / "shown.rq", "--format", "csv").out)))
    matches = strict(dlom("select", example, "--json").out)["counts"]["matches"]
    assert len({row["model"] for row in rows}) == matches > 0


ASKED = "SELECT ?label { dev:samsung-galaxy-s24 rdfs:label ?label }"


@pytest.mark.parametrize(
    "text",
    [
        ASKED,
        "PREFIX dev: <https://w3id.org/dlom/device/>\n" + ASKED,
        "PREFIX x: <https://w3id.org/dlom/device/>\n" + ASKED.replace("dev:", "x:"),
        "\ufeff" + ASKED,  # as some editors save it
    ],
    ids=["none", "ours", "own", "byte order mark"],
)
def test_a_query_with_and_without_prefixes(text: str, dlom: Dlom, tmp_path: Path) -> None:
    (tmp_path / "asked.rq").write_text(text, encoding="utf-8")
    assert dlom("query", tmp_path / "asked.rq", "--format", "csv").out.splitlines() == ["label", "Samsung Galaxy S24"]


def test_the_formats_of_a_query(dlom: Dlom, tmp_path: Path) -> None:
    file = tmp_path / "asked.rq"
    file.write_text(ASKED)
    data = strict(dlom("query", file, "--format", "json").out)
    assert data["results"]["bindings"][0]["label"]["value"] == "Samsung Galaxy S24"
    assert [line.strip() for line in dlom("query", file).out.splitlines()] == ["label", "Samsung Galaxy S24", "(1 row)"]
    file.write_text("SELECT ?d { VALUES ?d { dev:samsung-galaxy-s24 } }")
    assert "dev:samsung-galaxy-s24" in dlom("query", file).out
    file.write_text("ASK { ?m a :Model }")
    assert dlom("query", file, "--format", "csv").out == "answer\ntrue\n"
    file.write_text("CONSTRUCT { ?d rdfs:label ?l } WHERE { VALUES ?d { dev:samsung-galaxy-s24 } ?d rdfs:label ?l }")
    for words in ([], ["--format", "csv"], ["--format", "json"]):
        assert 'dev:samsung-galaxy-s24 rdfs:label "Samsung Galaxy S24"' in dlom("query", file, *words).out


def test_every_row_of_every_table_is_accounted_for(dlom: Dlom) -> None:
    found: dict[str, int] = {}
    for line in dlom("sources").out.splitlines():
        if told := re.fullmatch(
            r"\S+  (\S+): ([\d,]+) rows = ([\d,]+) loaded, ([\d,]+) merged, ([\d,]+) left out", line
        ):
            rows, *parts = (int(number.replace(",", "")) for number in told.groups()[1:])
            assert rows == sum(parts), line
            found[told[1]] = rows
    for name in {table for source in SOURCES for table in source.tables}:
        with (FACTS / name).open(encoding="utf-8", newline="") as file:
            assert found.pop(name) == sum(1 for _ in csv.DictReader(file)), name
    assert found == {}


def test_everything_wrong_with_a_requirement_is_told_at_once(dlom: Dlom, tmp_path: Path) -> None:
    wrong = {
        "projekt": {},
        "project": {"taks": "x", "budget_usd": -5, "devices": 1.5, "task": "objekt-detection"},
        "network": {"networks": ['" } ; DROP ALL #\x1b[31m\n'], "parameters_at_most": float("inf")},
        "device": 7,
        "performance": {"inference_latency_ms_at_most": "3 parsecs", "accuracy_percent_at_least": 101},
    }
    (tmp_path / "request.json").write_text(json.dumps(wrong))
    done = dlom("select", tmp_path / "request.json")
    assert (done.code, done.out) == (2, "")
    head, *lines = done.err.splitlines()
    assert head == "the requirement cannot be used:"
    for told in [
        "projekt: unknown section; did you mean project?",
        "project.taks: unknown field; did you mean task?",
        "project.budget_usd: must be more than 0 USD, got -5",
        "project.devices: must be a whole number, got 1.5",
        "project.task: 'objekt-detection' is not known here; did you mean object-detection",
        "network.networks: '\" } ; DROP ALL #\N{REPLACEMENT CHARACTER}[31m",
        "network.parameters_at_most: ",
        "device: must be an object",
        "performance.inference_latency_ms_at_most: unknown unit 'parsecs'; write 20 ms",
        "performance.accuracy_percent_at_least: must be at most 100 %, got 101",
    ]:
        assert sum(line.startswith(f"  {told}") for line in lines) == 1, told
        lines = [line for line in lines if not line.startswith(f"  {told}")]
    assert lines == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "file: a requirement is a JSON object"),
        ("not json", "file: not JSON"),
        ("\0\0", "file: not JSON"),
        ('{"preferences": [{"more": "speed", "less": "cost", "strength": "strong"}]}', "unknown objective 'speed'"),
    ],
)
def test_a_requirement_that_cannot_be_used(text: str, told: str, dlom: Dlom, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(text)
    done = dlom("select", tmp_path / "request.json")
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert len(done.err.splitlines()) == 2


def test_a_file_that_cannot_be_used(dlom: Dlom, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x80\x81\0" * 99)
    for words, told in [
        (("select", tmp_path / "missing.json"), f"{tmp_path}/missing.json: No such file or directory"),
        (("select", tmp_path), f"{tmp_path}: Is a directory"),
        (("query", tmp_path / "missing.rq"), f"{tmp_path}/missing.rq: No such file or directory"),
        (("query", tmp_path / "binary"), "this is not a SPARQL query that can be read"),
        (("query", PAPER, "--format", "xml"), "--format: 'xml' is not a format; write table, csv or json"),
    ]:
        done = dlom(*words)
        assert (done.code, done.out) == (2, ""), words
        assert told in done.err
        assert len(done.err.splitlines()) <= 2
        assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("DROP ALL", "this is not a SPARQL query"),
        ("INSERT DATA { GRAPH g:catalog { m:x a :Model } }", "this is not a SPARQL query"),
        ("LOAD <http://127.0.0.1:9/>", "this is not a SPARQL query"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> {} }", "SERVICE would call another server and is refused"),
        ("SELECT * { ?s ?p", "this is not a SPARQL query"),
        ("SELECT * { ?s nobody:knows ?o }", "the prefix nobody: is not declared; write PREFIX nobody: <…> before"),
        ("SELECT * {}", "the query names no variable"),
    ],
)
def test_a_query_that_cannot_be_run(text: str, told: str, dlom: Dlom, tmp_path: Path) -> None:
    (tmp_path / "asked.rq").write_text(text)
    done = dlom("query", tmp_path / "asked.rq")
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert len(done.err.splitlines()) == 1


def test_asking_writes_nothing(dlom: Dlom, place: Path, tmp_path: Path) -> None:
    def content() -> tuple[int, set[object]]:
        graph = EmbeddedGraph(place / STORE)
        return len(graph), {*graph.quads(node("g", "catalog")), *graph.quads(node("g", "decisions"))}

    before = content()
    (tmp_path / "drop.rq").write_text("DROP ALL")
    (tmp_path / "hostile.json").write_text(json.dumps({"title": '" } ; DROP ALL #', "project": {"task": "x"}}))
    for words in (
        ("select", PAPER),
        ("select", tmp_path / "hostile.json"),
        ("query", tmp_path / "drop.rq"),
        ("sources",),
    ):
        dlom(*words)
    assert content() == before


def test_a_wrong_setting_is_told(dlom: Dlom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLOM_PORT", "many")
    done = dlom("sources")
    assert (done.code, done.err) == (
        2,
        "DLOM_PORT='many' is not a port; write a number from 1 to 65535, such as 8501\n",
    )


def test_a_store_in_use_is_told(place: Path, tmp_path: Path) -> None:
    held = EmbeddedGraph(place / STORE)
    asked = process("select", PAPER, DLOM_HOME=str(place), DLOM_STORE_WAIT="1")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr == (
        "another command holds the knowledge graph; waiting for it, at most 1 s\n"
        f"the knowledge graph in {place / STORE} is open in another process, which cannot be reached; wait until it "
        "has finished, or stop it and try again\n"
    )
    loading = process("load", DLOM_HOME=str(place))
    assert (loading.returncode, loading.stdout) == (2, "")
    assert "is open in another process; is the app running, or another ./dlom at work?" in loading.stderr
    assert len(held) > 0


def test_a_command_waits_for_another_that_holds_the_store(place: Path) -> None:
    held = EmbeddedGraph(place / STORE)
    waiting = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "sources"], env=os.environ | {"DLOM_HOME": str(place)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert waiting.stderr is not None
    assert "another command holds the knowledge graph" in waiting.stderr.readline()
    held.close()
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert "aihub-0.46.1" in said


def test_a_title_that_the_terminal_cannot_write(place: Path, tmp_path: Path) -> None:
    """Neither the kanji nor ● is in Latin-1."""
    request = json.loads(PAPER.read_bytes()) | {"title": "\u6f22 ABC"}
    (tmp_path / "request.json").write_text(json.dumps(request))
    done = process("select", tmp_path / "request.json", DLOM_HOME=str(place), PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("? ABC\n")


def test_help_is_there_without_loading_anything(tmp_path: Path) -> None:
    done = process("--help", DLOM_HOME=str(tmp_path / "home"))
    assert done.returncode == 0
    for verb in ("run", "load", "select", "query", "sources"):
        assert verb in done.stdout
    assert "Usage: ./dlom [OPTIONS] COMMAND" in done.stdout
    assert "Find the optimized deep-learning model" in done.stdout
    version = process("--version", DLOM_HOME=str(tmp_path / "home"))
    assert version.stdout == f"DLOM {cli.VERSION} on Python {sys.version.split()[0]}\n"
    assert f"({cli.VERSION})" in (ROOT / "CHANGELOG.md").read_text()
    assert "./dlom query" in process("query", "--help", DLOM_HOME=str(tmp_path / "home")).stdout
    assert not (tmp_path / "home").exists()
