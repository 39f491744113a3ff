"""What a replay finds, on answers and facts small enough to read."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from dss.decision import Change, DecisionError, Difference, Kind, Known, Replay, asked, compare, recorded
from dss.decision_words import MOST, change_words, told
from ontology.records import Decision
from repository.decisions import canonical_json, digest_of


def ranked(model: str, score: float, **figures: float) -> dict[str, Any]:
    told = {name: {"value": v, "evidence": "measured", "source": "bench"} for name, v in figures.items()}
    return {"model": model, "score": score, "figures": told}


def dossier() -> dict[str, Any]:
    """`a` before `b`, of three models."""
    return {
        "program": "p1",
        "scales": {"version": 1, "each": {"latency/x": "d1"}},
        "answer": {
            "counts": {"models": 3, "matches": 2},
            "ranking": [ranked("a", 4.0, size_kib=10.0), ranked("b", 3.0, size_kib=20.0)],
            "closest": [],
        },
        "chosen": {"model": "b", "place": 2},
        "sure": {"chances": [{"model": "a", "first": 0.75}, {"model": "b", "first": 0.25}]},
        "sources": [{"name": "bench", "digest": "t1", "version": "1.0"}],
    }


def facts() -> dict[str, Any]:
    return {
        "models": ["a", "b", "c"],
        "matches": ["a", "b"],
        "figures": {"size_kib": {"a": [10.0, "measured", "bench"], "b": [20.0, "measured", "bench"]}},
        "prices": {"board": [100.0, "declared", "a shop, 2026-11-01"]},
        "votes": [],
        "clouds": {"small": {"price_usd_per_hour": "0.1"}},
        "scales": {},
    }


def record(kept: dict[str, Any]) -> Decision:
    return Decision(
        name="one",
        decided_at=datetime(2026, 11, 20, tzinfo=UTC),
        decided_by="Jane",
        winner="a",
        chosen_model="b",
        answer_json=canonical_json(kept),
        answer_digest=digest_of(kept["answer"]),
    )


def replayed(now: dict[str, Any] | None = None, facts_now: dict[str, Any] | None = None) -> Replay:
    return compare(record(dossier()), facts(), now or dossier(), facts_now or facts())


def test_nothing_changed() -> None:
    assert replayed() == Replay(
        decision="one", same=True, identical=True, winner=("a", "a"), matches=(2, 2), chosen="b", chosen_place=(2, 2),
        changes=(), differences=(),
    )  # fmt: skip


def test_the_last_digit_of_a_number_is_not_another_answer() -> None:
    now = dossier()
    now["answer"]["ranking"][0]["score"] = 4.0 + 1e-12
    found = replayed(now)
    assert (found.same, found.identical) == (True, False)
    now["answer"]["ranking"][0]["score"] = 4.001
    assert replayed(now).differences == (Difference("ranking.0.score", 4.0, 4.001),)


def test_what_the_program_says_only_now_is_no_difference() -> None:
    now = dossier() | {"program": "p2"}
    now["answer"]["advice"] = "new"
    found = replayed(now)
    assert (found.same, found.said_since) == (True, ("advice",))
    assert told(found) == [
        "one: the same answer; the program has learnt to say more since: advice.",
        "Changed since, without a bearing on the answer:",
        "  the program: version p1 → p2",
    ]


def test_what_it_no_longer_says_is_one() -> None:
    now = dossier()
    del now["answer"]["counts"]["models"]
    assert replayed(now).differences == (Difference("counts.models", 3, None),)


def test_another_order_is_told_with_the_places() -> None:
    now = dossier()
    now["answer"]["ranking"].reverse()
    now["chosen"]["place"] = 1
    lines = told(replayed(now))
    assert lines[:3] == [
        "one: the answer is not the same.",
        "Recommended then: a; now: b.",
        "The chosen b: then place 2, now place 1.",
    ]
    assert "No fact or scale that was compared has changed; these parts of the answer have:" in lines
    assert "  ranking.0.model: a → b" in lines


def test_chances_come_from_samples_and_may_differ_a_little() -> None:
    now = dossier()
    now["sure"]["chances"][0]["first"] = 0.754
    assert replayed(now).same
    now["sure"]["chances"][0]["first"] = 0.70
    assert replayed(now).differences == (Difference("sure.a", 0.75, 0.70),)


def test_every_kind_of_change_is_named_with_both_values() -> None:
    now, facts_now = dossier(), facts()
    now["scales"]["each"]["latency/x"] = "d2"
    now["sources"] = [
        {"name": "bench", "digest": "t2", "version": "1.1"},
        {"name": "more", "digest": "m", "version": None},
    ]
    facts_now["models"] = ["a", "b", "d"]
    facts_now["figures"]["size_kib"]["a"] = [12.5, "published", "paper"]
    facts_now["figures"]["size_kib"]["b"] = [20.0, "measured", "bench"]
    facts_now["prices"]["board"] = [120.0, "declared", "a shop, 2026-12-01"]
    facts_now["votes"] = [["b", "cost", "4"]]
    facts_now["clouds"] = {}
    assert [change_words(c) for c in replayed(now, facts_now).changes] == [
        "a: size 10 KiB (measured, bench) → 12.5 KiB (published, paper)",
        "b: on cost a vote of 4 came",
        "source bench: its tables t1 (1.0) → t2 (1.1)",
        "source more: new",
        "1 model came: d",
        "1 model went: c",
        "price of board: 100 USD (declared, a shop, 2026-11-01) → 120 USD (declared, a shop, 2026-12-01)",
        "cloud small: no longer there",
        "rating scale latency/x: frozen anew",
    ]


def test_one_change_of_many_models_is_told_once() -> None:
    then, now = facts(), facts()
    names = [f"m{i:02}" for i in range(12)]
    for given, size in ((then, 1.0), (now, 2.0)):
        given["models"] = [*given["models"], *names]
        given["figures"]["size_kib"] |= {n: [size, "measured", "bench"] for n in names}
    (change,) = compare(record(dossier()), then, dossier(), now).changes
    assert change.models == tuple(names)
    assert change_words(change).startswith("m00, m01, m02 and 9 more: size 1 KiB")


def test_a_long_list_is_cut_with_its_length() -> None:
    changes = tuple(Change(Kind.PRICE, f"board {i}", Known(1.0), None) for i in range(MOST + 3))
    found = Replay("one", False, False, ("a", "a"), (2, 2), "b", (2, 2), changes, (Difference("counts.matches", 2, 3),))
    lines = told(found)
    assert lines[-1] == "  and 3 more changes"
    assert "  price of board 0: 1 USD → not known" in lines


def test_without_kept_facts_only_what_both_answers_show_is_compared() -> None:
    now = dossier()
    now["answer"]["ranking"][1]["figures"]["size_kib"]["value"] = 21.0
    found = compare(record(dossier()), None, now, facts())
    assert [(c.what, c.models) for c in found.changes] == [("size_kib", ("b",))]
    assert not found.facts_kept


def test_a_figure_that_is_shown_but_bears_on_nothing_is_named_too() -> None:
    then, now = dossier(), dossier()
    for kept, value in ((then, 90.0), (now, 80.0)):
        kept["answer"]["ranking"][0]["figures"]["throughput_per_s"] = {
            "value": value, "evidence": "measured", "source": "bench",
        }  # fmt: skip
    (change,) = compare(record(then), facts(), now, facts()).changes
    assert change_words(change) == "a: throughput 90 per second (measured, bench) → 80 per second (measured, bench)"


def test_a_record_is_read_from_its_own_texts_only() -> None:
    kept = dossier()
    broken = copy.deepcopy(kept)
    broken["answer"]["ranking"][0]["score"] = 5.0
    altered = Decision(name="one", answer_json=canonical_json(broken), answer_digest=digest_of(kept["answer"]))
    found = compare(altered, facts(), kept, facts())
    assert (found.same, found.changes[0].kind) == (False, Kind.RECORD)
    for text in (None, "", "{", "[]", '{"answer": 1}'):
        with pytest.raises(DecisionError, match="cannot be read"):
            recorded(Decision(name="one", answer_json=text))
    for text in ("", "[]", '{"project": {"devices": "many"}}'):
        with pytest.raises(DecisionError, match="cannot be asked again"):
            asked(Decision(name="one", requirement_json=text), {})
