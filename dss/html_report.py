"""The report of a decision as one HTML file: it needs no network, prints on A4 and opens on a phone.

It is written from the dossier alone (`dss/dossier.py`), by a template that escapes every text: labels and comments
come from the graph, and whoever registered them may have meant harm. The page carries no script, and its policy
forbids the browser to run or to fetch any.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2

from dss import report_charts
from dss.words import SHAPES
from ontology.records import Decision, Grade

TEMPLATE = Path(__file__).with_name("report_page.html")
GRADE_WORDS: Mapping[Grade, str] = {
    Grade.MEASURED: "by DLOM's own procedure, on a device that is named",
    Grade.PUBLISHED: "by a benchmark, with its version",
    Grade.LITERATURE: "in a paper or on a page that is named",
    Grade.DECLARED: "somebody's word, such as a price from general knowledge",
    Grade.PREDICTED: "computed, not measured",
}


def page(kept: Mapping[str, Any], decision: Decision | None = None, *, made: date | None = None) -> str:
    """The report of a dossier as HTML; the same text for the same arguments.

    `decision` is the record that keeps the dossier; without one the page says that nothing is recorded, and `made` is
    the date that it bears.
    """
    answer, chosen, cards, sure = (kept.get(key) for key in ("answer", "chosen", "cards", "sure"))
    assert answer is not None and cards is not None
    winner = answer["ranking"][0]["model"] if answer["ranking"] else None
    shown = chosen["model"] if chosen else None
    score = chosen["score"] if chosen else None
    charts: dict[str, Any] = {
        "weights": report_charts.weight_bars(answer["weights"]),
        "contributions": score
        and report_charts.contribution_bars(score["contributions"], score["score"], score["score_at_best"]),
        "chances": sure
        and report_charts.share_bars(
            f"Share of {sure['samples']:,} draws in which each came first",
            [(c["title"], c["first"]) for c in sure["chances"]],
        ),
        "scatter": kept["chart"] and report_charts.scatter(kept["chart"], shown),
    }
    requirement = _requirement(answer)
    return _template().render(
        kept=kept,
        answer=answer,
        words=kept["in_words"],
        chosen=chosen,
        sure=sure,
        charts=charts,
        decision=decision,
        when=_when(decision.decided_at if decision else made),
        winner=cards.get(winner),
        shown=cards.get(shown),
        followed=shown == winner,
        score=score,
        requirement=requirement,
        requirement_link=f"data:application/json;base64,{base64.b64encode(requirement.encode()).decode()}",
        marks={g.value: SHAPES[g] for g in Grade},
        grades=[(SHAPES[g], g.value, words) for g, words in GRADE_WORDS.items()],
        size=report_charts,
    )


def _when(moment: date | None) -> str:
    if moment is None:
        return ""
    day = f"{moment.day} {moment:%B %Y}"
    return f"{day}, {moment:%H:%M} UTC" if isinstance(moment, datetime) else day


def _requirement(answer: Mapping[str, Any]) -> str:
    """The requirement with the preferences as one file, which `./dlom select` and the wizard read."""
    given = answer["requirement"] | {"preferences": answer["preferences"]}
    parts = [f"  {json.dumps(key)}: {_one_a_line(value)}" for key, value in given.items() if value]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _one_a_line(value: Any) -> str:
    """JSON with each part of a list or an object on a line of its own, as people write it."""
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"    {_json(k)}: {_json(v)}" for k, v in value.items()) + "\n  }"
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"    {_json(v)}" for v in value) + "\n  ]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _web_address(text: str | None) -> str:
    """An address that may become a link: of the web only, since `javascript:` would run when it is clicked."""
    try:
        return text if text and urlsplit(text.strip()).scheme.lower() in ("http", "https") else ""
    except ValueError:
        return ""


def _money(value: float | None) -> str:
    return "not known" if value is None else f"${value:,.0f}" if value == round(value) else f"${value:,.2f}"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"web_address": _web_address, "money": _money}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
