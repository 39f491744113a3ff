"""An analyst's first query from outside gives what the command line gives, and the page shows what runs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from repository.export import dictionary, wide_table
from repository.questions import questions
from tests.http.served import Served
from tests.tiny import tiny_knowledge

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples" / "analyst"
PAGE = (ROOT / "docs" / "analyst.md").read_text(encoding="utf-8")
# Of the tiny graph: a to e, n and s, at best 5 ms; and p, with 7 ms.
EXPECTED = "task,models,fastest_ms\nImage classification,7,5\nObject detection,1,7\n"
RUN = {"first_query.py": sys.executable, "first_query.sh": "sh", "first_query.R": "Rscript"}


def asked(program: str, file: str, address: str) -> str:
    environ = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {"DLOM_URL": address}
    done = subprocess.run(
        [program, str(EXAMPLES / file)], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("file", RUN)
def test_the_first_query_gives_the_same_from_everywhere(running: Served, file: str) -> None:
    program = shutil.which(RUN[file])
    if program is None:
        pytest.skip(f"{RUN[file]} is not installed")
    assert asked(program, file, str(running.client.base_url).rstrip("/")) == EXPECTED


def test_the_command_line_says_the_same(running: Served) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "query", str(EXAMPLES / "first_query.rq"), "--format", "csv"],
        env=os.environ | {"DLOM_HOME": str(running.home)}, capture_output=True, text=True, timeout=60, check=False,
        cwd=ROOT,
    )  # fmt: skip
    assert done.stdout == EXPECTED, done.stderr


def test_the_wide_table_is_given_over_http(running: Served) -> None:
    projection = tiny_knowledge().projection
    parquet = pd.read_parquet(io.BytesIO(running.client.get("/table.parquet").content))
    pd.testing.assert_frame_equal(parquet, wide_table(projection))
    assert len(pd.read_csv(io.BytesIO(running.client.get("/table.csv").content))) == len(projection)
    told = pd.read_csv(io.BytesIO(running.client.get("/dictionary.csv").content))
    assert list(told["column"]) == list(dictionary(projection)["column"])


@pytest.mark.parametrize("file", [*RUN, "first_query.rq"])
def test_the_page_shows_each_script_as_it_is(file: str) -> None:
    blocks = re.findall(r"```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert (EXAMPLES / file).read_text(encoding="utf-8") in blocks


def test_the_page_names_every_question_and_no_other() -> None:
    section = PAGE.split("## Questions")[1].split("From Python")[0]
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert sorted(re.findall(r"`([a-z0-9-]+)`", table)) == sorted(q.name for q in questions())
